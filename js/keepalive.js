// The frame's part of keep-alive, an anywidget: beats to the kernel and times the answers, so that both sides know whether
// the other is there; keeps the tab awake while there is work; tells when the connection is lost or the work is done.
//
// It presses nothing: a frame of Colab's can't reach the page. The script that can (page.js) hears from here how the kernel
// is, by postMessage. Beats keep their times by the clock (alarm.js), and what a silence means says reconnect.js. While
// there is no work it rests, but for one beat at the start: a kernel that is idle must be free to be ended.

import { alarm, untilNext } from "./alarm.js";
import { quietSound, wakeLock } from "./awake.js";
import { face } from "./face.js";
import { fromPage, session } from "./messages.js";
import { askToNotify, mayNotify, notify } from "./notice.js";
import { start, step } from "./reconnect.js";

/**
 * What anywidget gives: `settings` is the kernel's word.
 * @typedef {object} Model
 * @property {(name: "settings") => Record<string, any> | undefined} get
 * @property {(name: string, handler: (message?: any) => void) => void} on
 * @property {(name: string, handler: (message?: any) => void) => void} off
 * @property {(message: object) => void} send
 */
/** @typedef {import("./messages.js").FromPage} FromPage */
/** @typedef {import("./messages.js").Told} Told */

const UNTOLD = 50; // moves that are kept for the kernel while it can't be reached
const UNANSWERED = 20; // beats whose answer may still come
const AGAIN = 5e3; // a tab that comes back beats at once, but no more often than this

