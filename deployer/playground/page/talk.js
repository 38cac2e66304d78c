// Conversations: what is said and done, by whom, and what can be done with it.

import { blob, events, get, post, remove, text, upload } from "./api.js";
import { announce, banner, button, dialog, fill, h } from "./dom.js";
import { callForm } from "./form.js";
import { openDocument } from "./passages.js";
import { count, t } from "./texts.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Conversation} Conversation */
/** @typedef {import("./types.js").Passage} Passage */

/** What is shown of one turn. @typedef {{element: HTMLElement, body: HTMLElement, text: string, live: HTMLElement | null, passages: Passage[], calls: Map<string, HTMLElement>, entry: Entry}} Turn */

export class Talk {
  constructor() {
    /** @type {Conversation | null} */ this.current = null;
    /** @type {State | null} */ this.state = null;
    /** @type {Map<number, Turn>} */ this.turns = new Map();
    /** @type {{id: string, name: string}[]} */ this.files = [];
    /** @type {number | null} */ this.before = null;
    this.told = "";
    this.wanted = "";
    this.listening = new AbortController();
    this.list = h("ul", { class: "conversations" });
    this.log = h("div", { class: "log", role: "log", "aria-label": t("Conversation"), tabindex: "0" });
    this.who = /** @type {HTMLSelectElement} */ (h("select", { id: "who" }));
    this.input = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "message", rows: "2", placeholder: t("Write a message…"), on: {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        // While a Korean syllable is being composed, Enter ends the syllable and not the message.
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); void this.send(); }
      } } }));
    this.attached = h("ul", { class: "attached", "aria-label": t("Attached files") });
    this.picker = /** @type {HTMLInputElement} */ (h("input", { type: "file", multiple: true, hidden: true, "aria-label": t("Files to attach"), on: { change: () => void this.attach() } }));
    this.attachButton = button(t("Attach (uploads to the account)"), () => this.picker.click(), { class: "quiet" });
    this.sendButton = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "primary" }, t("Send")));
    this.stopButton = button(t("Stop"), () => void this.stop(), { class: "danger", hidden: true });
    this.editing = h("div", { class: "row editing", hidden: true });
    this.failed = h("div");
    this.tools = h("div", { class: "row tools" });
    const form = h("form", { class: "composer", on: { submit: (/** @type {Event} */ event) => { event.preventDefault(); void this.send(); } } },
      this.failed, this.editing, this.attached,
      h("label", { class: "unseen", for: "message" }, t("Message")), this.input,
      h("div", { class: "row spread" }, h("div", { class: "row" }, h("label", { for: "who" }, t("To")), this.who, this.attachButton, this.picker), h("div", { class: "row" }, this.stopButton, this.sendButton)));
    this.element = h("div", { class: "talk" },
      h("aside", { "aria-label": t("Conversations") }, button(t("New conversation"), () => void this.begin(), { class: "wide-button" }), this.list),
      h("section", { class: "room", "aria-label": t("Talk") }, h("h1", { class: "unseen" }, t("Talk")), this.tools, this.log, form));
    this.welcome();
  }

  /** @param {State} state */
  show(state) {
    const chosen = this.wanted || this.who.value, names = state.assistants.filter((one) => one.state !== "orphan");
    const told = JSON.stringify(names.map((one) => [one.address, one.name, one.state]));
    this.state = state;
    if (told === this.told) return;
    this.told = told;
    fill(this.who, ...names.map((one) => h("option", { value: one.address, selected: one.address === chosen }, one.state === "absent" ? t("{0} (not live yet)", one.name) : one.name)));
    if (names.length) this.wanted = "";
    this.attachButton.hidden = state.account.api === "agents";
    if (!this.turns.size) this.welcome();
  }

  /** @param {URLSearchParams} query */
  open(query) {
    const wanted = query.get("with");
    if (wanted) {
      this.wanted = this.who.value = wanted;
      this.input.focus();
    }
    void this.listed();
  }

  welcome() {
    const suits = this.state?.assistants.some((one) => one.state === "live") ?? true;
    fill(this.log, h("div", { class: "welcome" }, h("h2", null, t("Talk to what is deployed")),
      h("p", { class: "dim" }, suits ? t("Choose an assistant and write. Functions that it calls become forms; what it cites can be opened.") : t("Nothing is live on this account yet: run deployer apply first."))));
  }

  async listed() {
    const { conversations } = await get("/api/conversations").catch(() => ({ conversations: [] }));
    fill(this.list, ...conversations.map((/** @type {Conversation} */ one) => h("li", null,
      button(one.title || t("Empty conversation"), () => void this.go(one), { "aria-current": one.id === this.current?.id ? "true" : null, class: "quiet" }))));
    this.toolsShown();
  }

  async begin() {
    this.leave();
    this.current = null;
    this.welcome();
    await this.listed();
    this.input.focus();
  }

  leave() {
    this.listening.abort();
    this.listening = new AbortController();
    this.turns.clear();
    this.edit(null);
    fill(this.log);
  }

  /** @param {Conversation} one */
  async go(one) {
    this.leave();
    this.current = one;
    await this.listed();
    await this.follow(0);
  }

  toolsShown() {
    const id = this.current?.id;
    fill(this.tools, ...(id && this.turns.size ? [
      h("span", { class: "dim thread" }, this.current?.thread ?? ""),
      button(t("Save as Markdown"), () => this.tried(this.save("markdown", "md")), { class: "quiet" }),
      button(t("Save as JSON"), () => this.tried(this.save("json", "json")), { class: "quiet" }),
      button(t("Make a test…"), () => this.tried(this.test()), { class: "quiet" })] : []));
  }

  /** Say what became of it where it failed. @param {Promise<any>} work */
  tried(work) {
    fill(this.failed);
    work.catch((error) => fill(this.failed, banner(error.message)));
  }

  /** @param {boolean} busy */
  busy(busy) {
    this.stopButton.hidden = !busy;
    this.sendButton.disabled = busy;
    this.log.setAttribute("aria-busy", String(busy));
  }

  async send() {
    const said = this.input.value.trim();
    if (!said || this.sendButton.disabled) return;
    fill(this.failed);
    this.busy(true);
    try {
      if (!this.current) {
        this.current = /** @type {Conversation} */ (await post("/api/conversations"));
        fill(this.log);
      }
      const files = this.files.map((one) => one.id);
      const after = (await post(`/api/conversations/${this.current.id}/say`, { address: this.who.value, text: said, files, before: this.before })).entries;
      this.input.value = "";
      this.files = [];
      this.filesShown();
      const first = this.seen ?? 0;
      this.edit(null);
      void this.listed();
      await this.follow(Math.min(first, after));
    } catch (error) {
      this.busy(false);
      fill(this.failed, banner(/** @type {Error} */ (error).message));
    }
  }

  /** Show what happens from an entry on, to the end of the turn. @param {number} after */
  async follow(after) {
    const talked = this.current, signal = this.listening.signal;
    if (!talked) return;
    this.seen = after;
    this.busy(true);
    try {
      for await (const entry of events(`/api/conversations/${talked.id}/entries?after=${after}`, signal)) {
        this.seen = entry.n + 1;
        this.happened(entry);
      }
    } catch (error) {
      if (signal.aborted) return;
      fill(this.failed, banner(/** @type {Error} */ (error).message));
    }
    if (signal.aborted) return;
    this.busy(false);
    this.toolsShown();
  }

  /** @param {Entry} entry */
  happened(entry) {
    const near = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 120;
    if (entry.type === "forked") this.cut(entry.before ?? 0);
    else if (entry.type === "turn") this.began(entry);
    else if (entry.type === "named" && this.current) this.current.thread = entry.thread ?? "";
    const turn = this.turns.get(entry.turn);
    if (turn) shown(turn, entry, (output, failure) => this.answer(entry.id ?? "", output, failure));
    if (near || entry.type === "turn") this.log.scrollTop = this.log.scrollHeight;
  }

  /** @param {number} before */
  cut(before) {
    for (const [index, turn] of [...this.turns]) {
      if (index < before) continue;
      turn.element.remove();
      this.turns.delete(index);
    }
  }

  /** @param {Entry} entry */
  began(entry) {
    if (!this.turns.size) fill(this.log);
    const name = this.state?.assistants.find((one) => one.address === entry.address)?.name ?? entry.address ?? "";
    const body = h("div", { class: "answer" });
    const element = h("article", { class: "turn", "data-turn": entry.turn, "aria-label": t("Message {0}", count(entry.turn + 1)) },
      h("div", { class: "said you" }, h("div", { class: "who" }, h("strong", null, t("You")), button(t("Edit and send again"), () => this.edit(entry), { class: "quiet small" })),
        h("p", { class: "lines" }, entry.text), entry.files?.length ? h("ul", { class: "attached" }, ...entry.files.map((one) => h("li", { class: "chip" }, one.name))) : null),
      h("div", { class: "said it" }, h("div", { class: "who" }, h("strong", null, name), h("code", { class: "dim" }, entry.address)), body));
    this.turns.set(entry.turn, { element, body, text: "", live: null, passages: [], calls: new Map(), entry });
    this.log.append(element);
  }

  /** Change a message that was said; what followed it is left behind. @param {Entry | null} entry */
  edit(entry) {
    this.before = entry ? entry.turn : null;
    this.editing.hidden = !entry;
    if (!entry) return;
    if (entry.address) this.who.value = entry.address;
    this.input.value = entry.text ?? "";
    fill(this.editing, h("span", null, t("You change message {0}; a new thread goes on from there.", count(entry.turn + 1))),
      button(t("Do not change it"), () => { this.input.value = ""; this.edit(null); }, { class: "quiet small" }));
    this.input.focus();
  }

  /** @param {string} call @param {any} output @param {string} failure */
  async answer(call, output, failure) {
    await post(`/api/conversations/${this.current?.id}/answer`, { call, output, failure });
  }

  async stop() {
    if (this.current) await post(`/api/conversations/${this.current.id}/stop`).catch((error) => fill(this.failed, banner(error.message)));
  }

  async attach() {
    fill(this.failed);
    for (const file of this.picker.files ?? []) {
      try {
        this.files.push(await upload(file));
        announce(t("{0} is attached.", file.name));
      } catch (error) {
        fill(this.failed, banner(/** @type {Error} */ (error).message));
      }
    }
    this.picker.value = "";
    this.filesShown();
  }

  filesShown() {
    fill(this.attached, ...this.files.map((one) => h("li", { class: "chip" }, one.name, " ",
      button("×", async () => { await remove(`/api/files/${one.id}`).catch(() => undefined); this.files = this.files.filter((other) => other !== one); this.filesShown(); },
        { class: "quiet small", "aria-label": t("Delete {0} from the account", one.name), title: t("Delete {0} from the account", one.name) }))));
  }

  /** @param {string} form @param {string} suffix */
  async save(form, suffix) {
    const written = await text(`/api/conversations/${this.current?.id}/transcript?format=${form}`);
    const address = URL.createObjectURL(new Blob([written], { type: "text/plain;charset=utf-8" }));
    const link = h("a", { href: address, download: `conversation.${suffix}`, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  async test() {
    const path = `/api/conversations/${this.current?.id}/test`;
    const first = await post(path, { name: "conversation" });
    const name = /** @type {HTMLInputElement} */ (h("input", { id: "test-name", value: "conversation", on: { input: () => void preview() } }));
    const expected = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "test-expected", rows: "2", on: { input: () => void preview() } }));
    expected.value = first.suggestion;
    const yaml = h("pre", { tabindex: "0", role: "group", "aria-label": "YAML" }), told = h("p", { role: "status" });
    const data = () => ({ name: name.value, expected: expected.value.split("\n").filter((one) => one.trim()) });
    const preview = async () => {
      write.textContent = t("Write tests/{0}.yaml, and name it in {1}", name.value, first.manifest);
      fill(yaml, (await post(path, data()).catch(() => first)).yaml);
    };
    const write = button("", async () => {
      try {
        const done = await post(path, { ...data(), write: true });
        told.className = "good";
        fill(told, t("Written: {0}. deployer test runs it.", done.written.join(", ")));
        write.disabled = true;
      } catch (error) {
        told.className = "bad";
        fill(told, /** @type {Error} */ (error).message);
      }
    }, { class: "primary" });
    await preview();
    dialog(t("A test from this conversation"), t("Close"),
      h("p", { class: "dim" }, t("What was answered here becomes what a model would say (rehearse:), so the test runs without one.")),
      h("div", { class: "field" }, h("label", { for: "test-name" }, t("Name")), name),
      h("div", { class: "field" }, h("label", { for: "test-expected" }, t("The last answer must contain (one text a line)")), expected), yaml, told, h("div", { class: "row" }, write));
  }
}

