// What is there: the plan, assistants as cards, stores with their documents, foreign objects.

import { get, planAddress, post } from "./api.js";
import { announce, banner, button, dialog, fill, h } from "./dom.js";
import { ago, bytes, count, t } from "./texts.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Card} Card */
/** @typedef {import("./types.js").Store} Store */

const PAGE = 100;
/** So many cards are there at once; more of them come after the first paint. */
const FIRST = 48;

export class Overview {
  constructor() {
    this.notices = h("div");
    this.plan = h("section", { class: "plan", "aria-labelledby": "plan-title" });
    this.filter = /** @type {HTMLInputElement} */ (h("input", { type: "search", id: "filter", placeholder: t("Name, model, function…"), on: { input: () => this.filtered() } }));
    this.counted = h("span", { class: "dim", role: "status" });
    this.cards = h("ul", { class: "cards" });
    this.stores = h("div", { class: "stores" });
    this.foreign = h("section", { "aria-labelledby": "foreign-title" });
    /** @type {Map<string, {told: string, node: HTMLElement, words: string}>} */
    this.known = new Map();
    /** @type {State | null} */
    this.state = null;
    /** @type {Map<string, string>} */
    this.told = new Map();
    /** @type {Map<string, StoreShown>} */
    this.opened = new Map();
    this.element = h("div", { class: "see" },
      h("h1", { class: "unseen" }, t("Overview")), this.notices, this.plan,
      h("section", { "aria-labelledby": "assistants-title" },
        h("div", { class: "heading" }, h("h2", { id: "assistants-title" }, t("Assistants")), this.counted,
          h("label", { class: "filter", for: "filter" }, h("span", null, t("Filter")), this.filter)), this.cards),
      h("section", { "aria-labelledby": "stores-title" }, h("h2", { id: "stores-title" }, t("Vector stores")), this.stores),
      this.foreign);
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    this.renew("notices", [state.broken, state.error, state.problems], () => fill(this.notices,
      state.broken && banner(t("The manifest cannot be read; what follows is as it was before."), lines(state.broken)),
      state.error && banner(t("The account cannot be read."), lines(state.error)),
      ...(state.problems.length ? [problems(state.problems)] : [])));
    this.renew("plan", state.plan, () => fill(this.plan, ...planShown(state)));
    const soon = this.known.size ? state.assistants : state.assistants.slice(0, FIRST);
    this.cardsShown(soon);
    if (soon.length < state.assistants.length) setTimeout(() => { if (this.state === state) this.cardsShown(state.assistants); });
    const before = this.opened;
    this.opened = new Map(state.stores.map((one) => [one.address, before.get(one.address) ?? new StoreShown(one.address)]));
    for (const one of state.stores) this.opened.get(one.address)?.show(one);
    const shown = [...this.opened.values()].map((one) => one.element);
    if (shown.length !== this.stores.children.length || shown.some((one, index) => this.stores.children[index] !== one)) fill(this.stores, ...shown);
    if (!shown.length) fill(this.stores, h("p", { class: "dim" }, t("The manifest declares none.")));
    this.renew("foreign", state.foreign, () => fill(this.foreign, ...foreign(state)));
  }

  /** Show something anew only where it says something else: whoever is in it with the keyboard stays there.
   * @param {string} name @param {any} told @param {() => void} show */
  renew(name, told, show) {
    const text = JSON.stringify(told);
    if (this.told.get(name) === text) return;
    this.told.set(name, text);
    show();
  }

  /** @param {Card[]} cards */
  cardsShown(cards) {
    this.known = keyed(this.cards, this.known, cards, card, (one) => [one.name, one.address, one.model, ...one.functions, ...one.knowledge].join(" "));
    this.filtered();
  }

  filtered() {
    const words = this.filter.value.toLocaleLowerCase();
    let shown = 0;
    for (const one of this.known.values()) {
      one.node.hidden = !one.words.includes(words);
      if (!one.node.hidden) shown += 1;
    }
    const all = this.known.size;
    fill(this.counted, words ? `${count(shown)} / ${count(all)}` : count(all));
  }
}

/**
 * Show things by their address; what says the same as before stays the same element, with its focus.
 * @template {{address: string}} T
 * @param {HTMLElement} list @param {Map<string, {told: string, node: HTMLElement, words: string}>} before
 * @param {T[]} things @param {(one: T) => HTMLElement} made @param {(one: T) => string} words
 */
