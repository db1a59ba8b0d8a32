// @ts-check
/**
 * Draws at most once per animation frame, however many messages arrive between two frames.
 * @module frame
 */

/** @type {Set<() => void>} */
const waiting = new Set();
let isRequested = false;

/**
 * Runs `draw` in the next frame, once even if it is asked for repeatedly.
 * @param {() => void} draw
 */
export function inNextFrame(draw) {
  waiting.add(draw);
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(run);
}

function run() {
  isRequested = false;
  const draws = [...waiting];
  waiting.clear();
  for (const draw of draws) draw();
}

/**
 * Sets the text of an element if it has changed.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The element with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * A new element.
 * @param {string} name
 * @param {{class?: string, text?: string, title?: string, attributes?: Record<string, string>}} [options]
 * @param {(Node | string)[]} [children]
 */
export function element(name, options = {}, children = []) {
  const made = document.createElement(name);
  if (options.class) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  if (options.title) made.title = options.title;
  for (const [key, value] of Object.entries(options.attributes ?? {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
