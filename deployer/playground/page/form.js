// A function that the model calls, as a form: what it was called with by its schema, and what is to be answered.

import { button, h } from "./dom.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {{text: string, choices: string[], hints: string[]}} Question */

let forms = 0;

/** @param {any} value @returns {value is Record<string, any>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {any} value */
const isTexts = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");

/** The keys of an object in the order of its schema; what the schema does not know comes last. @param {any} schema @param {Record<string, any>} value */
function ordered(schema, value) {
  const known = Object.keys(schema?.properties ?? {}).filter((name) => name in value);
  return [...known, ...Object.keys(value).filter((name) => !known.includes(name))];
}

/** @param {any} schema @param {Record<string, any>} value @returns {Question} */
export function question(schema, value) {
  /** @type {Question} */
  const found = { text: "", choices: [], hints: [] };
  for (const name of ordered(schema, value)) {
    const one = value[name], isChoice = Array.isArray(schema?.properties?.[name]?.enum);
    if (isTexts(one) && !found.choices.length) found.choices = one;
    else if (typeof one === "string" && !found.text && !isChoice) found.text = one;
    else if (!isChoice && one !== null && !(Array.isArray(one) && !one.length)) found.hints.push(`${name}: ${typeof one === "string" ? one : JSON.stringify(one)}`);
  }
  return found;
}

/**
 * The form of a call. `answer` gets the output, and a sentence where it failed.
 * @param {Entry} call @param {(output: any, failure: string) => Promise<void>} answer
 */
export function callForm(call, answer) {
  const number = ++forms, schema = call.parameters ?? {};
  const given = parsed(call.arguments ?? "");
  /** @type {(() => any)[]} */
  const reads = [];
  const parts = isObject(given) ? ordered(schema, given).map((name) => part(name, schema.properties?.[name] ?? {}, given[name], reads, `call-${number}`)) : [h("pre", null, call.arguments ?? "")];
  const output = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: `call-${number}-output`, rows: "3", required: !reads.length }));
  const asked = reads.length > 0;
  const own = h("div", { class: "field" }, h("label", { for: output.id }, asked ? t("or write the output yourself") : t("The output of {0}", call.name ?? "")), output);
  const failed = h("p", { class: "bad", role: "alert" });
  const say = async (/** @type {any} */ value, /** @type {string} */ failure) => {
    try {
      await answer(value, failure);
    } catch (error) {
      failed.textContent = /** @type {Error} */ (error).message;
    }
  };
  return h("form", { class: "call", "aria-labelledby": `call-${number}-title`, on: { submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    void say(output.value.trim() || !asked ? output.value : reads.map((one) => one()), "");
  } } },
  h("h2", { id: `call-${number}-title` }, h("code", null, call.name ?? ""), " ", h("span", { class: "dim" }, t("asks for an answer"))), ...parts,
  asked ? h("details", null, h("summary", null, t("Another output")), own) : own, failed,
  h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, t("Send the answer")), button(t("Say that it failed"), () => void say("", t("the person did not answer")), { class: "quiet" })));
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return null;
  }
}

/** @param {string} name @param {any} schema @param {any} value @param {(() => any)[]} reads @param {string} id */
function part(name, schema, value, reads, id) {
  const label = schema.title ?? name;
  if (Array.isArray(value) && value.length && value.every(isObject)) {
    return h("div", { class: "questions", title: schema.description ?? null }, ...value.map((one) => asked(question(schema.items, one), reads, `${id}-${reads.length}`)));
  }
  const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return h("div", { class: "argument", title: schema.description ?? null }, h("span", { class: "dim" }, label), h("span", { class: "lines" }, shown));
}

/** @param {Question} one @param {(() => any)[]} reads @param {string} id */
function asked(one, reads, id) {
  const hints = one.hints.length ? h("p", { class: "dim" }, one.hints.join(" · ")) : null;
  if (one.choices.length) {
    const inputs = one.choices.map((choice) => /** @type {HTMLInputElement} */ (h("input", { type: "radio", name: id, value: choice })));
    reads.push(() => inputs.find((input) => input.checked)?.value ?? "");
    return h("fieldset", null, h("legend", { class: "lines" }, one.text), hints, ...inputs.map((input, index) => h("label", { class: "choice" }, input, " ", h("span", null, one.choices[index]))));
  }
  const input = /** @type {HTMLTextAreaElement} */ (h("textarea", { id, rows: "2" }));
  reads.push(() => input.value);
  return h("div", { class: "field" }, h("label", { for: id, class: "lines" }, one.text), hints, input);
}
