// @ts-check
/**
 * The net profit of an account over the last day, or since its start: realized and unrealized profit less fees, of the positions as they
 * were at each of some instants.
 * @module equity
 */

import { getAll } from "./api.js";
import { profits } from "./account_tables.js";
import { short } from "./decimal.js";
import { byId, inNextFrame } from "./frame.js";
import { on, preferences } from "./state.js";
import { colour } from "./theme.js";
import { clockShort } from "./time.js";

/** Instants of the curve, and the shortest and longest time that they cover in milliseconds. */
const POINTS = 24;
const SHORTEST = 600_000;
const LONGEST = 86_400_000;
/** Requests at a time. */
const PARALLEL = 4;

const canvas = /** @type {HTMLCanvasElement} */ (byId("equity-chart"));

/** @type {{at: number, net: number}[]} */
let points = [];
/** @type {{at: number, net: number} | null} */
let now = null;
let currency = "";
let size = { width: 0, height: 0 };

/** @param {ReturnType<typeof profits>} sums */
const netOf = (sums) => {
  const own = sums.find((sum) => sum.currency === currency) ?? sums[0];
  currency ||= own?.currency ?? "";
  return Number(own?.net ?? "0");
};

/**
 * Reads the positions at each instant.
 * @param {{account_id: number, created_at: string}} account
 * @param {AbortSignal} signal
 */
export async function readEquity(account, signal) {
  const end = Date.now();
  const span = Math.min(LONGEST, Math.max(SHORTEST, end - Date.parse(account.created_at)));
  points = [];
  now = null;
  currency = "";
  const instants = Array.from({ length: POINTS }, (_, index) => end - (span * (POINTS - index)) / POINTS);
  const next = async () => {
    for (let at = instants.pop(); at !== undefined; at = instants.pop()) {
      const query = { as_of: new Date(at).toISOString(), limit: 1_000 };
      const positions = await getAll(`/api/v1/accounts/${account.account_id}/positions`, query, 5_000, signal);
      points.push({ at, net: netOf(profits(positions)) });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, next));
  points.sort((a, b) => a.at - b.at);
  inNextFrame(draw);
}

/** Draws the present profit at the end of the curve. @param {ReturnType<typeof profits>} sums */
export function drawEquity(sums) {
  now = { at: Date.now(), net: netOf(sums) };
  inNextFrame(draw);
}

function draw() {
  const context = canvas.getContext("2d");
  const { width, height } = size;
  if (!context || !width || !height) return;
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const all = now ? [...points, now] : points;
  if (all.length < 2) return;
  const values = all.map((point) => point.net);
  let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const right = width - 56;
  const bottom = height - 18;
  const x = (/** @type {number} */ at) => 8 + ((at - all[0].at) / (all[all.length - 1].at - all[0].at)) * (right - 8);
  const y = (/** @type {number} */ net) => bottom - ((net - low) / (high - low)) * (bottom - 10);
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.fillStyle = colour("muted");
  context.strokeStyle = colour("border");
  context.textBaseline = "middle";
  for (const value of new Set([low, 0, high])) {
    context.beginPath();
    context.moveTo(8, y(value));
    context.lineTo(right, y(value));
    context.stroke();
    context.fillText(short(value), right + 6, y(value));
  }
  context.textBaseline = "bottom";
  context.fillText(clockShort(all[0].at, preferences.zone), 8, height);
  context.textAlign = "right";
  context.fillText("now", right, height);
  context.textAlign = "left";
  context.strokeStyle = colour("accent");
  context.lineWidth = 1.5;
  context.beginPath();
  all.forEach((point, index) => context[index ? "lineTo" : "moveTo"](x(point.at), y(point.net)));
  context.stroke();
  const label = `Net profit in ${currency}, now ${short(values[values.length - 1])}`;
  canvas.setAttribute("aria-label", label);
}

new ResizeObserver(() => {
  const ratio = devicePixelRatio || 1;
  size = { width: canvas.clientWidth, height: canvas.clientHeight };
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  inNextFrame(draw);
}).observe(canvas);
for (const event of ["theme", "zone"]) on(event, () => inNextFrame(draw));