/** @param {{ model: Model, el: HTMLElement }} view */
function render({ model, el }) {
  const view = crypto.randomUUID?.() ?? String(Math.random()); // not where the page is not secure
  const began = Date.now();
  const sound = quietSound();
  const lock = wakeLock();
  /** @type {Map<number, number>} */
  const sent = new Map();
  /** @type {Told[]} */
  const untold = [];
  /** @type {FromPage | null} */
  let page = null;
  let [count, last, heardAt, forwarded, cell] = [0, 0, 0, 0, ""];
  /** @type {number | null} */
  let rtt = null;
  /** @type {number | null} */
  let interacted = null;

  const settings = () => model.get("settings") ?? {};
  const working = () => settings().working === true;
  const interval = () => 1000 * Math.max(0.1, Number(settings().interval_s) || 60);
  let done = Number(settings().done) || 0;
  let rests = !working();
  let machine = start(began, { interval: interval() });
  const bell = alarm(beat);
  const shown = face(el, press);

  function beat() {
    const now = Date.now();
    [count, last] = [count + 1, now];
    sent.set(count, now);
    for (const old of sent.keys()) if (old <= count - UNANSWERED) sent.delete(old);
    const ways = { audio: sound.state(), wake_lock: lock.state(), notify: settings().notify ? mayNotify() : "off" };
    const { moved: _, ...seen } = page ?? { moved: [] };
    const hidden = document.visibilityState === "hidden";
    const beats = { what: "beat", view, n: count, sent: now, rtt_ms: rtt, hidden, page: page && seen, ...ways };
    send({ ...beats, interacted: Math.max(interacted ?? 0, page?.interacted ?? 0) || null });
    happen({ what: "tick" });
    plan();
  }

  function plan() {
    bell.set(working() ? untilNext(began, interval(), Date.now()) : null);
  }

  /** @param {object} message */
  function send(message) {
    try {
      model.send(message);
      return true;
    } catch {
      return false; // no kernel behind this view; its silence is what counts
    }
  }

  /** @param {import("./reconnect.js").Happening} event */
  function happen(event) {
    const { state, actions } = step({ ...machine, interval: interval() }, event, Date.now());
    machine = state;
    for (const { do: what, ...move } of actions) {
      if (what !== "moved") continue;
      const told = /** @type {Told} */ (move);
      untold.push({ ...told, who: "frame" });
      if (told.to === "lost" && settings().notify) notify("The connection to the kernel is lost.");
    }
    untold.splice(0, untold.length - UNTOLD);
    sound.want(working() && settings().audio === true);
    lock.want(working() && settings().wake_lock === true);
    tellPage();
    paint();
  }

  /** @param {any} message */
  function hear(message) {
    if (message?.what !== "beat") return;
    const now = Date.now();
    const at = sent.get(message.n);
    if (at !== undefined) rtt = now - at;
    sent.delete(message.n);
    heardFrom(session(message));
  }

  function settled() {
    const { done: finished = 0, cell: running, session: kernel } = settings();
    if (finished > done && settings().notify) notify(`${cell || "The cell"} is done.`);
    [done, cell] = [Number(finished) || 0, String(running ?? cell)];
    heardFrom(session(kernel)); // only a kernel that lives sets anything
    if (working() && rests) beat();
    else plan();
    rests = !working();
  }

  /** @param {import("./reconnect.js").Session | null} kernel */
  function heardFrom(kernel) {
    heardAt = Date.now();
    happen({ what: "heard", session: kernel });
    while (untold[0] && send({ what: "moved", ...untold[0] })) untold.shift();
  }

  function tellPage() {
    if (window.top === window) return;
    const { cell: running, notify: wants } = settings();
    const kernel = { session: machine.session, state: machine.name, heard: heardAt };
    const work = { working: working(), cell: String(running ?? ""), done, notify: wants === true };
    // To whatever origin the page is of: none of this is a secret.
    window.top?.postMessage({ colab_guard: 1, what: "frame", interval_s: interval() / 1000, ...kernel, ...work }, "*");
  }

  /** @param {MessageEvent} event */
  function fromOutside(event) {
    if (event.source === window || (event.source !== window.top && event.source !== window.parent)) return;
    const told = fromPage(event.data);
    if (!told) return;
    const met = page?.id === told.id;
    page = told;
    for (const move of told.moved) if (move.at > forwarded) untold.push({ ...move, who: "page" });
    forwarded = Math.max(forwarded, ...told.moved.map((move) => move.at));
    const offer = told.connect;
    const look = { what: /** @type {const} */ ("look"), act: false, present: false, unsaved: true };
    if (offer === "disconnected" || offer === "connecting") happen({ ...look, offer });
    else if (!met) tellPage();
    paint();
  }

  /** @param {string} what */
  function press(what) {
    if (what === "keep") send({ what: "keep" });
    else void askToNotify().then(paint);
    sound.clicked();
    paint();
  }

  /** @param {Event} event */
  const here = (event) => void (event.isTrusted && (interacted = Date.now()));
  const back = () => working() && Date.now() - last >= Math.min(AGAIN, interval()) && beat();

  function paint() {
    const { paused, release, audio, wake_lock: keepsOn, notify: notifies } = settings();
    const answers = rtt === null ? "" : `, which answers in ${rtt < 1000 ? `${rtt} ms` : `${Math.round(rtt / 1000)} s`}`;
    const state = {
      waiting: "No kernel has answered yet",
      connected: `Connected to the kernel${answers}`,
      suspect: "The kernel has been silent for a while",
      lost: "The connection to the kernel is lost",
      reconnecting: "Reconnecting",
    }[machine.name];
    const idle = paused ? "keep-alive is paused" : "nothing runs, so nothing is kept awake";
    const there = page && `page script: ${page.connect}, Reconnect pressed ${page.presses}×`;
    const script = there || "page script: not there, so nobody presses Reconnect";
    const parts = [
      working() ? state : `${state}; ${idle}`,
      window.top !== window && script,
      working() && audio && `sound against sleep: ${brief(sound.state())}`,
      working() && keepsOn && `wake lock: ${brief(lock.state())}`,
      notifies && `notifications: ${brief(mayNotify())}`,
    ];
    const waits = [sound.state(), notifies ? mayNotify() : ""].includes("waiting for a click");
    shown.paint(machine.name, parts.filter(Boolean).join(" · "), waits, Number(release?.at) || 0);
  }

  const ends = new AbortController();
  for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, here, { ...ends, capture: true, passive: true });
  for (const name of ["online", "focus", "pageshow"]) window.addEventListener(name, back, ends);
  document.addEventListener("visibilitychange", back, ends);
  window.addEventListener("message", fromOutside, ends);
  model.on("msg:custom", hear);
  model.on("change:settings", settled);
  beat();
  return () => {
    ends.abort();
    bell.stop();
    sound.want(false);
    lock.want(false);
    shown.remove();
    model.off("msg:custom", hear);
    model.off("change:settings", settled);
  };
}

/** Why something is not possible is for `%keepalive status`. @param {string} state */
const brief = (state) => state.replace(/^not possible: .*/, "not possible here");

export default { render };
