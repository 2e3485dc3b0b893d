// Colab's connect button: where it is, what it shows, and whether something stands before it.
//
// None of this is documented. Every shape and name here is as users' scripts have it (docs/keepalive.md), and was never
// checked against Colab by us; where nothing fits, the answer is "unknown", and nothing is pressed.

/** @typedef {import("./reconnect.js").Offer} Offer */
/** @typedef {{ shape: string, element: HTMLElement }} Button */

/**
 * All elements that match, those in open shadow roots included.
 * @param {Document | ShadowRoot} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function everywhere(root, selector) {
  const found = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
  for (const { shadowRoot } of root.querySelectorAll("*")) if (shadowRoot) found.push(...everywhere(shadowRoot, selector));
  return found;
}

/** @typedef {HTMLElement | null | undefined} Found */
/** @param {Document} page @param {string} selector @returns {Found} */
const first = (page, selector) => /** @type {Found} */ (page.querySelector(selector)) ?? everywhere(page, selector)[0];

/** @param {Document} page @returns {Found} */
const connect = (page) => first(page, "colab-connect-button")?.shadowRoot?.querySelector("#connect");

/** @type {[string, (page: Document) => Found][]} newest first */
const SHAPES = [
  ["colab-connect-button › #connect › #button", (page) => connect(page)?.shadowRoot?.querySelector("#button")],
  ["colab-connect-button › #connect", (page) => connect(page)],
  ["colab-toolbar-button#connect", (page) => first(page, "colab-toolbar-button#connect")],
];

/** @param {Document} page @returns {Button | null} */
export function findButton(page) {
  for (const [shape, find] of SHAPES) {
    const element = find(page);
    if (element) return { shape, element };
  }
  return null;
}

/**
 * What the page shows of its connection. The page's own object is asked first, then the meters that stand in the button's
 * place while it is connected: neither depends on the language, as the button's words do.
 * @param {Document} page
 * @returns {Offer}
 */
export function offered(page) {
  const kernel = /** @type {any} */ (page.defaultView)?.colab?.global?.notebook?.kernel;
  const host = first(page, "colab-connect-button");
  const connected = typeof kernel?.isConnected === "function" ? kernel.isConnected() : undefined;
  if (connected === true) return "connected";
  const meters = host?.shadowRoot?.querySelector("#connect-button-resource-display");
  if (connected === undefined && meters && visible(meters)) return "connected";
  const state = typeof kernel?.getState === "function" ? String(kernel.getState()) : "";
  const words = `${state} ${wordsOf(host ?? findButton(page)?.element)}`;
  if (/\b(connecting|reconnecting|allocating|initializing|starting)\b/i.test(words)) return "connecting";
  if (/\b(re)?connect\b|\bdisconnected\b/i.test(words)) return "disconnected";
  if (connected === undefined && /\b(connected|busy|ram|disk)\b/i.test(words)) return "connected";
  return "unknown";
}

const DIALOGS =
  "dialog[open], [role=dialog], [role=alertdialog], [aria-modal=true], mwc-dialog, md-dialog, paper-dialog, colab-dialog";
const CAPTCHAS = "colab-recaptcha-dialog, iframe[src*=captcha]:not([src*='size=invisible'])";

/**
 * What stands before the page, if anything does: a press would go past it, or send it away.
 * @param {Document} page
 * @returns {"a captcha" | "a dialog" | null}
 */
export function inTheWay(page) {
  if (everywhere(page, CAPTCHAS).some(visible)) return "a captcha";
  return everywhere(page, DIALOGS).some(visible) ? "a dialog" : null;
}

/**
 * Whether to leave the page would lose edits: asks those who would ask the user. A page that can't be asked has some.
 * @param {Document} page
 */
export function hasUnsavedEdits(page) {
  try {
    const question = /** @type {BeforeUnloadEvent} */ (page.createEvent("BeforeUnloadEvent"));
    question.initEvent("beforeunload", false, true);
    page.defaultView?.dispatchEvent(question);
    return question.defaultPrevented || Boolean(question.returnValue);
  } catch {
    return true;
  }
}

const SEEN = { visibilityProperty: true, opacityProperty: true };

/**
 * Whether it, or what it is made of, takes room: a dialog's own element may have no box.
 * @param {Element} element
 * @returns {boolean}
 */
function visible(element) {
  const { width, height } = element.getBoundingClientRect();
  if (width && height && element.checkVisibility?.(SEEN) !== false) return true;
  return [...element.children, ...(element.shadowRoot?.children ?? [])].some(visible);
}

/** @param {Element | null | undefined} element @returns {string} */
function wordsOf(element) {
  if (!element) return "";
  const said = [element.getAttribute("aria-label"), element.getAttribute("message"), element.getAttribute("tooltiptext")];
  for (const node of [...(element.shadowRoot?.childNodes ?? []), ...element.childNodes]) {
    if (node instanceof Text) said.push(node.data);
    else if (node instanceof Element && !["style", "script"].includes(node.localName)) said.push(wordsOf(node));
  }
  return said.join(" ").replace(/\s+/g, " ").slice(0, 500);
}
