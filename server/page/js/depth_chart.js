// @ts-check
/**
 * The cumulative quantities of the book around its middle price, on a canvas.
 * @module depth_chart
 */

import { book } from "./book.js";
import { pad, short } from "./decimal.js";
import { byId, inNextFrame } from "./frame.js";
import { on, shown } from "./state.js";
import { colour } from "./theme.js";

const canvas = /** @type {HTMLCanvasElement} */ (byId("depth"));
let font = "";
let size = { width: 0, height: 0 };
let colours = { bid: "", bidArea: "", ask: "", askArea: "", text: "", line: "" };

/** Cumulative steps. @param {[string, string][]} levels @returns {[number, number][]} price and total */
export function cumulative(levels) {
  let total = 0;
  return levels.map(([price, quantity]) => {
    total += Number(quantity);
    return [Number(price), total];
  });
}

function draw() {
  const context = canvas.getContext("2d");
  const { width, height } = size;
  if (!context || !width || !height) return;
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const [bids, asks] = [cumulative(book.bids), cumulative(book.asks)];
  if (!bids.length || !asks.length) return;
  const middle = (bids[0][0] + asks[0][0]) / 2;
  const reach = Math.min(middle - bids[bids.length - 1][0], asks[asks.length - 1][0] - middle) || 1;
  const inReach = (/** @type {[number, number]} */ [price]) => Math.abs(price - middle) <= reach * 1.0001;
  const sides = /** @type {const} */ ([
    [bids.filter(inReach), colours.bid, colours.bidArea],
    [asks.filter(inReach), colours.ask, colours.askArea],
  ]);
  const most = Math.max(1, ...sides.map(([steps]) => steps[steps.length - 1]?.[1] ?? 0));
  const bottom = height - 16;
  const x = (/** @type {number} */ price) => ((price - middle) / reach / 2 + 0.5) * width;
  const y = (/** @type {number} */ total) => bottom - (total / most) * (bottom - 18);
  for (const [steps, stroke, fill] of sides) {
    if (!steps.length) continue;
    const edge = steps[0][0] < middle ? 0 : width;
    const line = new Path2D();
    line.moveTo(x(steps[0][0]), bottom);
    let before = bottom;
    for (const [price, total] of steps) {
      line.lineTo(x(price), before);
      before = y(total);
      line.lineTo(x(price), before);
    }
    line.lineTo(edge, before);
    const area = new Path2D(line);
    area.lineTo(edge, bottom);
    area.closePath();
    context.fillStyle = fill;
    context.fill(area);
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.stroke(line);
  }
  labels(context, { middle, reach, most, bottom });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{middle: number, reach: number, most: number, bottom: number}} scale
 */
function labels(context, { middle, reach, most, bottom }) {
  const { width } = size;
  const digits = shown.symbol?.digits ?? 2;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, bottom + 0.5);
  context.lineTo(width, bottom + 0.5);
  context.moveTo(Math.round(width / 2) + 0.5, 18);
  context.lineTo(Math.round(width / 2) + 0.5, bottom);
  context.stroke();
  context.fillStyle = colours.text;
  context.font = font;
  context.textBaseline = "bottom";
  const price = (/** @type {number} */ value) => pad(value.toFixed(digits), digits);
  context.textAlign = "left";
  context.fillText(price(middle - reach), 8, size.height - 1);
  context.textAlign = "center";
  context.fillText(price(middle), width / 2, size.height - 1);
  context.textAlign = "right";
  context.fillText(price(middle + reach), width - 8, size.height - 1);
  context.textBaseline = "top";
  context.fillText(short(most), width - 8, 3);
}

function applyTheme() {
  colours = {
    bid: colour("up"),
    bidArea: colour("up-area"),
    ask: colour("down"),
    askArea: colour("down-area"),
    text: colour("muted"),
    line: colour("border"),
  };
  font = `11px ${getComputedStyle(document.body).fontFamily}`;
  inNextFrame(draw);
}

/** Starts the chart. */
export function startDepthChart() {
  new ResizeObserver(() => {
    const ratio = devicePixelRatio || 1;
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    inNextFrame(draw);
  }).observe(canvas);
  on("book", () => inNextFrame(draw));
  on("theme", applyTheme);
  applyTheme();
}
