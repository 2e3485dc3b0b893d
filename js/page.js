// The page's part of keep-alive, for the top of Colab's page, where alone the connect button can be reached: a userscript,
// a bookmarklet, or pasted into the console. Looks at the button once an interval, tells the frames what it saw, presses
// it when Colab has disconnected in the middle of work, and shows in a corner that it is there.
//
// It presses nothing while a dialog or a captcha is open, nothing but that button, and never while it is connected: a cell
// that runs holds Colab's own idle timer off, and what is idle is to end. Whether there is work is the kernel's word, which
// the frames pass on (keepalive.js). Without any, one that was started by hand acts, for so many hours; the userscript,
// which is in every notebook that is opened, does not.

import { alarm, untilNext } from "./alarm.js";
import { quietSound, wakeLock } from "./awake.js";
import { findButton, hasUnsavedEdits, inTheWay, offered } from "./connect.js";
import { corner } from "./corner.js";
import { remember, remembered } from "./memory.js";
import { fromFrame, MOVES_TOLD } from "./messages.js";
import { notify } from "./notice.js";
import { PRESSES, start, step } from "./reconnect.js";

/**
 * @typedef {object} Parameters
 * @property {string} version
 * @property {number} interval_s
 * @property {number} max_hours
 * @property {boolean} stays whether it comes back when the page is loaded anew: else it never reloads
 */
/** @typedef {import("./messages.js").FromFrame} FromFrame */

const NAME = "colab_guard.page";
const SOON = 5e3; // between two looks while it is not connected
const PRESENT = 60e3; // a user who pressed something so long ago is there
const LINE = 60e3; // between two lines in the console
const FRAMES = 50;

