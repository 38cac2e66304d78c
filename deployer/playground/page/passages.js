// A document that was cited: the passages that were found in it, and its text with these marked.

import { get } from "./api.js";
import { banner, dialog, fill, h } from "./dom.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Passage} Passage */

/** @param {string} source @param {Passage[]} passages */
export async function openDocument(source, passages) {
  const base = (/** @type {string} */ path) => path.split("/").at(-1);
  const own = passages.filter((one) => one.text && (one.source === source || base(one.source) === base(source)));
  const body = h("div", null, ...found(own), h("p", { class: "dim" }, t("Reading the document…")));
  dialog(source, t("Close"), body);
  try {
    const { text } = await get(`/api/document?source=${encodeURIComponent(source)}`);
    const isAll = own.length === 1 && own[0].text.trim() === text.trim();
    fill(body, ...(isAll ? [] : found(own)), h("h3", null, t("The whole document")), h("p", { class: "lines document" }, ...(isAll ? [text] : marked(text, own.map((one) => one.text)))));
  } catch (error) {
    fill(body, ...found(own), banner(/** @type {Error} */ (error).message));
  }
}

/** @param {Passage[]} passages */
const found = (passages) => passages.length ? [h("h3", null, t("Passages")), ...passages.map((one) => h("blockquote", { class: "lines", tabindex: "0" }, one.text))] : [];

/** The text with each passage that stands in it marked. @param {string} text @param {string[]} passages @returns {(string | HTMLElement)[]} */
export function marked(text, passages) {
  const places = passages.map((one) => one.trim()).filter(Boolean).map((one) => ({ at: text.indexOf(one), length: one.length })).filter((one) => one.at >= 0).sort((a, b) => a.at - b.at);
  /** @type {(string | HTMLElement)[]} */
  const parts = [];
  let here = 0;
  for (const { at, length } of places) {
    if (at < here) continue;
    parts.push(text.slice(here, at), h("mark", null, text.slice(at, at + length)));
    here = at + length;
  }
  return [...parts, text.slice(here)];
}
