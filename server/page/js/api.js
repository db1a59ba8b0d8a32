// @ts-check
/**
 * The REST interface of this server. The token is kept for the session of the tab only.
 * @module api
 */

import { emit } from "./state.js";

const TOKEN = "tickbook.token";
let token = "";
try {
  token = sessionStorage.getItem(TOKEN) ?? "";
} catch {
  // without storage the token lasts until the page is closed
}

/** The token of this tab; empty without one. */
export const currentToken = () => token;

/** @param {string} text empty to forget the token */
export function setToken(text) {
  token = text.trim();
  try {
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
  } catch {
    // see above
  }
  emit("token");
}

/** A request that was refused or failed. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if the server could not be reached
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Reads JSON.
 * @param {string} path such as `/api/v1/symbols`
 * @param {Record<string, string | number | boolean | null | undefined>} [query] fields without a value are left out
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {Problem}
 */
export async function get(path, query = {}, signal) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  /** @type {Response} */
  let response;
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
    response = await fetch(text ? `${path}?${text}` : path, { headers, signal, cache: "no-cache" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "The server cannot be reached.");
  }
  if (response.ok) return response.json();
  if (response.status === 503 && path === "/health/ready") return response.json();
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401 || response.status === 403) emit("refused", response.status);
  throw new Problem(response.status, problem.detail ?? problem.title ?? `HTTP ${response.status}`);
}

/**
 * Reads all pages of a list, up to `most` items.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} query
 * @param {number} most
 * @param {AbortSignal} [signal]
 */
export async function getAll(path, query, most, signal) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, cursor }, signal);
    items.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}
