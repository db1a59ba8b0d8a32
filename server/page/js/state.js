// @ts-check
/**
 * The state that the panels share, their events, and the preferences that survive a reload.
 * @module state
 */

/**
 * A symbol as REST has it.
 * @typedef {{symbol_id: number, exchange: string | null, name: string, description: string | null,
 *   digits: number, active: boolean, instrument: Record<string, string> | null}} SymbolInfo
 */

const KEY = "tickbook.preferences";

/**
 * Preferences. The token is not one of them.
 */
export const preferences = {
  theme: /** @type {"auto" | "dark" | "light"} */ ("auto"),
  zone: /** @type {"utc" | "local"} */ ("utc"),
  symbol: /** @type {number | null} */ (null),
  timeframe: /** @type {string | null} */ (null),
  basis: /** @type {string | null} */ (null),
  watched: /** @type {number[] | null} */ (null),
  account: /** @type {number | null} */ (null),
};

try {
  Object.assign(preferences, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
} catch {
  // preferences that cannot be read are the default ones
}

/** Stores the preferences. */
export function savePreferences() {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // without storage they last until the page is closed
  }
}

/** What is shown. */
export const shown = {
  /** @type {SymbolInfo | null} */
  symbol: null,
  timeframe: "1m",
  basis: "bid",
};

/** All known symbols by id. @type {Map<number, SymbolInfo>} */
export const symbols = new Map();

/** @type {Map<string, ((detail: any) => void)[]>} */
const listeners = new Map();

/**
 * Calls `listener` at each event of this name:
 * - `restarted`: the symbols were read, at the start or with another token;
 * - `symbol`, `series`: another symbol, or another timeframe or basis, is shown;
 * - `candles`, `book`, `quote`, `account`: what is shown of them has changed;
 * - `connection`, `opened`: the state of the connection; `opened` has the number of connections so far;
 * - `token`, `refused`: the token was changed; a request was refused with this status;
 * - `zone`, `theme`, `panel`: the settings of the page, and the name of the selected tab.
 * @param {string} name
 * @param {(detail: any) => void} listener
 */
export function on(name, listener) {
  const known = listeners.get(name) ?? [];
  known.push(listener);
  listeners.set(name, known);
}

/** @param {string} name @param {unknown} [detail] */
export function emit(name, detail) {
  for (const listener of listeners.get(name) ?? []) listener(detail);
}

/** The name with its exchange. @param {SymbolInfo} symbol */
export const fullName = (symbol) => (symbol.exchange ? `${symbol.exchange}:${symbol.name}` : symbol.name);

/** The number of decimal places of shown candles: a middle price may have one more than bid and ask. */
export const candleDigits = () => (shown.symbol?.digits ?? 2) + (shown.basis === "mid" ? 1 : 0);

/** The number of decimal places of the prices of a symbol. @param {number} id */
export const digitsOf = (id) => symbols.get(id)?.digits ?? 2;