function keyed(list, before, things, made, words) {
  const after = new Map(things.map((one) => {
    const told = JSON.stringify(one), known = before.get(one.address);
    return [one.address, known?.told === told ? known : { told, node: made(one), words: words(one).toLocaleLowerCase() }];
  }));
  const nodes = [...after.values()].map((one) => one.node);
  if (nodes.length !== list.children.length || nodes.some((one, index) => list.children[index] !== one)) list.replaceChildren(...nodes);
  return after;
}

/** @param {string} text */
const lines = (text) => h("span", { class: "lines" }, text);

/** @param {State["problems"]} found */
function problems(found) {
  return h("details", { class: "banner warn" }, h("summary", null, t("{0} notes about the manifest", count(found.length))),
    h("ul", null, ...found.map((one) => h("li", { class: "lines" }, one.text))));
}

/** @param {State} state */
function planShown(state) {
  const plan = state.plan, pending = plan?.pending ?? [];
  const look = button(t("Look again"), async () => {
    look.disabled = true;
    await post("/api/look").catch((error) => announce(error.message));
    look.disabled = false;
    announce(t("Looked again."));
  }, { class: "quiet" });
  const head = h("div", { class: "plan-head" },
    h("div", null, h("h2", { id: "plan-title" }, t("Files on disk against the account")),
      h("p", { class: plan && !pending.length ? "good" : "" }, plan ? plan.totals : t("Reading the account…"))),
    h("div", { class: "row" }, plan && button(t("Show the plan"), () => openPlan(), { class: pending.length ? "primary" : "" }), look));
  const rows = pending.slice(0, 8).map((one) => h("li", null, h("span", { class: `chip ${one.action}` }, one.action), " ", h("code", null, one.address), " ", h("span", { class: "dim" }, one.detail)));
  const rest = pending.length - rows.length;
  return [head, rows.length ? h("ul", { class: "pending" }, ...rows, rest > 0 && h("li", { class: "dim" }, t("and {0} more", count(rest)))) : null,
    plan?.refusal ? h("p", { class: "warn lines" }, t("apply will refuse:"), " ", plan.refusal) : null];
}

function openPlan() {
  dialog(t("The plan"), t("Close"), h("iframe", { src: planAddress(), title: t("The plan"), class: "plan-frame", sandbox: "" }));
}

/** @param {Card} one */
function card(one) {
  return h("li", { class: "card", "data-address": one.address },
    h("div", { class: "card-head" }, h("div", null, h("h3", null, one.name), h("code", { class: "dim" }, one.address)), badge(one)),
    h("dl", null,
      ...row(t("Model"), h("span", null, one.model ?? t("none"), one.shutdown && h("span", { class: "chip warn" }, one.shutdown.over ? t("shut down on {0}", one.shutdown.day) : t("shuts down on {0}", one.shutdown.day)))),
      ...row(t("Tools"), chips(one.tools)), ...row(t("Knowledge"), chips(one.knowledge)), ...row(t("Functions"), chips(one.functions)),
      ...row(t("Last apply"), one.applied ? h("time", { datetime: one.applied.time, title: `${one.applied.time} · ${one.applied.command}` }, ago(one.applied.time)) : one.state === "live" ? t("not from this machine") : null),
      ...row(t("Commit"), one.commit ? h("code", null, one.commit) : null)),
    one.drift.length ? h("div", { class: "drift" }, h("strong", null, t("Edited on the account")),
      h("ul", null, ...one.drift.map((moved) => h("li", null, h("code", null, moved.field), " ", moved.what || (moved.origin === "both" ? t("and in git") : ""))))) : null,
    one.action !== "no-op" ? h("p", { class: "dim" }, `${one.action}: ${one.why}`) : null,
    h("div", { class: "card-foot" }, one.state === "live" ? h("a", { class: "button", href: `#/talk?with=${encodeURIComponent(one.address)}` }, t("Talk"), h("span", { class: "unseen" }, ` ${one.name}`)) : null,
      h("span", { class: "dim place" }, one.place)));
}

/** @param {Card | Store} one */
function badge(one) {
  const states = { reading: ["", t("reading")], live: ["good", t("live")], absent: ["warn", t("not live yet")], orphan: ["warn", t("not in the manifest")] };
  const [look, text] = "drift" in one && one.drift?.length ? ["warn", t("drift")] : states[one.state];
  return h("span", { class: `badge ${look}` }, text);
}