/**
 * Add an entry to what is shown of its turn.
 * @param {Turn} turn @param {Entry} entry @param {(output: any, failure: string) => Promise<void>} answer
 */
function shown(turn, entry, answer) {
  if (entry.type === "text") {
    turn.text += entry.text;
    turn.live ??= turn.body.appendChild(h("p", { class: "lines streaming" }));
    turn.live.textContent = turn.text;
  } else if (entry.type === "message") {
    turn.live?.remove();
    turn.live = null;
    turn.text = "";
    turn.body.append(message(entry, turn.passages));
  } else if (entry.type === "step") {
    turn.passages.push(...(entry.passages ?? []));
    turn.body.append(step(entry));
  } else if (entry.type === "call") {
    const node = entry.by === "form" ? callForm(entry, answer) : h("p", { class: "dim" }, h("code", null, entry.name ?? ""), " ", entry.by === "handler" ? t("is answered by its handler…") : t("is answered here…"));
    turn.calls.set(entry.id ?? "", turn.body.appendChild(node));
    if (entry.by === "form") announce(t("{0} asks for an answer", entry.name ?? ""));
  } else if (entry.type === "answered") {
    answered(turn, entry);
  } else if (entry.type === "end" && !entry.ok) {
    turn.live?.classList.remove("streaming");
    for (const node of turn.calls.values()) if (node.tagName === "FORM") node.remove();
    turn.body.append(h("p", { class: "warn" }, entry.status === "cancelled" ? t("Stopped.") : t("The turn ended as {0}.", entry.status ?? ""), " ", entry.status === "cancelled" ? "" : entry.reason));
  }
}

