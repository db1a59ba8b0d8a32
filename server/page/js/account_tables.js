// @ts-check
/**
 * The tables of an account, and its profit by currency.
 * @module account_tables
 */

import { add, group, pad, subtract } from "./decimal.js";
import { byId, element } from "./frame.js";
import { digitsOf, preferences, symbols } from "./state.js";
import { full } from "./time.js";

/**
 * A column: its title, and the text of a row. `kind` is the class of its cells.
 * @typedef {{title: string, kind?: string, text: (row: any) => string, direction?: (row: any) => string}} Column
 */

/** @param {number} id */
const name = (id) => symbols.get(id)?.name ?? `#${id}`;
/** @param {string | null} value @param {number} symbol */
const price = (value, symbol) => (value === null ? "–" : pad(value, digitsOf(symbol)));
/** @param {string} time */
const at = (time) => full(Date.parse(time), preferences.zone);
/** @param {string | null} value */
const signOf = (value) => (value === null || Number(value) === 0 ? "flat" : Number(value) > 0 ? "up" : "down");
/** @param {string} side */
const sideText = (side) => (side === "buy" ? "▲ buy" : "▼ sell");
/** @param {any} row */
const sideOf = (row) => (row.side === "buy" ? "up" : "down");
/** @param {string} words */
const spaced = (words) => words.replaceAll("_", " ");

/** @type {Column[]} */
export const positionTable = [
  { title: "Symbol", text: (row) => name(row.symbol_id) },
  { title: "Side", text: (row) => sideText(row.quantity.startsWith("-") ? "sell" : "buy").replace("buy", "long").replace("sell", "short"), direction: (row) => signOf(row.quantity) },
  { title: "Quantity", kind: "number", text: (row) => group(row.quantity) },
  { title: "Average price", kind: "number", text: (row) => price(row.average_price, row.symbol_id) },
  { title: "Mark", kind: "number", text: (row) => price(row.mark, row.symbol_id) },
  { title: "Unrealized", kind: "number", text: (row) => row.unrealized ?? "–", direction: (row) => signOf(row.unrealized) },
  { title: "Realized", kind: "number", text: (row) => row.realized, direction: (row) => signOf(row.realized) },
  { title: "Fees", kind: "number", text: (row) => row.fees.map((/** @type {any} */ fee) => `${fee.amount} ${fee.currency}`).join(", ") || "–" },
  { title: "Strategy", text: (row) => (row.strategy_id === null ? "–" : String(row.strategy_id)) },
];

/** @type {Column[]} */
export const orderTable = [
  { title: "Order", kind: "id", text: (row) => row.order_id },
  { title: "Symbol", text: (row) => name(row.symbol_id) },
  { title: "Side", text: (row) => sideText(row.side), direction: sideOf },
  { title: "Type", text: (row) => spaced(row.order_type) },
  { title: "Quantity", kind: "number", text: (row) => group(row.quantity) },
  { title: "Executed", kind: "number", text: (row) => group(row.executed) },
  { title: "Price", kind: "number", text: (row) => price(row.limit_price ?? row.stop_price, row.symbol_id) },
  { title: "Average", kind: "number", text: (row) => price(row.average_price, row.symbol_id) },
  { title: "Status", kind: "status", text: (row) => spaced(row.status) },
  { title: "Created", kind: "time", text: (row) => at(row.created_at) },
];

/** @type {Column[]} */
export const fillTable = [
  { title: "Time", kind: "time", text: (row) => at(row.trade_time) },
  { title: "Order", kind: "id", text: (row) => row.order_id },
  { title: "Symbol", text: (row) => name(row.symbol_id) },
  { title: "Side", text: (row) => sideText(row.side), direction: sideOf },
  { title: "Quantity", kind: "number", text: (row) => group(row.quantity) },
  { title: "Price", kind: "number", text: (row) => price(row.price, row.symbol_id) },
  { title: "Fee", kind: "number", text: (row) => (row.fee ? `${row.fee.amount} ${row.fee.currency}` : "–") },
  { title: "State", kind: "status", text: (row) => (row.is_busted ? "busted" : row.versions ? "corrected" : "") },
];

/**
 * Shows rows in a table, or a text without rows. Cells whose text has not changed are left alone.
 * @param {string} id of the table
 * @param {Column[]} columns
 * @param {any[]} rows
 * @param {string} none the text without rows
 */
export function showTable(id, columns, rows, none) {
  const table = /** @type {HTMLTableElement} */ (byId(`${id}-table`));
  byId(`${id}-message`).hidden = rows.length > 0;
  byId(`${id}-message`).textContent = none;
  table.hidden = !rows.length;
  if (!table.tHead) {
    const titles = columns.map(({ title, kind }) => element("th", { class: kind, text: title, attributes: { scope: "col" } }));
    table.createTHead().append(element("tr", {}, titles));
    table.createTBody();
  }
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) body.append(element("tr", {}, columns.map(({ kind }) => element("td", { class: kind }))));
  rows.forEach((row, index) => {
    columns.forEach((column, place) => {
      const cell = body.rows[index].cells[place];
      const text = column.text(row);
      if (cell.textContent !== text) cell.textContent = text;
      if (column.direction) cell.dataset.direction = column.direction(row);
    });
  });
}

/**
 * The profit of positions by currency, exact: fees of another currency are a currency of their own.
 * @param {any[]} positions
 * @returns {{currency: string, net: string, realized: string, unrealized: string, fees: string}[]}
 */
export function profits(positions) {
  /** @type {Map<string, {realized: string, unrealized: string, fees: string}>} */
  const sums = new Map();
  const of = (/** @type {string} */ currency) => {
    const known = sums.get(currency) ?? { realized: "0", unrealized: "0", fees: "0" };
    sums.set(currency, known);
    return known;
  };
  for (const position of positions) {
    const sum = of(symbols.get(position.symbol_id)?.instrument?.quote_currency ?? "?");
    sum.realized = add(sum.realized, position.realized);
    sum.unrealized = add(sum.unrealized, position.unrealized ?? "0");
    for (const fee of position.fees) of(fee.currency).fees = add(of(fee.currency).fees, fee.amount);
  }
  return [...sums].map(([currency, sum]) => {
    const net = subtract(add(sum.realized, sum.unrealized), sum.fees);
    return { currency, net, ...sum };
  });
}
