// @ts-check
/**
 * The depth table with spread, imbalance and the state of the book.
 * @module book_table
 */

import { book } from "./book.js";
import { add, group, pad, subtract } from "./decimal.js";
import { byId, element, inNextFrame, setText } from "./frame.js";
import { status } from "./socket.js";
import { on, preferences, shown } from "./state.js";
import { clock } from "./time.js";

/** Levels of each side that the imbalance is computed from. */
const IMBALANCE_DEPTH = 10;

const REASONS = /** @type {Record<string, string>} */ ({
  gap: "The venue's messages have a gap. Waiting for a new snapshot.",
  checksum: "The checksum of the venue differs. Waiting for a new snapshot.",
  crossed: "Bid and ask are crossed. Waiting for a new snapshot.",
  silence: "The venue is silent.",
  overflow: "A quantity of the venue is too large.",
  malformed: "A message of the venue could not be read.",
  disconnected: "The feed is not connected to the venue.",
  stopped: "The feed was stopped.",
  unknown: "No feed of this server sends the book of this symbol.",
});

/** @typedef {{row: HTMLElement, price: HTMLElement, quantity: HTMLElement, total: HTMLElement}} Row */

/** @type {{asks: Row[], bids: Row[]}} */
const rows = { asks: [], bids: [] };

/** @param {"asks" | "bids"} side @param {number} count */
function resize(side, count) {
  const body = byId(side);
  const list = rows[side];
  while (list.length > count) list.pop()?.row.remove();
  while (list.length < count) {
    const [price, quantity, total] = ["price first", "", ""].map((name) => element("td", { class: name }));
    const row = element("tr", { class: "level" }, [price, quantity, total]);
    list.push({ row, price, quantity, total });
    body.append(row);
  }
}

/** Fits the number of levels to the height of the panel. */
function fit() {
  const box = byId("book-levels");
  const height = Number.parseFloat(getComputedStyle(box).getPropertyValue("--row")) || 20;
  const free = box.clientHeight - byId("book-head").offsetHeight - byId("book-middle").offsetHeight;
  const count = Math.max(3, Math.min(50, Math.floor(free / height / 2)));
  resize("asks", count);
  resize("bids", count);
  inNextFrame(draw);
}

/** @param {"asks" | "bids"} side @param {number} most the larger total of both sides */
function drawSide(side, most) {
  const digits = shown.symbol?.digits ?? 2;
  const levels = book[side];
  const list = rows[side];
  let total = "0";
  list.forEach((_, index) => {
    // asks are drawn from the bottom up, so that the best prices meet in the middle
    const row = list[side === "asks" ? list.length - 1 - index : index];
    const level = levels[index];
    if (level) total = add(total, level[1]);
    setText(row.price, level ? pad(level[0], digits) : "");
    setText(row.quantity, level ? group(level[1]) : "");
    setText(row.total, level ? group(total) : "");
    row.row.style.setProperty("--share", level && most ? String(Math.min(1, Number(total) / most)) : "0");
  });
}

/** @param {[string, string][]} levels @param {number} depth */
const sum = (levels, depth) => levels.slice(0, depth).reduce((total, level) => total + Number(level[1]), 0);

function drawMiddle() {
  const [bid, ask] = [book.bids[0]?.[0], book.asks[0]?.[0]];
  const digits = shown.symbol?.digits ?? 2;
  if (bid && ask) {
    const spread = subtract(ask, bid);
    const basisPoints = (20_000 * Number(spread)) / (Number(bid) + Number(ask));
    setText(byId("spread"), pad(spread, digits));
    setText(byId("spread-relative"), Number.isFinite(basisPoints) ? `${basisPoints.toFixed(2)} bp` : "");
  } else {
    setText(byId("spread"), "–");
    setText(byId("spread-relative"), "");
  }
  const [bids, asks] = [sum(book.bids, IMBALANCE_DEPTH), sum(book.asks, IMBALANCE_DEPTH)];
  const share = bids + asks > 0 ? bids / (bids + asks) : null;
  const bar = byId("imbalance");
  bar.style.setProperty("--share", String(share ?? 0.5));
  bar.dataset.known = String(share !== null);
  const [buy, sell] = share === null ? ["–", "–"] : [`${Math.round(100 * share)} %`, `${100 - Math.round(100 * share)} %`];
  setText(byId("imbalance-bid"), buy);
  setText(byId("imbalance-ask"), sell);
  bar.setAttribute("aria-label", share === null ? "Imbalance unknown" : `Imbalance: ${buy} of the quantity is bid`);
}

function draw() {
  const badge = byId("book-state");
  badge.dataset.state = book.state;
  setText(badge, book.state === "stale" && book.reason === "unknown" ? "no book" : book.state);
  badge.title = book.since ? `since ${clock(Date.parse(book.since), preferences.zone)}` : "";
  const isEmpty = book.state !== "valid";
  byId("book-message").hidden = !isEmpty;
  byId("book-levels").dataset.empty = String(isEmpty);
  setText(
    byId("book-message"),
    book.state === "stale"
      ? (REASONS[book.reason] ?? `The book is stale: ${book.reason}.`)
      : status().connection === "live"
        ? "Waiting for the book"
        : "Not connected to the server",
  );
  const visible = rows.bids.length;
  const most = Math.max(sum(book.bids, visible), sum(book.asks, visible));
  drawSide("asks", most);
  drawSide("bids", most);
  drawMiddle();
}

/** Starts the table. */
export function startBookTable() {
  new ResizeObserver(fit).observe(byId("book-levels"));
  for (const event of ["book", "connection"]) on(event, () => inNextFrame(draw));
  fit();
}
