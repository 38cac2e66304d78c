// Elements and texts. Whatever the account says becomes a text node: nothing here parses HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

const SAFE = /^(#|\/plan\.html|blob:)/;

/**
 * Make an element. `on` holds listeners; a boolean is an attribute that is there or not; everything else is its text.
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "value") /** @type {HTMLInputElement} */ (element).value = String(value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) attribute(element, name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** @param {HTMLElement} element @param {string} name @param {string} value */
function attribute(element, name, value) {
  if (name.startsWith("on")) throw new Error(`${name} is no attribute`);
  if (["href", "src"].includes(name) && !SAFE.test(value)) throw new Error(`${name} leads elsewhere`);
  element.setAttribute(name, value);
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children.flat(2).filter((one) => one !== null && one !== undefined && one !== false).map((one) => one instanceof Node ? one : String(one));
}

/** @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id}`);
  return found;
}

/** Say something to a screen reader. @param {string} text */
export function announce(text) {
  byId("said").textContent = text;
}

/**
 * A button that does something, and shows when that failed.
 * @param {string} text @param {(event: Event) => any} work @param {Props} [props]
 */
export function button(text, work, props) {
  return /** @type {HTMLButtonElement} */ (h("button", { type: "button", ...props, on: { click: work } }, text));
}

/** @param {string} title @param {...(Child | Child[])} children */
export function banner(title, ...children) {
  return h("div", { class: "banner bad", role: "alert" }, h("strong", null, title), " ", ...children);
}

let dialogs = 0;

/**
 * Open a dialog; Escape and its button close it, and the focus goes back to where it was.
 * @param {string} title @param {string} closeText @param {...(Child | Child[])} children
 */
export function dialog(title, closeText, ...children) {
  const id = `dialog-${++dialogs}`;
  const shown = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": id },
    h("div", { class: "dialog-head" }, h("h2", { id }, title), button(closeText, () => shown.close(), { class: "quiet" })),
    h("div", { class: "dialog-body", tabindex: "0", role: "group", "aria-labelledby": id }, ...children)));
  shown.addEventListener("close", () => shown.remove());
  document.body.append(shown);
  shown.showModal();
  return shown;
}
