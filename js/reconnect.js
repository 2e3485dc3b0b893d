// When a connection is lost, and what to do then: a state machine without a clock, timers or a page.
//
//   waiting ─heard→ connected ─silence→ suspect ─silence→ lost ─press→ reconnecting ─heard→ connected
//                                               (to the same kernel, a new one, or that of a new VM: by ids)
//
// Whoever calls `step` reads the clock, looks at the page, and does what the actions say. Silence counts only while
// somebody listened: a laptop that wakes after a night has not missed a night's beats. A page that was never connected is
// left alone, and so is one whose runtime went while its user was there: to delete a runtime must stay possible.

/** @typedef {{ kernel: string, vm: string }} Session what a kernel says of itself: two ids */
/** @typedef {"waiting" | "connected" | "suspect" | "lost" | "reconnecting"} Name */
/** @typedef {"connected" | "connecting" | "disconnected" | "unknown"} Offer what Colab's button shows */
/**
 * @typedef {object} State
 * @property {Name} name
 * @property {number} since when it got its name; all times are ms since 1970
 * @property {number} at the last step
 * @property {number} silent ms of silence, as heard by somebody awake
 * @property {number} interval ms between two beats
 * @property {Session | null} session the kernel that spoke last
 * @property {boolean} theirs the runtime went while the user was there
 * @property {number} tries presses since it was lost
 * @property {number} next no press or reload before then
 * @property {number[]} reloads when this tab was reloaded; empty where a reload ends the script
 * @property {boolean} mayReload
 */
/** @typedef {{ from: Name, to: Name, at: number, why: string }} Move */
/** @typedef {{ do: "moved" } & Move | { do: "press" } | { do: "reload" }} Action */
/**
 * @typedef {{ what: "tick" } | { what: "heard", session: Session | null } |
 *   { what: "look", offer: Offer, act: boolean, present: boolean, unsaved: boolean }} Happening
 * `act`: there is work, no dialog is open, the machine is online. `present`: the user has just pressed something.
 */
/** @typedef {{ state: State, actions: Action[] }} Step */

export const SUSPECT = 2.5; // intervals of silence: two beats were missed
export const LOST = 5;
export const PRESSES = 3; // before a reload
const RELOADS_AN_HOUR = 2;
const FIRST_WAIT = 30e3;
const LONGEST_WAIT = 900e3;
const HOUR = 3600e3;

/**
 * @param {number} now
 * @param {Partial<State>} known what another life of this page knew
 * @returns {State}
 */
export function start(now, known = {}) {
  const name = /** @type {Name} */ ("waiting");
  const fresh = { name, session: null, theirs: false, tries: 0, next: 0, reloads: [], mayReload: false };
  return { ...fresh, interval: 60e3, ...known, since: now, at: now, silent: 0 };
}

/**
 * @param {State} before
 * @param {Happening} event
 * @param {number} now
 * @returns {Step}
 */
export function step(before, event, now) {
  const listened = Math.min(Math.max(0, now - before.at), before.interval);
  const state = { ...before, at: now, silent: before.silent + listened };
  if (event.what === "heard") return heard(state, event.session);
  if (event.what === "look") {
    if (event.offer === "connected") return heard(state, null);
    if (state.name !== "waiting" && event.offer === "connecting") return move(state, "reconnecting", "the page is connecting");
    if (state.name !== "waiting" && event.offer === "disconnected") return disconnected(state, event);
  }
  return silence(state);
}

/** @param {State} state @param {Session | null} session @returns {Step} */
function heard(state, session) {
  const known = state.session;
  const calm = { ...state, silent: 0, tries: 0, next: 0, theirs: false, session: session ?? known };
  const another = known && session && (known.vm !== session.vm ? "new VM" : known.kernel !== session.kernel && "new kernel");
  if (another) return move(calm, "connected", another, true);
  return move(calm, "connected", session ? (known ? "same kernel" : "the kernel spoke") : "the page is connected");
}

/** @param {State} state @returns {Step} */
function silence(state) {
  const why = `nothing heard for ${Math.round(state.silent / 1000)} s`;
  if (state.name === "connected" && state.silent >= SUSPECT * state.interval) return move(state, "suspect", why);
  if (state.name === "suspect" && state.silent >= LOST * state.interval) return move(state, "lost", why);
  return { state, actions: [] };
}

/** @param {State} before @param {{ act: boolean, present: boolean, unsaved: boolean }} look @returns {Step} */
function disconnected(before, { act, present, unsaved }) {
  const fresh = before.name === "connected" || before.name === "suspect";
  const theirs = fresh ? present : before.theirs;
  const why = theirs ? "the page is disconnected, and you were there" : "the page is disconnected";
  const lost = fresh ? move({ ...before, theirs }, "lost", why) : { state: before, actions: [] };
  const { state } = lost;
  if (!act || theirs || state.at < state.next) return lost;

  const wait = Math.min(FIRST_WAIT * 2 ** state.tries, LONGEST_WAIT);
  const tried = { ...state, tries: state.tries + 1, next: state.at + wait };
  const reloads = state.reloads.filter((at) => at > state.at - HOUR);
  if (state.tries >= PRESSES && state.mayReload && !unsaved && reloads.length < RELOADS_AN_HOUR)
    return { state: { ...tried, reloads: [...reloads, state.at] }, actions: [...lost.actions, { do: "reload" }] };
  const { state: after, actions } = move(tried, "reconnecting", "pressed Reconnect");
  return { state: after, actions: [...lost.actions, ...actions, { do: "press" }] };
}

/** @param {State} state @param {Name} to @param {string} why @param {boolean} always @returns {Step} */
function move(state, to, why, always = false) {
  const { name: from, at } = state;
  if (from === to && !always) return { state, actions: [] };
  return { state: { ...state, name: to, since: at }, actions: [{ do: "moved", from, to, at, why }] };
}