/** @param {Turn} turn @param {Entry} entry */
function answered(turn, entry) {
  const call = turn.calls.get(entry.id ?? "");
  const name = call?.querySelector("code")?.textContent ?? "";
  const told = h("details", { class: "step" }, h("summary", null, h("code", null, name), " ", entry.failure ? h("span", { class: "warn" }, entry.failure) : t("was answered")), h("pre", null, entry.output ?? ""));
  call?.replaceWith(told);
}

/** @param {Entry} entry @param {Passage[]} passages */
function message(entry, passages) {
  const sources = entry.citations ?? [], body = h("p", { class: "lines" });
  let rest = entry.text ?? "";
  const open = (/** @type {string} */ source) => button(`${sources.indexOf(source) + 1}`, () => void openDocument(source, passages), { class: "cite", "aria-label": t("Open the source {0}", source), title: source });
  for (;;) {
    const next = sources.map((source) => ({ source, at: rest.indexOf(`[${source}]`) })).filter((one) => one.at >= 0).sort((a, b) => a.at - b.at)[0];
    if (!next) break;
    body.append(rest.slice(0, next.at), open(next.source));
    rest = rest.slice(next.at + next.source.length + 2);
  }
  body.append(rest);
  return h("div", { class: "message" }, body, sources.length ? h("ul", { class: "sources", "aria-label": t("Sources") }, ...sources.map((source) => h("li", null, open(source), " ", h("span", null, source)))) : null);
}

