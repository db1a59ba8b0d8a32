// @ts-check
/**
 * Starts the page: reads the symbols, selects one, and connects.
 * @module main
 */

import { shownAccount, startAccount } from "./account.js";
import { get } from "./api.js";
import { book, startBook } from "./book.js";
import { startBookTable } from "./book_table.js";
import { startChart } from "./chart.js";
import { startConnection } from "./connection.js";
import { pad } from "./decimal.js";
import { startDepthChart } from "./depth_chart.js";
import { startDetails } from "./details.js";
import { startFeeds } from "./feeds.js";
import { byId, setText } from "./frame.js";
import { startKeyboard } from "./keyboard.js";
import { startLegend } from "./legend.js";
import { startSearch } from "./search.js";
import { load, shownCandles, startSeries } from "./series.js";
import { connect, status } from "./socket.js";
import { emit, on, preferences, savePreferences, shown, symbols } from "./state.js";
import { showChart, startTabs } from "./tabs.js";
import { shownTrades, startTape } from "./tape.js";
import { startTheme } from "./theme.js";
import { startToolbar } from "./toolbar.js";
import { quoteOf, startWatch, watched } from "./watch.js";

/** Symbols that are read at the start. The search reads the others. */
const FIRST = 500;
/** The symbols are read again this often until there is one, in milliseconds. */
const AGAIN = 2_000;

let isStarted = false;

/** Shows a symbol. @param {number} id */
function select(id) {
  const symbol = symbols.get(id);
  if (!symbol) return;
  showChart();
  if (shown.symbol === symbol) return;
  shown.symbol = symbol;
  preferences.symbol = id;
  savePreferences();
  setText(byId("symbol-name"), symbol.name);
  setText(byId("symbol-description"), symbol.description ?? symbol.exchange ?? "");
  emit("symbol");
  showPrice();
  load();
}

function showPrice() {
  const { symbol } = shown;
  const quote = symbol ? quoteOf(symbol.symbol_id) : undefined;
  const price = quote?.bid ?? quote?.trade ?? quote?.ask;
  setText(byId("symbol-price"), price && symbol ? pad(price, symbol.digits) : "–");
  document.title = price && symbol ? `${symbol.name} ${pad(price, symbol.digits)} – tickbook` : "tickbook";
}

/** @param {string} text @param {boolean} isError */
function say(text, isError) {
  const message = byId("chart-message");
  message.hidden = !text;
  message.dataset.kind = isError ? "error" : "empty";
  setText(byId("chart-message-text"), text);
  byId("chart-retry").hidden = true;
}

/** Reads the symbols, and those of the preferences that are not among the first ones. */
async function readSymbols() {
  const page = await get("/api/v1/symbols", { limit: FIRST });
  for (const symbol of page.data) symbols.set(symbol.symbol_id, symbol);
  const others = [...(preferences.watched ?? []), preferences.symbol].filter((id) => id !== null && !symbols.has(id));
  for (const id of new Set(others)) {
    const symbol = await get(`/api/v1/symbols/${id}`).catch(() => null);
    if (symbol) symbols.set(symbol.symbol_id, symbol);
  }
}

/** Starts with the symbols of the server; without one, tries again. */
async function start() {
  try {
    await readSymbols();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), true);
    const { status: code } = /** @type {import("./api.js").Problem} */ (error);
    if (code !== 401 && code !== 403) setTimeout(start, AGAIN);
    return;
  }
  if (!symbols.size) {
    say("The server has no symbols yet. Start a feed, or import some.", false);
    setTimeout(start, AGAIN);
    return;
  }
  if (!isStarted) {
    isStarted = true;
    startWatch(select);
    connect();
  }
  const wanted = preferences.symbol !== null && symbols.has(preferences.symbol) ? preferences.symbol : watched()[0];
  const known = shown.symbol;
  shown.symbol = null;
  select(wanted ?? known?.symbol_id ?? [...symbols.keys()][0]);
  emit("restarted");
}

startTheme();
startToolbar();
startChart();
startSeries();
startLegend();
startBook();
startBookTable();
startDepthChart();
startTape();
startDetails();
startSearch(select);
startConnection(start);
startKeyboard(select);
startAccount();
startFeeds();
startTabs();
on("quote", showPrice);
start();

// for tests and for the console: what the page shows, as the server sent it
Object.assign(window, {
  __tickbook: {
    candles: shownCandles,
    book: () => structuredClone(book),
    trades: shownTrades,
    account: shownAccount,
    status,
    shown: () => ({ symbol: shown.symbol?.symbol_id, timeframe: shown.timeframe, basis: shown.basis }),
    quote: quoteOf,
  },
});