/** @param {string[]} names */
const chips = (names) => names.length ? h("span", { class: "chips" }, ...names.map((name) => h("span", { class: "chip" }, name))) : null;

/** @param {string} name @param {HTMLElement | string | null} value */
const row = (name, value) => value === null ? [] : [h("dt", null, name), h("dd", null, value)];

/** A store; its documents are fetched page by page once it has been opened. */
class StoreShown {
  /** @param {string} address */
  constructor(address) {
    this.address = address;
    this.offset = 0;
    this.told = "";
    this.summary = h("summary");
    this.search = /** @type {HTMLInputElement} */ (h("input", { type: "search", "aria-label": t("Filter documents of {0}", address), placeholder: t("Path…"), on: { input: () => { this.offset = 0; void this.load(); } } }));
    this.table = h("div");
    this.element = /** @type {HTMLDetailsElement} */ (h("details", { class: "store", "data-address": address, on: { toggle: () => { if (this.element.open) void this.load(); } } },
      this.summary, h("div", { class: "documents" }, this.search, this.table)));
  }

  /** @param {Store} one */
  show(one) {
    const told = JSON.stringify(one);
    if (told === this.told) return;
    this.told = told;
    fill(this.summary, h("span", { class: "store-name" }, h("strong", null, one.name), " ", h("code", { class: "dim" }, one.address)),
      h("span", { class: "dim" }, t("{0} documents", count(one.documents)), ", ", bytes(one.bytes)),
      ...Object.entries(one.states).map(([name, number]) => h("span", { class: `chip ${status(name)}` }, `${name} ${count(number)}`)), badge(one));
    if (this.element.open) void this.load();
  }

  async load() {
    const asked = `/api/stores/${encodeURIComponent(this.address.split("/")[1])}/documents?offset=${this.offset}&limit=${PAGE}&q=${encodeURIComponent(this.search.value)}`;
    this.asked = asked;
    const found = await get(asked).catch((error) => ({ error: error.message, rows: [], total: 0 }));
    if (this.asked !== asked) return;
    fill(this.table, found.error ? banner(found.error) : h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": t("Documents of {0}", this.address) }, documents(found.rows)), this.pages(found.total, found.rows.length));
  }

  /** @param {number} total @param {number} shown */
  pages(total, shown) {
    const go = (/** @type {number} */ by) => () => { this.offset += by; void this.load(); };
    return h("div", { class: "row pages" },
      button(t("Previous"), go(-PAGE), { disabled: this.offset === 0, class: "quiet" }),
      h("span", { class: "dim", role: "status" }, total ? `${count(this.offset + 1)}–${count(this.offset + shown)} / ${count(total)}` : t("nothing")),
      button(t("Next"), go(PAGE), { disabled: this.offset + shown >= total, class: "quiet" }));
  }
}

/** @param {string} name */
const status = (name) => ({ completed: "good", in_progress: "", failed: "bad" })[name] ?? "warn";

/** @param {import("./types.js").DocumentRow[]} rows */
function documents(rows) {
  return h("table", null, h("thead", null, h("tr", null, ...[t("Document"), t("Size"), t("State")].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, ...rows.map((one) => h("tr", null,
      h("td", null, one.path, one.foreign && h("span", { class: "chip" }, t("attached by others"))), h("td", { class: "number" }, one.size === null ? "" : bytes(one.size)),
      h("td", null, h("span", { class: `chip ${status(one.status)}` }, one.status), one.error && h("span", { class: "dim" }, ` ${one.error}`))))));
}

/** @param {State} state */
function foreign(state) {
  if (!state.foreign.length) return [];
  return [h("h2", { id: "foreign-title" }, t("Foreign objects")), h("p", { class: "dim" }, t("They are on this account and not of this project: nothing here changes them.")),
    h("div", { class: "wide", tabindex: "0", role: "group", "aria-labelledby": "foreign-title" }, h("table", null,
      h("thead", null, h("tr", null, ...[t("Name"), t("Kind"), t("Model"), t("Project"), "id"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", null, ...state.foreign.slice(0, 200).map((one) => h("tr", null, h("td", null, one.name), h("td", null, one.kind), h("td", null, one.model), h("td", null, one.project), h("td", null, h("code", null, one.id))))))),
    state.foreign.length > 200 ? h("p", { class: "dim" }, t("and {0} more", count(state.foreign.length - 200))) : null];
}