/** @param {Entry} entry */
function step(entry) {
  const found = entry.passages ?? [];
  if (entry.kind === "file_search") {
    return h("details", { class: "step" }, h("summary", null, t("Searched files"), entry.queries?.length ? h("span", { class: "dim" }, `: ${entry.queries.join(" · ")}`) : null, h("span", { class: "dim" }, ` — ${t("{0} passages", count(found.length))}`)),
      h("ol", null, ...found.map((one) => h("li", null, button(one.source, () => void openDocument(one.source, [one]), { class: "link" }), one.score !== null && h("span", { class: "dim" }, ` ${one.score.toFixed(2)}`), one.text && h("blockquote", { class: "lines" }, one.text)))));
  }
  if (entry.kind === "code_interpreter") {
    return h("details", { class: "step", open: true }, h("summary", null, t("Ran code")), h("pre", null, entry.code ?? ""), ...(entry.outputs ?? []).map(output));
  }
  return h("details", { class: "step" }, h("summary", null, entry.kind ?? ""), h("pre", null, JSON.stringify(entry.data, null, 2)));
}

/** @param {{logs?: string, image?: string}} one */
function output(one) {
  if (!one.image) return h("pre", { class: "output" }, one.logs ?? "");
  const image = /** @type {HTMLImageElement} */ (h("img", { alt: t("An image that the code made") }));
  blob(`/api/images/${encodeURIComponent(one.image)}`).then((data) => { image.src = URL.createObjectURL(data); }, () => image.replaceWith(t("The image cannot be read.")));
  return image;
}
