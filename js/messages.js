// What page and frames say to each other, by postMessage. Nothing is believed beyond its type: a frame shows what a notebook
// printed, and a page may be anybody's.

/** @typedef {import("./reconnect.js").Session} Session */
/** @typedef {import("./reconnect.js").Move & { who?: string }} Told */
/**
 * @typedef {object} FromFrame
 * @property {Session | null} session of the kernel that spoke last
 * @property {string} state of the frame's own connection
 * @property {number} heard when the kernel spoke last, ms since 1970; 0 for never
 * @property {boolean} working whether keep-alive is to act now
 * @property {string} cell
 * @property {number} done grows by one each time work is done
 * @property {boolean} notify
 */
/**
 * @typedef {object} FromPage
 * @property {string} id of the script's life
 * @property {number} at
 * @property {string} connect what the button shows; "dialog" where one is open
 * @property {string} state
 * @property {number} presses
 * @property {number} reloads
 * @property {string} version
 * @property {number | null} interacted the user's last key or click
 * @property {Told[]} moved the last transitions
 */

const LONGEST = 200;
export const MOVES_TOLD = 20;

/** @param {unknown} value */
const text = (value) => (typeof value === "string" ? value.slice(0, LONGEST) : "");
/** @param {unknown} value */
const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** @param {any} value @returns {Session | null} */
export function session(value) {
  const [kernel, vm] = [text(value?.kernel), text(value?.vm)];
  return kernel && vm ? { kernel, vm } : null;
}

/** @param {any} data @returns {FromFrame | null} */
export function fromFrame(data) {
  if (data?.colab_guard !== 1 || data.what !== "frame") return null;
  const { state, heard, working, cell, done, notify } = data;
  const flags = { working: working === true, notify: notify === true };
  const texts = { state: text(state), cell: text(cell) };
  return { session: session(data.session), heard: number(heard), done: number(done), ...texts, ...flags };
}

/** @param {any} data @returns {FromPage | null} */
export function fromPage(data) {
  if (data?.colab_guard !== 1 || data.what !== "page") return null;
  const moves = Array.isArray(data.moved) ? data.moved.slice(-MOVES_TOLD) : [];
  return {
    id: text(data.id),
    at: number(data.at),
    connect: text(data.connect),
    state: text(data.state),
    presses: number(data.presses),
    reloads: number(data.reloads),
    version: text(data.version),
    interacted: number(data.interacted) || null,
    moved: moves.map((/** @type {any} */ move) => ({
      from: /** @type {any} */ (text(move?.from)),
      to: /** @type {any} */ (text(move?.to)),
      at: number(move?.at),
      why: text(move?.why),
    })),
  };
}
