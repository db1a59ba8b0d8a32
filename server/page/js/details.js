// @ts-check
/**
 * The present day of the shown symbol (UTC), and its contract.
 * @module details
 */

import { get } from "./api.js";
import { group, pad, short } from "./decimal.js";
import { byId, element } from "./frame.js";
import { candleDigits, on, shown } from "./state.js";

/** The day is read again this often, in milliseconds. */
const EVERY = 5_000;

let abort = new AbortController();

async function show() {
  const { symbol } = shown;
  if (!symbol) return;
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  /** @type {any} */
  let day;
  try {
    const query = { timeframe: "1d", basis: shown.basis, order: "desc", limit: 1 };
    day = (await get(`/api/v1/ohlc/${symbol.symbol_id}`, query, signal)).data[0];
  } catch {
    if (signal.aborted) return;
  }
  const { instrument } = symbol;
  const price = (/** @type {string} */ text) => pad(text, candleDigits());
  /** @type {[string, string | undefined | null][]} */
  const lines = [
    ["Open", day && price(day.open)],
    ["High", day && price(day.high)],
    ["Low", day && price(day.low)],
    ["Volume", day && short(Number(day.volume))],
    ["Type", instrument?.instrument_type],
    ["Currencies", instrument && [instrument.base_currency, instrument.quote_currency].filter(Boolean).join(" / ")],
    ["Tick size", instrument?.tick_size],
    ["Lot size", instrument?.lot_size && group(instrument.lot_size)],
    ["Expiry", instrument?.expiry],
    ["Strike", instrument?.strike],
  ];
  const given = lines.filter(([, text]) => text);
  byId("details").replaceChildren(
    ...given.flatMap(([name, text]) => [element("dt", { text: name }), element("dd", { text: String(text), title: String(text) })]),
  );
}

/** Starts the details. */
export function startDetails() {
  on("series", show);
  setInterval(() => {
    if (!document.hidden) show();
  }, EVERY);
}
