// @ts-check
/**
 * The chart: candles, volume, gaps, the last price and the legend. It draws a list of candles and has no data of its own.
 * @module chart
 */

import {
  CandlestickSeries,
  CrosshairMode,
  HistogramSeries,
  TickMarkType,
  createChart,
} from "../vendor/lightweight-charts-5.2.1.js";
import { emptyBetween, emptyBuckets } from "./candles.js";
import { byId } from "./frame.js";
import { on, preferences, shown } from "./state.js";
import { colour } from "./theme.js";
import { clock, clockShort, day, full, isMidnight, month, timeframe, year } from "./time.js";

/** @typedef {import("./candles.js").Candle} Candle */

const box = byId("chart");
const chart = createChart(box, {
  autoSize: true,
  // the attribution is a line of the page: the logo of the library adds a style that the content security policy forbids
  layout: { attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
  crosshair: { mode: CrosshairMode.Normal },
  rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.06 } },
  timeScale: { borderVisible: false, rightOffset: 6, barSpacing: 8, minBarSpacing: 0.5, timeVisible: true },
});
const prices = chart.addSeries(CandlestickSeries, { borderVisible: false });
const gaps = chart.addSeries(HistogramSeries, {
  priceScaleId: "gaps",
  lastValueVisible: false,
  priceLineVisible: false,
  base: 0,
});
gaps.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
const volumes = chart.addSeries(
  HistogramSeries,
  { priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false },
  1,
);
chart.panes()[0].setStretchFactor(4);
chart.panes()[1].setStretchFactor(1);
volumes.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0 } });

let colours = { up: "", down: "", upVolume: "", downVolume: "", gap: "" };
/** @type {Candle[]} */
let drawn = [];
/** The newest drawn candle. @type {Candle | null} */
let last = null;

/** @param {Candle} candle */
const price = (candle) => ({
  time: /** @type {any} */ (candle.time),
  open: Number(candle.open),
  high: Number(candle.high),
  low: Number(candle.low),
  close: Number(candle.close),
});

/** @param {Candle} candle */
const volume = (candle) => ({
  time: /** @type {any} */ (candle.time),
  value: Number(candle.volume),
  color: Number(candle.close) >= Number(candle.open) ? colours.upVolume : colours.downVolume,
});

/** @param {{time: number, isShaded: boolean}} bucket */
const gap = ({ time, isShaded }) =>
  isShaded ? { time: /** @type {any} */ (time), value: 1, color: colours.gap } : { time: /** @type {any} */ (time) };

/**
 * Draws all candles. The view keeps its distance to the newest candle, so candles that are added on the left do not
 * move it.
 * @param {Candle[]} list sorted
 */
export function drawAll(list) {
  drawn = list;
  last = list.at(-1) ?? null;
  prices.setData(list.map(price));
  volumes.setData(list.map(volume));
  gaps.setData(emptyBuckets(list, shown.timeframe).map(gap));
}

/**
 * Draws changed candles.
 * @param {Candle[]} list all candles, sorted
 * @param {Candle[]} changed those that are new at the end, or have changed
 */
export function drawChanged(list, changed) {
  for (const candle of changed) {
    if (last && candle.time > last.time) {
      for (const bucket of emptyBetween(last, candle, shown.timeframe)) gaps.update(gap(bucket));
    }
    const isOld = last !== null && candle.time < last.time;
    prices.update(price(candle), isOld);
    volumes.update(volume(candle), isOld);
    if (!isOld) last = candle;
  }
  drawn = list;
}

/** Shows the newest candles. */
export function showNewest() {
  const scale = chart.timeScale();
  scale.applyOptions({ barSpacing: 8 });
  scale.scrollToPosition(scale.options().rightOffset, false);
  chart.priceScale("right").applyOptions({ autoScale: true });
}

/** @param {number} digits decimal places of prices */
export function setDigits(digits) {
  prices.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
}

/** @param {number} bars negative to the left */
export function scrollBy(bars) {
  chart.timeScale().scrollToPosition(chart.timeScale().scrollPosition() + bars, false);
}

/** @param {number} factor above 1 to zoom in */
export function zoomBy(factor) {
  const scale = chart.timeScale();
  const spacing = scale.options().barSpacing * factor;
  scale.applyOptions({ barSpacing: Math.min(60, Math.max(0.5, spacing)) });
}

/**
 * Calls `listener` with the number of bars to the left of the visible range, and whether the newest bar is visible.
 * @param {(left: number, isNewest: boolean) => void} listener
 */
export function onScroll(listener) {
  chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
    if (range) listener(range.from, chart.timeScale().scrollPosition() > -2);
  });
}

/**
 * Calls `listener` with the time in seconds under the crosshair, or null.
 * @param {(time: number | null) => void} listener
 */
export function onCrosshair(listener) {
  chart.subscribeCrosshairMove((move) => listener(typeof move.time === "number" ? move.time : null));
}

/** @param {number} time in seconds @param {number} mark */
function tickMark(time, mark) {
  const at = time * 1_000;
  const { zone } = preferences;
  // buckets of days are dates in UTC
  const dates = (timeframe(shown.timeframe)?.width ?? 0) >= 86_400_000;
  const shownZone = dates ? "utc" : zone;
  if (!dates && !isMidnight(at, shownZone)) {
    return mark === TickMarkType.TimeWithSeconds ? clock(at, shownZone) : clockShort(at, shownZone);
  }
  if (mark === TickMarkType.Year) return year(at, shownZone);
  if (mark === TickMarkType.Month) return month(at, shownZone);
  return day(at, shownZone);
}

function applyColours() {
  colours = {
    up: colour("up"),
    down: colour("down"),
    upVolume: colour("up-volume"),
    downVolume: colour("down-volume"),
    gap: colour("gap"),
  };
  const line = { color: colour("grid") };
  const cross = { color: colour("muted"), labelBackgroundColor: colour("label") };
  chart.applyOptions({
    layout: {
      background: { color: colour("panel") },
      textColor: colour("muted"),
      panes: { separatorColor: colour("border"), separatorHoverColor: colour("grid") },
    },
    grid: { vertLines: line, horzLines: line },
    crosshair: { vertLine: cross, horzLine: cross },
  });
  prices.applyOptions({
    upColor: colours.up,
    downColor: colours.down,
    wickUpColor: colours.up,
    wickDownColor: colours.down,
  });
  drawAll(drawn);
}

function applyZone() {
  const { zone } = preferences;
  chart.applyOptions({
    localization: { timeFormatter: (/** @type {number} */ time) => full(time * 1_000, zone) },
  });
  chart.timeScale().applyOptions({ tickMarkFormatter: tickMark, secondsVisible: /s$/.test(shown.timeframe) });
}

/** Starts following theme and time zone. */
export function startChart() {
  applyColours();
  applyZone();
  on("theme", applyColours);
  on("zone", applyZone);
  on("series", applyZone);
}
