// @ts-check
/**
 * The trades of the shown symbol, newest first.
 * @module tape
 */

import { get } from "./api.js";
import { group, pad } from "./decimal.js";
import { byId, element, inNextFrame, setText } from "./frame.js";
import { on, preferences, shown } from "./state.js";
import { onMessage, subscribe, unsubscribe } from "./socket.js";
import { clock, full } from "./time.js";

/** Trades that are held; the panel shows as many as fit. */
const MOST = 100;

/**
 * @typedef {{symbol_id: number, trade_time: string, sequence: number, price: string, quantity: string,
 *   aggressor_side: string | null, trade_id: string | null, state?: string}} Trade
 */

/** @type {Trade[]} */
let trades = [];
let abort = new AbortController();
let problem = "";

/** The shown trades, newest first. */
export const shownTrades = () => trades;

/** @type {{row: HTMLElement, time: HTMLElement, price: HTMLElement, quantity: HTMLElement}[]} */
const rows = [];

function fit() {
  const box = byId("tape-rows");
  const height = Number.parseFloat(getComputedStyle(box).getPropertyValue("--row")) || 20;
  const count = Math.min(MOST, Math.max(4, Math.floor((box.clientHeight - byId("tape-head").offsetHeight) / height)));
  const body = byId("tape");
  while (rows.length > count) rows.pop()?.row.remove();
  while (rows.length < count) {
    const [time, price, quantity] = ["time", "price", ""].map((name) => element("td", { class: name }));
    const row = element("tr", { class: "level" }, [time, price, quantity]);
    rows.push({ row, time, price, quantity });
    body.append(row);
  }
  inNextFrame(draw);
}

function draw() {
  const digits = shown.symbol?.digits ?? 2;
  const { zone } = preferences;
  rows.forEach(({ row, time, price, quantity }, index) => {
    const trade = trades[index];
    const side = trade?.aggressor_side ?? "";
    row.dataset.side = side;
    row.dataset.state = trade?.state ?? "";
    const at = trade ? Date.parse(trade.trade_time) : 0;
    setText(time, trade ? clock(at, zone) : "");
    const mark = side === "buy" ? "▲ " : side === "sell" ? "▼ " : "";
    setText(price, trade ? mark + pad(trade.price, digits) : "");
    setText(quantity, trade ? group(trade.quantity) : "");
    row.title = trade ? [full(at, zone), side && `taken by the ${side}er`, trade.state].filter(Boolean).join(", ") : "";
  });
  const text = problem || (trades.length ? "" : "No trades yet");
  byId("tape-message").hidden = !text;
  setText(byId("tape-message"), text);
}

/** @param {Trade} a @param {Trade} b */
const newestFirst = (a, b) =>
  a.trade_time === b.trade_time ? b.sequence - a.sequence : a.trade_time < b.trade_time ? 1 : -1;

/** @param {Trade[]} more */
function merge(more) {
  const known = new Set(trades.map((trade) => `${trade.trade_time} ${trade.sequence}`));
  const fresh = more.filter((trade) => !known.has(`${trade.trade_time} ${trade.sequence}`));
  if (!fresh.length) return;
  // trades of a feed arrive in order, so sorting is the exception
  const inOrder = fresh.length === 1 && (!trades.length || newestFirst(fresh[0], trades[0]) <= 0);
  trades = inOrder ? [fresh[0], ...trades] : trades.concat(fresh).sort(newestFirst);
  if (trades.length > MOST) trades.length = MOST;
  inNextFrame(draw);
}

async function read() {
  const id = shown.symbol?.symbol_id;
  if (!id) return;
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  try {
    const page = await get(`/api/v1/trades/${id}`, { order: "desc", limit: MOST }, signal);
    problem = "";
    merge(page.data);
  } catch (error) {
    if (!signal.aborted) problem = error instanceof Error ? error.message : String(error);
  }
  inNextFrame(draw);
}

/** Starts the tape. */
export function startTape() {
  new ResizeObserver(fit).observe(byId("tape-rows"));
  fit();
  on("symbol", () => {
    trades = [];
    problem = "";
    const id = shown.symbol?.symbol_id;
    unsubscribe("tape");
    if (id) subscribe("tape", { channel: "trades", symbols: [id] });
    read();
    inNextFrame(draw);
  });
  on("zone", () => inNextFrame(draw));
  on("opened", (count) => {
    if (count > 1) read();
  });
  const isShown = (/** @type {any} */ message) => message.symbol_id === shown.symbol?.symbol_id;
  onMessage("trade", (trade) => {
    if (isShown(trade)) merge([trade]);
  });
  onMessage("gap", (message) => {
    if (message.channel === "trades" && isShown(message)) read();
  });
  onMessage("correction", (correction) => {
    const trade = trades.find(
      ({ trade_time: time, sequence, trade_id: id }) =>
        time === correction.trade_time && (correction.sequence === null ? id === correction.trade_id : sequence === correction.sequence),
    );
    if (!isShown(correction) || !trade) return;
    if (correction.cancelled) trade.state = "canceled";
    else Object.assign(trade, { price: correction.price, quantity: correction.quantity, state: "corrected" });
    inNextFrame(draw);
  });
}
