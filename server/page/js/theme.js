// @ts-check
/**
 * Dark and light, and the colours of the style sheet for drawing on a canvas.
 * @module theme
 */

import { byId } from "./frame.js";
import { emit, preferences, savePreferences } from "./state.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** @returns {"dark" | "light"} */
export const theme = () =>
  preferences.theme === "auto" ? (system.matches ? "dark" : "light") : preferences.theme;

function apply() {
  document.documentElement.dataset.theme = theme();
  const other = theme() === "dark" ? "light" : "dark";
  byId("theme").setAttribute("aria-label", `Use ${other} colours`);
  byId("theme").title = `Use ${other} colours (T)`;
  emit("theme");
}

/** Changes between dark and light. */
export function toggleTheme() {
  preferences.theme = theme() === "dark" ? "light" : "dark";
  savePreferences();
  apply();
}

/** A colour of the style sheet, such as `up`. @param {string} name */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Sets the theme of the preferences or the system. */
export function startTheme() {
  system.addEventListener("change", apply);
  byId("theme").addEventListener("click", toggleTheme);
  apply();
}
