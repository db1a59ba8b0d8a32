// @ts-check
/**
 * The search for symbols: a dialog with a list that is moved through with the arrow keys.
 * @module search
 */

import { get } from "./api.js";
import { byId, element } from "./frame.js";
import { symbols } from "./state.js";
import { watch, watched } from "./watch.js";

/** Results that are shown. */
const MOST = 30;
/** Symbols of a page, and symbols that are searched. */
const PAGE = 5_000;
const MOST_SYMBOLS = 50_000;

const dialog = /** @type {HTMLDialogElement} */ (byId("search"));
const input = /** @type {HTMLInputElement} */ (byId("search-text"));
const list = byId("search-results");

/** @type {import("./state.js").SymbolInfo[]} */
let results = [];
let active = 0;
/** Reads all symbols once. @type {Promise<void> | null} */
let reading = null;
let problem = "";
/** @type {(id: number) => void} */
let select = () => {};

/** Opens the dialog. */
export function openSearch() {
  input.value = "";
  dialog.showModal();
  find();
  reading ??= readAll().catch((error) => {
    problem = error instanceof Error ? error.message : String(error);
    reading = null;
  });
  reading.then(find);
}

async function readAll() {
  problem = "";
  let cursor = null;
  do {
    const page = await get("/api/v1/symbols", { limit: PAGE, cursor });
    for (const symbol of page.data) symbols.set(symbol.symbol_id, symbol);
    cursor = page.next_cursor;
  } while (cursor && symbols.size < MOST_SYMBOLS);
}

/** @param {string} text */
function say(text) {
  byId("search-message").textContent = text;
  byId("search-message").hidden = !text;
}

/**
 * How well a symbol matches; 0 if it does not.
 * @param {import("./state.js").SymbolInfo} symbol
 * @param {string} exchange
 * @param {string} name
 */
function score(symbol, exchange, name) {
  if (exchange && !(symbol.exchange ?? "").toLowerCase().startsWith(exchange)) return 0;
  const own = symbol.name.toLowerCase();
  const plain = own.replace(/[^a-z0-9]/g, "");
  if (own === name || plain === name) return 4;
  if (own.startsWith(name) || plain.startsWith(name)) return 3;
  if (own.includes(name) || plain.includes(name)) return 2;
  return (symbol.description ?? "").toLowerCase().includes(name) ? 1 : 0;
}

function find() {
  const text = input.value.trim().toLowerCase();
  const [exchange, name] = text.includes(":") ? text.split(/:(.*)/s) : ["", text];
  results = [...symbols.values()]
    .map((symbol) => ({ symbol, rank: score(symbol, exchange, name) + (symbol.active ? 0.5 : 0) }))
    .filter(({ rank }) => rank >= 1)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, MOST)
    .map(({ symbol }) => symbol);
  const none = text ? `No symbol matches “${input.value.trim()}”.` : "The server has no symbols yet.";
  say(problem || (results.length ? "" : none));
  active = 0;
  show();
}

function show() {
  const options = results.map((symbol, index) => {
    const details = [
      element("span", { class: "name", text: symbol.name }),
      element("span", { class: "place", text: symbol.exchange ?? "" }),
      element("span", { class: "description", text: symbol.description ?? "" }),
    ];
    if (!symbol.active) details.push(element("span", { class: "tag", text: "inactive" }));
    if (watched().includes(symbol.symbol_id)) details.push(element("span", { class: "tag", text: "watched" }));
    return element("li", { attributes: { role: "option", id: `result-${index}`, "data-index": String(index) } }, details);
  });
  list.replaceChildren(...options);
  list.hidden = !results.length;
  highlight();
}

function highlight() {
  [...list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === active)));
  const option = list.children[active];
  option?.scrollIntoView({ block: "nearest" });
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

/** @param {number} index */
function choose(index) {
  const symbol = results[index];
  if (!symbol) return;
  dialog.close();
  watch(symbol.symbol_id);
  select(symbol.symbol_id);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && results.length) {
    event.preventDefault();
    active = (active + step + results.length) % results.length;
    highlight();
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(active);
  }
}

/** Starts the search. @param {(id: number) => void} selected */
export function startSearch(selected) {
  select = selected;
  byId("symbol").addEventListener("click", openSearch);
  byId("watch-add").addEventListener("click", openSearch);
  input.addEventListener("input", find);
  input.addEventListener("keydown", onKey);
  list.addEventListener("click", (event) => {
    const option = event.target instanceof Element ? event.target.closest("li") : null;
    if (option) choose(Number(option.dataset.index));
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
