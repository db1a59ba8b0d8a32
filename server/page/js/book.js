// @ts-check
/**
 * The live order book of the shown symbol.
 * @module book
 */

import { compare, isZero } from "./decimal.js";
import { emit, on, shown } from "./state.js";
import { onMessage, renew, subscribe, unsubscribe } from "./socket.js";

/** Levels of each side. */
const DEPTH = 50;

/** A level: price and quantity. @typedef {[string, string]} Level */

/**
 * The book; without levels if they are not known.
 */
export const book = {
  /** @type {"waiting" | "valid" | "stale"} */
  state: "waiting",
  /** Why the levels are not known. */
  reason: "",
  /** @type {string | null} */
  since: null,
  version: 0,
  /** @type {string | null} */
  time: null,
  /** The best level first. @type {Level[]} */
  bids: [],
  /** The best level first. @type {Level[]} */
  asks: [],
};

/** @param {"waiting" | "valid" | "stale"} state @param {string} reason @param {string | null} since */
function clear(state, reason, since) {
  Object.assign(book, { state, reason, since, version: 0, time: null, bids: [], asks: [] });
  emit("book");
}

/**
 * Sets the quantities of some prices; quantity 0 removes a level.
 * @param {Level[]} side sorted
 * @param {Level[]} changes
 * @param {1 | -1} order 1 if prices ascend
 */
export function applyLevels(side, changes, order) {
  for (const level of changes) {
    let [low, high] = [0, side.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order * compare(side[middle][0], level[0]) < 0) low = middle + 1;
      else high = middle;
    }
    const isKnown = low < side.length && compare(side[low][0], level[0]) === 0;
    if (isZero(level[1])) {
      if (isKnown) side.splice(low, 1);
    } else if (isKnown) side[low] = level;
    else side.splice(low, 0, level);
  }
}

/** @param {any} message */
const isShown = (message) => message.symbol_id === shown.symbol?.symbol_id;

/** Follows the book of the shown symbol. */
export function startBook() {
  on("symbol", () => {
    unsubscribe("book");
    clear("waiting", "", null);
    const id = shown.symbol?.symbol_id;
    if (id) subscribe("book", { channel: "book", symbols: [id], depth: DEPTH });
  });
  on("connection", () => {
    if (book.state !== "stale") clear("waiting", "", null);
  });
  onMessage("book", (message) => {
    if (!isShown(message)) return;
    const { since, version, time, bids, asks } = message;
    Object.assign(book, { state: "valid", reason: "", since, version, time, bids, asks });
    emit("book");
  });
  onMessage("book_update", (message) => {
    if (!isShown(message) || book.state !== "valid") return;
    if (message.previous !== book.version) {
      clear("waiting", "", null);
      renew("book");
      return;
    }
    applyLevels(book.bids, message.bids, -1);
    applyLevels(book.asks, message.asks, 1);
    book.version = message.version;
    book.time = message.time;
    emit("book");
  });
  onMessage("resync", (message) => {
    if (isShown(message)) clear("stale", message.reason, message.since);
  });
}
