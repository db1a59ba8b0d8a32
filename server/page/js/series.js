// @ts-check
/**
 * Loads the candles of the chart, follows them live, reads history when the chart is scrolled to its left end, and
 * fills what a lost connection missed.
 * @module series
 */

import { get, getAll } from "./api.js";
import { Candles } from "./candles.js";
import { drawAll, drawChanged, onScroll, setDigits, showNewest } from "./chart.js";
import { byId, inNextFrame } from "./frame.js";
import { candleDigits, emit, on, preferences, shown } from "./state.js";
import { onMessage, status, subscribe, unsubscribe } from "./socket.js";

/** Candles of a page of history. */
const PAGE = 1_000;
/** The chart holds at most this many candles. */
const MOST = 50_000;
/** With fewer candles of a minute, the first chart has candles of a second. */
const FEW = 30;
/** A failed request is repeated after this time, in milliseconds. */
const AGAIN = 2_000;
/** All candles are drawn at most this often, in milliseconds. */
const PAUSE = 250;

let candles = new Candles();
let abort = new AbortController();
let isLoading = false;
let isComplete = false;
/** What changed since the last frame. @type {Map<number, import("./candles.js").Candle> | "all"} */
let changed = new Map();
let drawnAt = 0;

/** The shown candles, as the server sent them. */
export const shownCandles = () => candles.list;

/** The candle at a time in seconds. @param {number} time */
export const candleAt = (time) => candles.at(time);

const message = byId("chart-message");

/** @param {"loading" | "empty" | "error" | null} kind @param {string} [text] */
function say(kind, text = "") {
  message.hidden = kind === null;
  message.dataset.kind = kind ?? "";
  byId("chart-message-text").textContent = text;
  byId("chart-retry").hidden = kind !== "error";
}

function draw() {
  if (changed === "all") {
    const now = performance.now();
    if (now - drawnAt < PAUSE) {
      inNextFrame(draw);
      return;
    }
    drawnAt = now;
    drawAll(candles.list);
  } else {
    drawChanged(candles.list, [...changed.values()].sort((a, b) => a.time - b.time));
  }
  changed = new Map();
  if (candles.list.length && !message.hidden && message.dataset.kind === "empty") {
    say(null);
    showNewest();
  }
  emit("candles");
}

/** @param {import("./candles.js").Candle[] | "all"} change */
function note(change) {
  if (change === "all" || changed === "all") changed = "all";
  else for (const candle of change) changed.set(candle.time, candle);
  inNextFrame(draw);
}

/** The basis of the preferences, else that of the symbol. @param {number} id @param {AbortSignal} signal */
async function basisOf(id, signal) {
  if (preferences.basis) return preferences.basis;
  const quotes = await get("/api/v1/ticks/latest", { symbols: id }, signal);
  if (quotes.data.length) return "bid";
  const trades = await get("/api/v1/trades/latest", { symbols: id }, signal);
  return trades.data.length ? "trade" : "bid";
}

const path = () => `/api/v1/ohlc/${shown.symbol?.symbol_id}`;
const query = () => ({ timeframe: shown.timeframe, basis: shown.basis });

/** Loads the candles of the shown symbol from the start. */
export async function load() {
  const { symbol } = shown;
  if (!symbol) return;
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  candles = new Candles();
  changed = new Map();
  isComplete = false;
  drawAll([]);
  say("loading", "Loading candles");
  unsubscribe("candles");
  isLoading = true;
  try {
    shown.basis = await basisOf(symbol.symbol_id, signal);
    shown.timeframe = preferences.timeframe ?? "1m";
    setDigits(candleDigits());
    let page = await get(path(), { ...query(), order: "desc", limit: PAGE }, signal);
    if (!preferences.timeframe && page.data.length < FEW) {
      shown.timeframe = "1s";
      page = await get(path(), { ...query(), order: "desc", limit: PAGE }, signal);
    }
    emit("series");
    candles.merge(page.data.reverse());
    isComplete = page.next_cursor === null;
    drawAll(candles.list);
    showNewest();
    if (candles.list.length) say(null);
    else say("empty", `No candles of ${symbol.name} with this timeframe and basis yet. The first one appears here.`);
    follow();
    // what happened between the answer and the subscription
    await backfill();
    emit("candles");
  } catch (error) {
    if (signal.aborted) return;
    emit("series");
    say("error", error instanceof Error ? error.message : String(error));
  } finally {
    if (!signal.aborted) isLoading = false;
  }
}

function follow() {
  const { symbol, timeframe, basis } = shown;
  subscribe("candles", { channel: "candles", symbols: [symbol?.symbol_id], timeframe, basis });
}

/** Reads the newest closed candles, and all later ones. */
async function backfill() {
  const { signal } = abort;
  const from = candles.backfillFrom();
  if (!from) return;
  const since = candles.begin();
  const items = await getAll(path(), { ...query(), from, limit: PAGE }, MOST, signal);
  note(candles.merge(items, since));
}

/** Reads what a lost connection missed, and tries again until that succeeds or the connection is lost again. */
async function fill() {
  const { signal } = abort;
  try {
    await backfill();
  } catch {
    if (!signal.aborted && status().connection === "live") setTimeout(fill, AGAIN);
  }
}

async function readHistory() {
  const first = candles.list[0];
  if (isLoading || isComplete || !first || candles.list.length >= MOST) return;
  isLoading = true;
  const { signal } = abort;
  try {
    const page = await get(path(), { ...query(), to: first.open_time, order: "desc", limit: PAGE }, signal);
    isComplete = page.next_cursor === null;
    if (page.data.length) note(candles.merge(page.data.reverse(), candles.begin()));
  } catch {
    // the next scroll reads it again
  } finally {
    if (!signal.aborted) isLoading = false;
  }
}

/** Connects the chart with the server. */
export function startSeries() {
  onMessage("candle", ({ type, seq, snapshot, ...candle }) => {
    const isShown = candle.symbol_id === shown.symbol?.symbol_id;
    if (!isShown || candle.timeframe !== shown.timeframe || candle.basis !== shown.basis) return;
    note(candles.merge([candle]));
  });
  onScroll((left, isNewest) => {
    byId("newest").hidden = isNewest || !candles.list.length;
    if (left < 50) readHistory();
  });
  byId("newest").addEventListener("click", showNewest);
  byId("chart-retry").addEventListener("click", load);
  on("opened", (count) => {
    if (count > 1) fill();
  });
}
