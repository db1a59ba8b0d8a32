// @ts-check
/**
 * Orders, positions, fills and profit of an account of the ledger.
 * @module account
 */

import { get, getAll } from "./api.js";
import { drawEquity, readEquity } from "./equity.js";
import { byId, element, inNextFrame } from "./frame.js";
import { fillTable, orderTable, positionTable, profits, showTable } from "./account_tables.js";
import { emit, on, preferences, savePreferences } from "./state.js";
import { onMessage, subscribe, unsubscribe } from "./socket.js";

/** Rows of a table. */
const MOST = 200;
/** Positions are valued again this often, in milliseconds. */
const VALUE_EVERY = 2_000;

/** @type {any[]} */
let accounts = [];
/** Orders by id. @type {Map<string, any>} */
const orders = new Map();
/** @type {any[]} */
let positions = [];
/** @type {any[]} */
let fills = [];
let abort = new AbortController();
let isOpen = false;
/** Whether the symbols were read, which the tables name. */
let isReady = false;
let problem = "";

const picker = /** @type {HTMLSelectElement} */ (byId("account"));

/** The account that is shown. */
const account = () => accounts.find((one) => one.account_id === preferences.account) ?? accounts[0];

/** What the panel shows, for tests. */
export const shownAccount = () => ({ account: account() ?? null, orders: [...orders.values()], positions, fills });

function draw() {
  const none = problem || (accounts.length ? "" : "No accounts. Create one with “tickbook ledger accounts create”.");
  const list = [...orders.values()].sort((a, b) => (a.is_open === b.is_open ? b.first_sequence - a.first_sequence : a.is_open ? -1 : 1));
  const held = positions.filter((position) => !/^-?0*\.?0*$/.test(position.quantity));
  showTable("positions", positionTable, held, none || "No open positions");
  showTable("orders", orderTable, list.slice(0, MOST), none || "No orders");
  showTable("fills", fillTable, fills, none || "No fills");
  byId("positions-count").textContent = held.length ? String(held.length) : "";
  byId("orders-count").textContent = list.length ? String(list.filter((order) => order.is_open).length) : "";
  const tiles = profits(positions).flatMap(({ currency, net, realized, unrealized, fees }) => [
    tile(`Net profit, ${currency}`, net, true),
    tile("Unrealized", unrealized, true),
    tile("Realized", realized, true),
    tile("Fees", fees, false),
  ]);
  byId("profit").replaceChildren(...tiles);
  byId("profit").hidden = !tiles.length;
  byId("equity-message").hidden = tiles.length > 0;
  byId("equity-message").textContent = none || "No positions yet";
  emit("account");
}

/** @param {string} name @param {string} value @param {boolean} isSigned */
function tile(name, value, isSigned) {
  const number = Number(value);
  const direction = !isSigned || number === 0 ? "flat" : number > 0 ? "up" : "down";
  const text = isSigned && number > 0 ? `+${value}` : value;
  return element("div", { class: "tile", attributes: { "data-direction": direction } }, [
    element("span", { class: "label", text: name }),
    element("span", { class: "value", text }),
  ]);
}

/** @param {AbortSignal} signal */
async function readAccounts(signal) {
  accounts = await getAll("/api/v1/accounts", { limit: 1_000 }, 5_000, signal);
  const options = accounts.map((one) => {
    const text = `${one.name} · ${one.venue} · ${one.environment}${one.closed_at ? " · closed" : ""}`;
    return element("option", { text, attributes: { value: String(one.account_id) } });
  });
  picker.replaceChildren(...options);
  picker.hidden = !accounts.length;
  const shown = account();
  if (shown) picker.value = String(shown.account_id);
}

/** Positions with their value, and recent orders and fills. @param {AbortSignal} signal */
async function readState(signal) {
  const id = account()?.account_id;
  if (!id) return;
  const path = `/api/v1/accounts/${id}`;
  const [orderPage, positionList, fillPage] = await Promise.all([
    getAll(`${path}/orders`, { limit: 1_000 }, 2_000, signal),
    getAll(`${path}/positions`, { limit: 1_000 }, 5_000, signal),
    getAll(`${path}/fills`, { limit: 1_000 }, 2_000, signal),
  ]);
  orders.clear();
  for (const order of orderPage) orders.set(order.order_id, order);
  positions = positionList;
  fills = fillPage.reverse().slice(0, MOST);
}

/** Reads all of the account again. */
async function load() {
  abort.abort();
  abort = new AbortController();
  const { signal } = abort;
  try {
    await readAccounts(signal);
    const id = account()?.account_id;
    if (id) subscribe("account", { channel: "orders", account: id });
    else unsubscribe("account");
    await readState(signal);
    problem = "";
    draw();
    if (id) await readEquity(account(), signal);
  } catch (error) {
    if (signal.aborted) return;
    problem = error instanceof Error ? error.message : String(error);
    draw();
  }
}

/** Values the positions again, while the panel is visible. */
async function value() {
  const id = account()?.account_id;
  if (!isOpen || !id || document.hidden || !positions.length) return;
  const { signal } = abort;
  try {
    positions = await getAll(`/api/v1/accounts/${id}/positions`, { limit: 1_000 }, 5_000, signal);
    draw();
    drawEquity(profits(positions));
  } catch {
    // the next turn reads them again
  }
}

/** @param {any} message */
const isShown = (message) => message.account_id === account()?.account_id;

/** @param {any} message */
async function onEvent(message) {
  if (!isShown(message)) return;
  const known = orders.get(message.order_id);
  if (known) Object.assign(known, message.order);
  const { signal } = abort;
  const id = message.account_id;
  inNextFrame(draw);
  // the message has the state of the order only: its other fields, the fill and the value are read
  const path = `/api/v1/accounts/${id}`;
  const isFill = Boolean(message.event?.kind?.filled);
  const [order, list] = await Promise.all([
    get(`${path}/orders/${encodeURIComponent(message.order_id)}`, {}, signal),
    isFill ? getAll(`${path}/fills`, { limit: 1_000 }, 2_000, signal) : null,
  ]);
  orders.set(order.order_id, order);
  if (list) {
    fills = list.reverse().slice(0, MOST);
    positions = await getAll(`${path}/positions`, { limit: 1_000 }, 5_000, signal);
  }
  inNextFrame(draw);
}

/** Starts the panel. */
export function startAccount() {
  picker.addEventListener("change", () => {
    preferences.account = Number(picker.value);
    savePreferences();
    load();
  });
  on("panel", (name) => {
    const wasOpen = isOpen;
    isOpen = ["positions", "orders", "fills", "equity"].includes(name);
    byId("account-picker").hidden = !isOpen;
    if (isReady && isOpen && !wasOpen) load();
  });
  on("restarted", () => {
    isReady = true;
    if (isOpen) load();
  });
  on("opened", (count) => {
    if (isOpen && count > 1) load();
  });
  onMessage("order_event", (message) => {
    onEvent(message).catch(() => {});
  });
  onMessage("gap", (message) => {
    if (message.channel === "orders" && isShown(message)) load();
  });
  setInterval(value, VALUE_EVERY);
}
