// Keeps a tab and its machine from sleeping, as far as a page may: a sound that nobody hears, and a wake lock.
// Each says in words how it stands, for the user is told what is in force.

/** @typedef {{ want(on: boolean): void, state(): string }} Keeper `want` may be called again and again */

// Browsers slow down hidden tabs, but not those that play sound: which is told by its level, so that zeros would not do.
// Not shown here: how loud it must be. Chromium's own threshold for silence is said to be -72 dBFS, and this is above.
const LEVEL = 0.001;
const HERTZ = 30; // below what small loudspeakers give

/**
 * A sound that starts at the first click after it is wanted: browsers allow none before.
 * @returns {Keeper & { clicked(): void }}
 */
export function quietSound() {
  let wanted = false;
  let failed = "";
  /** @type {AudioContext | null} */
  let context = null;
  /** @param {unknown} error */
  const fail = (error) => void (failed = error instanceof Error ? error.message : String(error));
  const adjust = () => {
    if (!context || (context.state === "running") === wanted) return;
    (wanted ? context.resume() : context.suspend()).catch(fail);
  };
  return {
    want(on) {
      wanted = on;
      adjust();
    },
    clicked() {
      if (!wanted || context) return adjust();
      try {
        context = new AudioContext();
        const tone = new OscillatorNode(context, { frequency: HERTZ });
        tone.connect(new GainNode(context, { gain: LEVEL })).connect(context.destination);
        tone.start();
      } catch (error) {
        fail(error);
      }
      adjust();
    },
    state() {
      if (!wanted) return "off";
      if (failed) return `not possible: ${failed}`;
      return context?.state === "running" ? "playing" : "waiting for a click";
    },
  };
}

const ASK_AGAIN = 600e3; // after a refusal, which writes a line into the console

/**
 * Keeps the screen on, and with it the machine, while the tab is seen; a browser takes it back when the tab is hidden.
 * @returns {Keeper}
 */
export function wakeLock() {
  let wanted = false;
  let asking = false;
  let failed = "";
  let refused = 0;
  /** @type {WakeLockSentinel | null} */
  let held = null;
  const ask = async () => {
    if (asking || document.visibilityState !== "visible" || (held && !held.released)) return;
    if (!navigator.wakeLock) return void (failed = "the browser has none here");
    if (!allowed()) return void (failed = "the page around this frame does not allow it");
    if (Date.now() - refused < ASK_AGAIN) return;
    asking = true;
    try {
      held = await navigator.wakeLock.request("screen");
      failed = "";
      if (!wanted) await held.release();
    } catch (error) {
      [failed, refused] = [error instanceof Error ? error.message : String(error), Date.now()];
    }
    asking = false;
  };
  // Only Chromium can be asked; others refuse.
  const allowed = () => /** @type {any} */ (document).featurePolicy?.allowsFeature("screen-wake-lock") ?? true;
  return {
    want(on) {
      wanted = on;
      if (on) void ask();
      else if (held && !held.released) void held.release();
    },
    state() {
      if (!wanted) return "off";
      if (held && !held.released) return "held";
      return failed ? `not possible: ${failed}` : "given back while the tab is hidden";
    },
  };
}