/** @param {Parameters} parameters */
export function keepPage({ version, interval_s, max_hours, stays }) {
  if (window.top !== window) return console.warn(`colab_guard: ${IN_A_FRAME}`);
  const here = /** @type {any} */ (globalThis);
  here[NAME]?.stop(); // started twice: the newer one stays
  const id = crypto.randomUUID();
  const interval = interval_s * 1000;
  const [sound, lock] = [quietSound(), wakeLock()];
  /** @type {Map<Window, FromFrame>} */
  const frames = new Map();
  /** @type {import("./messages.js").Told[]} */
  const moved = [];
  const { before, memory } = remembered(stays);
  let { began, told } = memory;
  let machine = start(Date.now(), { interval, mayReload: stays, ...before });
  let [presses, heardAt, interacted, logged, unknownSince, connect] = [0, 0, 0, 0, 0, "unknown"];
  const bell = alarm(look);
  const badge = corner(stop, () => sound.clicked());

  /** Whether there is work, as far as anybody said. @param {number} now */
  const working = (now) => (told ? told.working : !stays) && now - (told?.at ?? began) < max_hours * 3600e3;

  function look() {
    const now = Date.now();
    const { offer, obstacle } = observe();
    connect = obstacle && offer !== "connected" ? "dialog" : offer;
    const act = working(now) && !obstacle && navigator.onLine && findButton(document) !== null;
    const failing = machine.mayReload && machine.tries >= PRESSES && act && offer === "disconnected";
    const unsaved = failing ? hasUnsavedEdits(document) : true; // asked only when it counts
    happen({ what: "look", offer, act, present: now - interacted < PRESENT, unsaved });
    const watches = working(now) && machine.name !== "waiting";
    sound.want(watches);
    lock.want(watches);
    for (const frame of frames.keys()) if (frame.closed) frames.delete(frame);
    tell([...frames.keys()]);
    paint();
    const next = untilNext(began, interval, now);
    bell.set(["lost", "reconnecting"].includes(machine.name) ? Math.min(next, SOON) : next);
  }

  /** Never throws: whatever became of Colab's page. */
  function observe() {
    try {
      return { offer: offered(document), obstacle: inTheWay(document) };
    } catch (error) {
      log(`Colab's page is not as known: ${error}`);
      return { offer: /** @type {const} */ ("unknown"), obstacle: null };
    }
  }

  /** @param {import("./reconnect.js").Happening} event */
  function happen(event) {
    const { state, actions } = step(machine, event, Date.now());
    machine = state;
    for (const action of actions) {
      if (action.do === "press") press();
      else if (action.do === "reload") reload();
      else moves(action);
    }
  }

  /** @param {import("./reconnect.js").Move} action */
  function moves({ from, to, at, why }) {
    moved.push({ from, to, at, why });
    moved.splice(0, moved.length - MOVES_TOLD);
    unknownSince = to === "connected" && ["lost", "reconnecting"].includes(from) && why === "the page is connected" ? at : 0;
    if (to === "lost" && [...frames.values()].some((frame) => frame.notify)) notify("Colab has disconnected.");
    log(`${from} → ${to}: ${why}`);
  }

  function press() {
    findButton(document)?.element.click();
    presses += 1;
  }

  function reload() {
    remember({ reloads: machine.reloads, session: machine.session, began, told, at: Date.now() });
    location.reload();
  }

  /** @param {MessageEvent} event */
  function hear(event) {
    const source = /** @type {Window | null} */ (event.source);
    const frame = source && isBelow(source) ? fromFrame(event.data) : null;
    if (!source || !frame) return;
    const before = frames.get(source);
    if (before || frames.size < FRAMES) frames.set(source, frame);
    if (frame.state !== "waiting") told = { working: frame.working, at: Date.now() }; // a saved output knows nothing
    if (before && frame.done > before.done && frame.notify) notify(`${before.cell || "The cell"} is done.`);
    const since = machine.name === "connected" ? heardAt : Math.max(heardAt, machine.since);
    if (frame.session && frame.heard > since) {
      [heardAt, unknownSince] = [frame.heard, 0];
      if (connect !== "disconnected") happen({ what: "heard", session: frame.session });
    }
    if (!before) tell([source]);
    paint();
  }

  /** @param {Window[]} to */
  function tell(to) {
    const counts = { presses, reloads: machine.reloads.length, version, interacted: interacted || null };
    const message = { colab_guard: 1, what: "page", id, at: Date.now(), connect, state: machine.name, moved, ...counts };
    for (const frame of to) frame.postMessage(message, "*"); // a frame's origin is its own, and none of this is a secret
  }

  /** At most one line a minute. @param {string} text */
  function log(text) {
    if (Date.now() - logged < LINE) return;
    logged = Date.now();
    console.info(`colab_guard: ${text}`);
  }

  function paint() {
    const now = Date.now();
    const quiet = stays && machine.name === "waiting" && frames.size === 0;
    badge.paint(quiet ? "" : words(now), sound.state() === "waiting for a click");
  }

  /** @param {number} now */
  function words(now) {
    if (connect === "dialog") return "Colab asks something: answer it; nothing is pressed meanwhile";
    const kernels = [...frames.values()].filter((frame) => frame.state !== "waiting");
    const mute = machine.name === "connected" && kernels.length > 0 && kernels.every((frame) => frame.state === "lost");
    if (machine.name === "connected" && unknownSince && now - unknownSince > 2 * interval)
      return "Colab is connected to another kernel. Press Runtime › Run all: a guarded cell then goes on where it was";
    if (mute) return "Colab says that it is connected, but the kernel does not answer: reload the page, or look at the runtime";
    if (machine.name === "connected") return working(now) ? "Watching the connection" : "Connected; no work to watch over";
    if (machine.name === "waiting") return connect === "unknown" ? NOT_KNOWN : "Not connected yet";
    if (connect === "connecting") return "Colab is connecting";
    if (machine.theirs) return "Colab disconnected while you were there: press Reconnect if you want it back";
    if (connect === "unknown") return NOT_KNOWN;
    if (!working(now)) return "Colab has disconnected; no work, so nothing is pressed";
    const next = new Date(machine.next).toLocaleTimeString();
    return `Colab has disconnected. Reconnect was pressed ${presses}×; it is pressed again at ${next}`;
  }

  /** @param {Event} event */
  const used = (event) => void (event.isTrusted && (interacted = Date.now()));
  const ends = new AbortController();
  for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, used, { ...ends, capture: true, passive: true });
  for (const name of ["online", "offline", "focus", "pageshow"]) window.addEventListener(name, look, ends);
  document.addEventListener("visibilitychange", look, ends);
  window.addEventListener("message", hear, ends);

  function stop() {
    ends.abort();
    bell.stop();
    sound.want(false);
    lock.want(false);
    badge.remove();
    if (here[NAME]?.id === id) delete here[NAME];
  }
  const state = () => {
    const { name } = machine;
    const shape = findButton(document)?.shape ?? null;
    return { connect, presses, name, shape, frames: frames.size, working: working(Date.now()), moved };
  };
  here[NAME] = { id, stop, look, state };
  look();
}

const IN_A_FRAME =
  "this is an output's frame, from which Colab's page can't be reached: choose 'top' above the console, and paste it again";
const NOT_KNOWN = "Colab's connect button is none that is known here: nothing is pressed. A newer colab_guard may know it";

/** Whether a window is one of our frames, or in one. @param {Window} source */
function isBelow(source) {
  for (let at = source; at !== at.parent; at = at.parent) if (at.parent === window) return true;
  return false;
}
