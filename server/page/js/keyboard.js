// @ts-check
/**
 * The keyboard.
 * @module keyboard
 */

import { scrollBy, showNewest, zoomBy } from "./chart.js";
import { byId } from "./frame.js";
import { openSearch } from "./search.js";
import { toggleTheme } from "./theme.js";
import { TIMEFRAMES, nextBasis, selectTimeframe, toggleZone } from "./toolbar.js";
import { neighbour } from "./watch.js";

const help = /** @type {HTMLDialogElement} */ (byId("help"));

/** Starts the keyboard. @param {(id: number) => void} select */
export function startKeyboard(select) {
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
  const step = (/** @type {1 | -1} */ by) => {
    const id = neighbour(by);
    if (id) select(id);
  };
  /** @type {Record<string, () => void>} */
  const keys = {
    "/": openSearch,
    "?": () => help.showModal(),
    j: () => step(1),
    k: () => step(-1),
    b: nextBasis,
    t: toggleTheme,
    u: toggleZone,
    ArrowLeft: () => scrollBy(-10),
    ArrowRight: () => scrollBy(10),
    "+": () => zoomBy(1.25),
    "=": () => zoomBy(1.25),
    "-": () => zoomBy(0.8),
    End: showNewest,
  };
  TIMEFRAMES.forEach((name, index) => {
    keys[String(index + 1)] = () => selectTimeframe(name);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target instanceof HTMLElement && target.matches("input, select, textarea")) return;
    const isTab = target instanceof HTMLElement && target.matches("[role=tab]");
    if (isTab && event.key.startsWith("Arrow")) return;
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
