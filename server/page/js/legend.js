// @ts-check
/**
 * The line above the chart: open, high, low, close, change and volume of the candle under the crosshair, or of the
 * newest one.
 * @module legend
 */

import { onCrosshair } from "./chart.js";
import { group, isZero, pad, signed, subtract } from "./decimal.js";
import { byId, inNextFrame, setText } from "./frame.js";
import { candleAt, shownCandles } from "./series.js";
import { candleDigits, fullName, on, preferences, shown } from "./state.js";
import { clock, full, timeframe } from "./time.js";

/** @type {number | null} */
let under = null;

const fields = ["open", "high", "low", "close"];

function draw() {
  const { symbol } = shown;
  setText(byId("legend-name"), symbol ? fullName(symbol) : "");
  setText(byId("legend-series"), `${shown.timeframe} · ${shown.basis}`);
  const candle = under === null ? shownCandles().at(-1) : candleAt(under);
  const box = byId("legend");
  box.dataset.empty = String(!candle);
  if (!candle || !symbol) {
    setText(byId("legend-time"), under === null ? "" : "no data");
    return;
  }
  const isDay = (timeframe(shown.timeframe)?.width ?? 0) >= 86_400_000;
  const at = candle.time * 1_000;
  const { zone } = preferences;
  setText(byId("legend-time"), isDay ? full(at, "utc").slice(0, 10) : under === null ? clock(at, zone) : full(at, zone));
  for (const field of fields) {
    const text = pad(candle[/** @type {"open"} */ (field)], candleDigits());
    setText(byId(`legend-${field}`), text);
  }
  const change = subtract(candle.close, candle.open);
  const sign = change.startsWith("-") || isZero(change) ? "" : "+";
  const percent = (100 * Number(change)) / Number(candle.open);
  const ratio = Number.isFinite(percent) ? ` (${signed(percent)} %)` : "";
  setText(byId("legend-change"), `${sign}${pad(change, candleDigits())}${ratio}`);
  setText(byId("legend-volume"), group(candle.volume));
  box.dataset.direction = isZero(change) ? "flat" : sign ? "up" : "down";
}

/** Starts the legend. */
export function startLegend() {
  onCrosshair((time) => {
    under = time;
    inNextFrame(draw);
  });
  for (const event of ["candles", "series", "zone", "symbol"]) on(event, () => inNextFrame(draw));
}
