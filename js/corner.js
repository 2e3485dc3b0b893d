// What shows in a corner of Colab's page that the script is there, how things are, and what ends it.

const CORNER = `
:host { position: fixed; left: 12px; bottom: 12px; z-index: 9999; max-width: 360px; font: 13px/1.4 system-ui, sans-serif; }
div { background: #1b1d21; color: #e4e7eb; border-radius: 8px; padding: 8px 12px; box-shadow: 0 1px 6px #0006; }
button { font: inherit; margin: 4px 8px 0 0; }
`;

/**
 * @param {() => void} stop
 * @param {() => void} awake
 */
export function corner(stop, awake) {
  const host = document.documentElement.appendChild(document.createElement("colab-guard-page"));
  const root = host.attachShadow({ mode: "open" });
  root.appendChild(document.createElement("style")).textContent = CORNER;
  const box = root.appendChild(document.createElement("div"));
  const words = box.appendChild(document.createElement("span"));
  words.setAttribute("role", "status");
  box.appendChild(document.createElement("br"));
  const buttons = [stop, awake].map((act, n) => {
    const made = box.appendChild(document.createElement("button"));
    const textContent = n ? "Keep the tab awake (a sound nobody hears)" : "Stop colab_guard";
    return Object.assign(made, { textContent, onclick: act });
  });
  return {
    /** @param {string} text @param {boolean} waits */
    paint(text, waits) {
      host.hidden = !text;
      buttons[1].hidden = !waits;
      const now = `colab_guard: ${text}`;
      if (words.textContent !== now) words.textContent = now;
    },
    remove: () => host.remove(),
  };
}
