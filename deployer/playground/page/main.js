// The frame of the page: which part is shown, and what is new on disk or on the account.

import { events, get } from "./api.js";
import { banner, byId, button, fill, h } from "./dom.js";
import { Overview } from "./see.js";
import { Talk } from "./talk.js";
import { language, languages, setLanguage, t } from "./texts.js";
import { Trial } from "./try.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {{element: HTMLElement, show: (state: State) => void, open?: (query: URLSearchParams) => void}} Part */

const PARTS = /** @type {const} */ (["see", "talk", "try"]);
/** @type {Record<string, Part>} */
let parts = {};
/** @type {State | null} */
let state = null;
/** @type {Promise<any> | null} */
let first = get("/api/state"); // asked for at once, while the page is being built
first.catch(() => undefined);

function build() {
  document.documentElement.lang = language();
  const talked = /** @type {Talk | undefined} */ (parts.talk)?.current;
  parts = { see: new Overview(), talk: new Talk(), try: new Trial() };
  if (talked) void /** @type {Talk} */ (parts.talk).go(talked);
  const other = languages().find((one) => one.code !== language()) ?? languages()[0];
  fill(byId("language"), other.name);
  byId("language").setAttribute("lang", other.code);
  byId("language").onclick = () => { setLanguage(other.code); build(); route(); };
  const skip = document.querySelector(".skip");
  if (skip) skip.textContent = t("Skip to the content");
  byId("nav").setAttribute("aria-label", t("Pages"));
}

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const name = PARTS.find((one) => one === path) ?? "see";
  const titles = { see: t("Overview"), talk: t("Talk"), try: t("Try") };
  fill(byId("nav"), ...PARTS.map((one) => h("a", { href: `#/${one}`, "aria-current": one === name ? "page" : null }, titles[one])));
  document.title = `${titles[name]} · ${state?.project ?? "deployer"}`;
  fill(byId("main"), parts[name].element);
  document.body.dataset.part = name;
  if (state) parts[name].show(state);
  parts[name].open?.(new URLSearchParams(query ?? ""));
}

/** @param {"live" | "reading" | "lost" | "failed"} how */
function shownLive(how) {
  const words = { live: t("Live"), reading: t("Reading the account…"), lost: t("Not connected"), failed: t("Account not read") };
  byId("live").dataset.how = how;
  fill(byId("live"), words[how]);
}

function shownState() {
  shownLive(state?.error ? "failed" : state?.reading ? "reading" : "live");
}

async function refresh() {
  const asked = first ?? get("/api/state"), isFirst = !state;
  first = null;
  state = /** @type {State} */ (await asked);
  fill(byId("project"), state.project);
  fill(byId("account"), `${state.account.name} · ${state.account.api}`);
  byId("account").title = state.account.base_url;
  shownState();
  if (isFirst) route();
  else parts[document.body.dataset.part ?? ""]?.show(state); // the others are told when they are opened
}

async function listen() {
  for (;;) {
    try {
      if (!state) await refresh();
      for await (const { version } of events("/api/changes", new AbortController().signal)) {
        if (version !== state?.version) await refresh();
        else shownState();
      }
    } catch (error) {
      if (!state) fill(byId("main"), banner(t("The page cannot be shown."), String(/** @type {Error} */ (error).message)), button(t("Try again"), () => location.reload()));
    }
    shownLive("lost");
    await new Promise((done) => { setTimeout(done, 1500); });
  }
}

build();
window.addEventListener("hashchange", () => { route(); byId("main").focus({ preventScroll: true }); window.scrollTo(0, 0); });
route();
void listen();
