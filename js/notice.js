// Tells a person who looks elsewhere: a notification of the system's, and two tones.

/**
 * What is allowed so far. A frame of another origin may not ask (Chromium), the page around it may.
 * @returns {"on" | "waiting for a click" | string}
 */
export function mayNotify() {
  if (typeof Notification === "undefined") return "not possible: the browser has no notifications here";
  if (Notification.permission === "granted") return "on";
  return Notification.permission === "default" ? "waiting for a click" : "not possible: notifications are refused here";
}

/** To be called in a click. */
export async function askToNotify() {
  if (mayNotify() === "waiting for a click") await Notification.requestPermission();
}

/**
 * Best effort: what a browser refuses is not heard or seen.
 * @param {string} text
 */
export function notify(text) {
  try {
    if (mayNotify() === "on") new Notification("colab_guard", { body: text.slice(0, 200), tag: "colab_guard" });
  } catch {
    // Chromium on Android has only those of a service worker.
  }
  if (navigator.userActivation?.hasBeenActive === false) return; // a sound would wait, and come at a later click
  try {
    tones(new AudioContext());
  } catch {
    // too many contexts, or none
  }
}

/** @param {AudioContext} context */
function tones(context) {
  const gain = new GainNode(context, { gain: 0.1 });
  gain.connect(context.destination);
  [660, 880].forEach((frequency, n) => {
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(gain);
    tone.start(context.currentTime + n * 0.2);
    tone.stop(context.currentTime + n * 0.2 + 0.15);
    if (n === 1) tone.onended = () => void context.close();
  });
}
