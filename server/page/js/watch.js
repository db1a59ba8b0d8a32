// @ts-check
/**
 * The watch list with live quotes.
 * @module watch
 */

import { get } from "./api.js";
import { pad, signed } from "./decimal.js";
import { byId, element, inNextFrame, setText } from "./frame.js";
import { emit, fullName, on, preferences, savePreferences, shown, symbols } from "./state.js";
import { onMessage, subscribe } from "./socket.js";

/** Symbols of the first watch list. */
const FIRST = 8;

/**
 * @typedef {{bid: string | null, ask: string | null, trade: string | null, open: number | null, at: string}} Quote
 */

/** @type {Map<number, Quote>} */
const quotes = new Map();
/** @typedef {{row: HTMLElement, bid: HTMLElement, ask: HTMLElement, change: HTMLElement}} Row */
/** @type {Map<number, Row>} */
const rows = new Map();
/** @type {Set<number>} */
const changed = new Set();

/** The ids of the watch list. */
export const watched = () => preferences.watched ?? [];

/** The newest quote of a symbol. @param {number} id */
export const quoteOf = (id) => quotes.get(id);

/** @param {number} id */
function quote(id) {
  const known = quotes.get(id);
  if (known) return known;
  const made = { bid: null, ask: null, trade: null, open: null, at: "" };
  quotes.set(id, made);
  return made;
}

/** The price that the change is computed from. @param {Quote} price */
const present = (price) => {
  if (price.bid && price.ask) return (Number(price.bid) + Number(price.ask)) / 2;
  const one = price.bid ?? price.ask ?? price.trade;
  return one === null ? null : Number(one);
};

function draw() {
  for (const id of changed) {
    const row = rows.get(id);
    const symbol = symbols.get(id);
    if (!row || !symbol) continue;
    const price = quote(id);
    const text = (/** @type {string | null} */ value) => (value === null ? "–" : pad(value, symbol.digits));
    setText(row.bid, text(price.bid ?? (price.ask ? null : price.trade)));
    setText(row.ask, text(price.ask ?? (price.bid ? null : price.trade)));
    const now = present(price);
    const change = now !== null && price.open ? (100 * (now - price.open)) / price.open : null;
    row.row.dataset.direction = change === null || change === 0 ? "flat" : change > 0 ? "up" : "down";
    setText(row.change, change === null ? "" : `${signed(change)} %`);
  }
  if (shown.symbol && changed.has(shown.symbol.symbol_id)) emit("quote");
  changed.clear();
}

/** @param {number} id */
function mark(id) {
  changed.add(id);
  inNextFrame(draw);
}

function build() {
  const list = byId("watch");
  list.replaceChildren();
  rows.clear();
  for (const id of watched()) {
    const symbol = symbols.get(id);
    if (!symbol) continue;
    const name = element("span", { class: "name", text: symbol.name });
    const place = element("span", { class: "place", text: symbol.exchange ?? "" });
    const [bid, ask] = ["price bid", "price ask"].map((kind) => element("span", { class: kind, text: "–" }));
    const change = element("span", { class: "change" });
    const open = element("button", { class: "watch-row", attributes: { type: "button", "data-id": String(id) } }, [
      name,
      bid,
      ask,
      place,
      change,
    ]);
    open.title = symbol.description ?? fullName(symbol);
    const remove = element("button", {
      class: "remove",
      text: "×",
      title: `Remove ${symbol.name} from the watch list`,
      attributes: { type: "button", "data-remove": String(id), "aria-label": `Remove ${symbol.name} from the watch list` },
    });
    const row = element("li", {}, [open, remove]);
    rows.set(id, { row, bid, ask, change });
    list.append(row);
    mark(id);
  }
  byId("watch-message").hidden = rows.size > 0;
  markShown();
}

function markShown() {
  for (const [id, { row }] of rows) {
    const isShown = id === shown.symbol?.symbol_id;
    row.dataset.shown = String(isShown);
    row.firstElementChild?.setAttribute("aria-current", String(isShown));
  }
}

/** Subscribes to the quotes, and reads those that may not come soon. */
async function follow() {
  const ids = watched().filter((id) => symbols.has(id));
  if (!ids.length) return;
  subscribe("quotes", { channel: "ticks", symbols: ids });
  subscribe("last", { channel: "trades", symbols: ids });
  const list = ids.join(",");
  const [ticks, trades] = await Promise.all([
    get("/api/v1/ticks/latest", { symbols: list }),
    get("/api/v1/trades/latest", { symbols: list }),
  ]);
  ticks.data.forEach(takeTick);
  trades.data.forEach(takeTrade);
  await Promise.all(
    ids.map(async (id) => {
      const days = await get(`/api/v1/ohlc/${id}`, { timeframe: "1d", order: "desc", limit: 1 });
      quote(id).open = days.data.length ? Number(days.data[0].open) : null;
      mark(id);
    }),
  );
}

/** @param {any} tick */
function takeTick(tick) {
  const price = quote(tick.symbol_id);
  if (tick.tick_time < price.at) return;
  Object.assign(price, { bid: tick.bid_price, ask: tick.ask_price, at: tick.tick_time });
  mark(tick.symbol_id);
}

/** @param {any} trade */
function takeTrade(trade) {
  quote(trade.symbol_id).trade = trade.price;
  mark(trade.symbol_id);
}

/** Adds a symbol at the end. @param {number} id */
export function watch(id) {
  if (watched().includes(id)) return;
  preferences.watched = [...watched(), id];
  changeList();
}

/** @param {number} id */
function unwatch(id) {
  preferences.watched = watched().filter((other) => other !== id);
  changeList();
}

function changeList() {
  savePreferences();
  build();
  follow().catch(() => {});
}

/** The symbol before or after the shown one. @param {1 | -1} step */
export function neighbour(step) {
  const list = watched().filter((id) => symbols.has(id));
  const index = list.indexOf(shown.symbol?.symbol_id ?? 0);
  return list[(index + step + list.length) % list.length];
}

/** Starts the list. @param {(id: number) => void} select */
export function startWatch(select) {
  if (!preferences.watched?.some((id) => symbols.has(id))) {
    const first = [...symbols.values()].filter((symbol) => symbol.active).slice(0, FIRST);
    preferences.watched = first.map((symbol) => symbol.symbol_id);
  }
  byId("watch").addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.remove) unwatch(Number(button.dataset.remove));
    else if (button?.dataset.id) select(Number(button.dataset.id));
  });
  onMessage("tick", takeTick);
  onMessage("trade", takeTrade);
  on("symbol", markShown);
  on("opened", () => follow().catch(() => {}));
  build();
}
