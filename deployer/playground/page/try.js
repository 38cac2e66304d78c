// A search in a store with filters and scores; arguments against a function's schema.

import { get, post } from "./api.js";
import { banner, button, fill, h } from "./dom.js";
import { openDocument } from "./passages.js";
import { count, t } from "./texts.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Passage} Passage */
/** @typedef {import("./types.js").FunctionShown} FunctionShown */

const COMPARED = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"];

/** @param {string} id @param {string} label @param {HTMLElement} input */
const field = (id, label, input) => h("div", { class: "field" }, h("label", { for: id }, label), input);

export class Trial {
  constructor() {
    this.search = new SearchTrial();
    this.functions = new FunctionTrial();
    this.element = h("div", { class: "try" }, h("h1", { class: "unseen" }, t("Try")), this.search.element, this.functions.element);
  }

  /** @param {State} state */
  show(state) {
    this.search.show(state);
    this.functions.show(state);
  }
}

/** @param {HTMLSelectElement} select @param {[string, string][]} options */
function choices(select, options) {
  const told = JSON.stringify(options);
  if (select.dataset.told === told) return false;
  const chosen = select.value;
  select.dataset.told = told;
  fill(select, ...options.map(([value, name]) => h("option", { value, selected: value === chosen }, name)));
  return true;
}

class SearchTrial {
  constructor() {
    this.store = /** @type {HTMLSelectElement} */ (h("select", { id: "store" }));
    this.query = /** @type {HTMLInputElement} */ (h("input", { id: "query", type: "search", required: true, placeholder: t("What to look for") }));
    this.limit = /** @type {HTMLInputElement} */ (h("input", { id: "limit", type: "number", min: "1", max: "50", value: "10" }));
    this.threshold = /** @type {HTMLInputElement} */ (h("input", { id: "threshold", type: "number", min: "0", max: "1", step: "0.05", value: "0" }));
    this.filters = h("div", { class: "filters" });
    this.results = h("div", { role: "region", "aria-live": "polite", "aria-label": t("Results") });
    this.element = h("section", { class: "panel", "aria-labelledby": "search-title" }, h("h2", { id: "search-title" }, t("Search in a store")),
      h("form", { on: { submit: (/** @type {Event} */ event) => { event.preventDefault(); void this.run(); } } },
        field("store", t("Store"), this.store), field("query", t("Query"), this.query),
        h("div", { class: "row" }, field("limit", t("Results at most"), this.limit), field("threshold", t("Least score"), this.threshold)), this.filters,
        h("div", { class: "row" }, button(t("Add a filter"), () => this.filters.append(this.filter()), { class: "quiet" }), h("button", { type: "submit", class: "primary" }, t("Search")))),
      this.results);
  }

  /** @param {State} state */
  show(state) {
    choices(this.store, state.stores.filter((one) => one.state === "live").map((one) => [one.address, one.name]));
  }

  filter() {
    const row = h("div", { class: "row filter-row" },
      h("input", { "aria-label": t("Attribute"), placeholder: t("Attribute"), name: "key" }),
      h("select", { "aria-label": t("Comparison"), name: "type" }, ...COMPARED.map((one) => h("option", { value: one }, one))),
      h("input", { "aria-label": t("Value"), placeholder: t("Value"), name: "value" }),
      button("×", () => row.remove(), { class: "quiet", "aria-label": t("Remove this filter") }));
    return row;
  }

  async run() {
    const filters = [...this.filters.children].map((row) => Object.fromEntries([...row.querySelectorAll("input, select")].map((one) => [/** @type {HTMLInputElement} */ (one).name, /** @type {HTMLInputElement} */ (one).value])));
    fill(this.results, h("p", { class: "dim" }, t("Searching…")));
    try {
      const { results } = await post("/api/search", { store: this.store.value, query: this.query.value, limit: Number(this.limit.value), threshold: Number(this.threshold.value), filters });
      fill(this.results, h("p", { class: "dim" }, t("{0} results", count(results.length))), h("ol", { class: "results" }, ...results.map(result)));
    } catch (error) {
      fill(this.results, banner(/** @type {Error} */ (error).message));
    }
  }
}

/** @param {Passage} one */
function result(one) {
  const attributes = Object.entries(one.attributes ?? {});
  return h("li", null, h("div", { class: "row spread" }, button(one.source, () => void openDocument(one.source, [one]), { class: "link" }),
    one.score === null ? null : h("span", { class: "row" }, h("meter", { min: "0", max: "1", value: String(one.score), "aria-label": t("Score") }), h("span", { class: "number" }, one.score.toFixed(3)))),
  attributes.length ? h("div", { class: "chips" }, ...attributes.map(([name, value]) => h("span", { class: "chip" }, `${name}: ${value}`))) : null,
  h("blockquote", { class: "lines" }, one.text));
}

class FunctionTrial {
  constructor() {
    /** @type {FunctionShown[]} */ this.known = [];
    this.who = /** @type {HTMLSelectElement} */ (h("select", { id: "function-of", on: { change: () => void this.chosen() } }));
    this.name = /** @type {HTMLSelectElement} */ (h("select", { id: "function", on: { change: () => this.function() } }));
    this.about = h("div");
    this.text = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "arguments", rows: "10", spellcheck: "false", class: "code" }));
    this.result = h("div", { role: "region", "aria-live": "polite", "aria-label": t("Result") });
    this.element = h("section", { class: "panel", "aria-labelledby": "function-title" }, h("h2", { id: "function-title" }, t("Arguments against a schema")),
      h("form", { on: { submit: (/** @type {Event} */ event) => { event.preventDefault(); void this.check(); } } },
        h("div", { class: "row" }, field("function-of", t("Assistant"), this.who), field("function", t("Function"), this.name)), this.about,
        field("arguments", t("Arguments (JSON)"), this.text), h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, t("Check")))), this.result);
  }

  /** @param {State} state */
  show(state) {
    const changed = choices(this.who, state.assistants.filter((one) => one.functions.length && one.state !== "orphan").map((one) => [one.address, one.name]));
    if (changed) void this.chosen();
  }

  async chosen() {
    if (!this.who.value) {
      fill(this.about, h("p", { class: "dim" }, t("No assistant has functions.")));
      return;
    }
    const found = await get(`/api/assistants/${encodeURIComponent(this.who.value.split("/")[1])}`).catch(() => ({ functions: [] }));
    this.known = found.functions;
    choices(this.name, this.known.map((one) => [one.name, one.name]));
    this.function();
  }

  function() {
    const one = this.known.find((each) => each.name === this.name.value);
    fill(this.result);
    if (!one) return;
    this.text.value = one.sample;
    fill(this.about, one.description && h("p", { class: "dim lines" }, one.description), h("details", null, h("summary", null, t("Its schema")), h("pre", null, JSON.stringify(one.parameters ?? {}, null, 2))));
  }

  async check() {
    try {
      const found = await post("/api/check", { address: this.who.value, function: this.name.value, arguments: this.text.value });
      fill(this.result, h("p", { class: found.fits ? "good" : "bad" }, found.fits ? t("These arguments fit the schema.") : t("These arguments do not fit the schema:")),
        found.errors.length ? h("ul", null, ...found.errors.map((/** @type {string} */ one) => h("li", { class: "lines" }, one))) : null,
        found.schema.length ? h("details", null, h("summary", null, t("{0} notes about the schema itself", count(found.schema.length))), h("ul", null, ...found.schema.map((/** @type {string} */ one) => h("li", { class: "lines" }, one)))) : null);
    } catch (error) {
      fill(this.result, banner(/** @type {Error} */ (error).message));
    }
  }
}
