// What the frame shows: a line, and buttons only where a click is needed.

const STYLE = `
:host { display: block; font: 13px/1.5 system-ui, sans-serif; color: inherit; }
p { margin: 4px 0; } i { font-style: normal; }
button { font: inherit; margin: 2px 8px 2px 0; }
`;

/**
 * @param {HTMLElement} el
 * @param {(what: "allow" | "keep") => void} press
 */
export function face(el, press) {
  const host = el.appendChild(document.createElement("div"));
  const root = host.attachShadow({ mode: "open" });
  root.appendChild(document.createElement("style")).textContent = STYLE;
  const line = root.appendChild(document.createElement("p"));
  const sign = line.appendChild(document.createElement("i"));
  const words = line.appendChild(document.createElement("span"));
  sign.setAttribute("aria-hidden", "true");
  /** @param {"allow" | "keep"} what @param {string} label */
  const button = (what, label) => {
    const made = root.appendChild(document.createElement("button"));
    Object.assign(made, { textContent: label, hidden: true, onclick: () => press(what) });
    return made;
  };
  const allow = button("allow", "Allow sound and notifications");
  const keep = button("keep", "Keep the runtime");
  let [text, releaseAt] = ["", 0];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const write = () => {
    const left = Math.max(0, Math.ceil(releaseAt - Date.now() / 1000));
    const now = releaseAt ? `${text} · the runtime is released in ${left} s` : text;
    if (words.textContent !== now) words.textContent = now;
  };
  return {
    /** @param {string} state @param {string} said @param {boolean} waits @param {number} release s since 1970, 0 for never */
    paint(state, said, waits, release) {
      sign.textContent = state === "connected" ? "● " : state === "waiting" ? "○ " : "▲ ";
      [text, releaseAt, allow.hidden, keep.hidden] = [said, release, !waits, !release];
      clearInterval(timer);
      timer = release ? setInterval(write, 1000) : undefined;
      write();
    },
    remove() {
      clearInterval(timer);
      host.remove();
    },
  };
}
