// @ts-check
/**
 * The tabs of the lower panel, and the views of a narrow screen.
 * @module tabs
 */

import { byId } from "./frame.js";
import { emit } from "./state.js";

const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#lower [role=tab]")]);
const views = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-view-of]")]);

/** @param {HTMLElement} tab */
function selectTab(tab) {
  for (const other of tabs) {
    const isSelected = other === tab;
    other.setAttribute("aria-selected", String(isSelected));
    other.tabIndex = isSelected ? 0 : -1;
    byId(other.getAttribute("aria-controls") ?? "").hidden = !isSelected;
  }
  emit("panel", tab.dataset.panel);
}

/** Shows one part of the page on a narrow screen. @param {string} name */
function selectView(name) {
  document.body.dataset.view = name;
  for (const view of views) view.setAttribute("aria-pressed", String(view.dataset.viewOf === name));
}

/** Starts tabs and views. */
export function startTabs() {
  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => selectTab(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const next = tabs[(index + step + tabs.length) % tabs.length];
      next.focus();
      selectTab(next);
    });
  }
  for (const view of views) view.addEventListener("click", () => selectView(view.dataset.viewOf ?? "chart"));
  selectView("chart");
  selectTab(tabs[0]);
}

/** Shows the chart, on a narrow screen. */
export const showChart = () => selectView("chart");
