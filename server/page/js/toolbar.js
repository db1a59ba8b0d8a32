// @ts-check
/**
 * Timeframe, basis, clock and time zone.
 * @module toolbar
 */

import { byId, setText } from "./frame.js";
import { load } from "./series.js";
import { emit, on, preferences, savePreferences, shown } from "./state.js";
import { clock, timeframe, zoneName } from "./time.js";

const BASES = ["bid", "ask", "mid", "trade"];

/** The timeframes of the buttons, in the order of the keys 1 to 8. */
export const TIMEFRAMES = ["1s", "1m", "5m", "15m", "1h", "4h", "1d", "1w"];

/** @param {string} name */
export function selectTimeframe(name) {
  preferences.timeframe = name;
  savePreferences();
  load();
}

/** @param {string} name */
function selectBasis(name) {
  preferences.basis = name;
  savePreferences();
  load();
}

/** Selects the basis after the present one. */
export const nextBasis = () => selectBasis(BASES[(BASES.indexOf(shown.basis) + 1) % BASES.length]);

/** Changes between UTC and local time. */
export function toggleZone() {
  preferences.zone = preferences.zone === "utc" ? "local" : "utc";
  savePreferences();
  emit("zone");
}

function markSelected() {
  for (const button of document.querySelectorAll("[data-timeframe]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-timeframe") === shown.timeframe));
  }
  for (const button of document.querySelectorAll("[data-basis]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-basis") === shown.basis));
  }
  const other = /** @type {HTMLInputElement} */ (byId("timeframe"));
  if (document.activeElement !== other) other.value = TIMEFRAMES.includes(shown.timeframe) ? "" : shown.timeframe;
  other.dataset.used = String(!TIMEFRAMES.includes(shown.timeframe));
}

function tick() {
  setText(byId("clock"), clock(Date.now(), preferences.zone));
  setText(byId("zone-name"), zoneName(preferences.zone));
}

/** Starts the toolbar. */
export function startToolbar() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.timeframe) selectTimeframe(button.dataset.timeframe);
    if (button?.dataset.basis) selectBasis(button.dataset.basis);
  });
  const other = /** @type {HTMLInputElement} */ (byId("timeframe"));
  other.addEventListener("change", () => {
    const text = other.value.trim();
    const isValid = timeframe(text) !== null;
    other.setAttribute("aria-invalid", String(!isValid && text !== ""));
    if (isValid) selectTimeframe(text);
  });
  byId("zone").addEventListener("click", toggleZone);
  on("series", markSelected);
  on("zone", tick);
  setInterval(tick, 1_000);
  tick();
  markSelected();
}
