// What this tab's script knows over a reload of its own: in the tab's session storage, so that reloads are counted.

const KEPT_AS = "colab_guard.page";
const OURS = 600e3; // a page loaded anew within this was reloaded by us, if we meant to

/** @typedef {import("./reconnect.js").State} State */
/** @typedef {{ began: number, told: { working: boolean, at: number } | null }} Work since when, and the last word of it */
/** @typedef {Work & { reloads: number[], session: State["session"], at: number }} Memory */

/**
 * What was known before the page was loaded anew; nothing, where the script does not come back.
 * @param {boolean} stays
 * @returns {{ before: Partial<State>, memory: Work }}
 */
export function remembered(stays) {
  const fresh = { began: Date.now(), told: null };
  try {
    const kept = /** @type {Memory | null} */ (stays ? JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "null") : null);
    if (!kept) return { before: {}, memory: fresh };
    const { reloads, session, at } = kept;
    if (Date.now() - at > OURS) return { before: { reloads }, memory: fresh };
    return { before: { reloads, session, name: "lost" }, memory: kept };
  } catch {
    return { before: { mayReload: false }, memory: fresh }; // no storage: reloads can't be counted, so there are none
  }
}

/** @param {Memory} memory */
export function remember(memory) {
  sessionStorage.setItem(KEPT_AS, JSON.stringify(memory));
}
