// @ts-check
/**
 * Feeds with their gaps, and the health of the server. Both are read while they are visible.
 * @module feeds
 */

import { get, getAll } from "./api.js";
import { showTable } from "./account_tables.js";
import { group } from "./decimal.js";
import { byId, element } from "./frame.js";
import { on, preferences, symbols } from "./state.js";
import { duration, full } from "./time.js";

const EVERY = 2_000;
/** Gaps of all feeds that are shown. */
const MOST_GAPS = 50;

let panel = "";

/** @param {number | null | undefined} value */
const count = (value) => (value === null || value === undefined ? "–" : group(String(value)));
/** @param {string} state */
const good = (state) => (["running", "connected", "up", "ready", "valid"].includes(state) ? "good" : "bad");

/** @type {import("./account_tables.js").Column[]} */
const feedTable = [
  { title: "Feed", text: (row) => row.name },
  { title: "State", kind: "status", text: (row) => row.status, direction: (row) => good(row.status) },
  { title: "Venue", kind: "status", text: (row) => row.venue?.connection ?? "–", direction: (row) => (row.venue ? good(row.venue.connection) : "flat") },
  { title: "Last message", kind: "number", text: (row) => (row.venue?.last_message_age_ms == null ? "–" : `${duration(row.venue.last_message_age_ms)} ago`) },
  { title: "Ticks", kind: "number", text: (row) => count(row.published) },
  { title: "Trades", kind: "number", text: (row) => count(row.trades_published) },
  { title: "Book events", kind: "number", text: (row) => count(row.book_events) },
  { title: "Held back", kind: "number", text: (row) => count(row.held_back + (row.trades_held_back ?? 0)) },
  { title: "Valid books", kind: "number", text: (row) => (row.venue ? `${row.venue.books.filter((/** @type {any} */ book) => book.state === "valid").length} of ${row.venue.books.length}` : "–") },
  { title: "Gaps", kind: "number", text: (row) => (row.venue ? `${row.venue.gaps} (${row.venue.open_gaps} open)` : "–") },
];

/** @type {import("./account_tables.js").Column[]} */
const gapTable = [
  { title: "Feed", text: (row) => row.feed },
  { title: "Symbol", text: (row) => symbols.get(row.symbol_id)?.name ?? String(row.symbol_id) },
  { title: "Channel", text: (row) => row.channel },
  { title: "From", kind: "time", text: (row) => full(Date.parse(row.from), preferences.zone) },
  { title: "To", kind: "time", text: (row) => (row.to ? full(Date.parse(row.to), preferences.zone) : "lasts") },
  { title: "Reason", text: (row) => row.reason },
];

async function readFeeds() {
  const { data } = await get("/api/v1/feeds");
  showTable("feeds", feedTable, data, "This server runs no feeds");
  const venues = data.filter((/** @type {any} */ feed) => feed.venue);
  const lists = await Promise.all(
    venues.map((/** @type {any} */ feed) => getAll(`/api/v1/feeds/${encodeURIComponent(feed.name)}/gaps`, { limit: MOST_GAPS }, MOST_GAPS)),
  );
  showTable("gaps", gapTable, lists.flat().slice(0, MOST_GAPS), venues.length ? "No gaps" : "");
}

/** @param {string} name @param {string} value @param {string} [state] */
const tile = (name, value, state = "flat") =>
  element("div", { class: "tile", attributes: { "data-direction": state } }, [
    element("span", { class: "label", text: name }),
    element("span", { class: "value", text: value }),
  ]);

async function readHealth() {
  const health = await get("/health/ready");
  const { feed } = health;
  const tiles = [tile("Server", health.status, good(health.status)), tile("Store", health.store)];
  for (const one of health.databases ?? []) {
    const state = one.status ?? one.state ?? (one.reachable ? "up" : "down");
    tiles.push(tile(one.database ?? one.name ?? "database", String(state), good(String(state))));
  }
  if (feed) {
    tiles.push(
      tile("Ticks stored", count(feed.inserted)),
      tile("Trades stored", count(feed.trades?.inserted)),
      tile("Book rows stored", count(feed.books?.inserted)),
      tile("Waiting", count(feed.waiting)),
      tile("On disk", count(feed.spooled)),
      tile("Rejected", count(feed.rejected), feed.rejected ? "bad" : "flat"),
      tile("Conflicts", count(feed.conflicts), feed.conflicts ? "bad" : "flat"),
      tile("Lost", count(feed.refused), feed.refused ? "bad" : "good"),
      tile("Writer", feed.health, good(feed.health)),
    );
  }
  byId("health-tiles").replaceChildren(...tiles);
  const faults = (health.venue_faults ?? []).map((/** @type {any} */ fault) => (typeof fault === "string" ? fault : JSON.stringify(fault)));
  byId("health-message").textContent = faults.join("; ");
  byId("health-message").hidden = !faults.length;
}

async function read() {
  if (document.hidden) return;
  const reading = { feeds: readFeeds, health: readHealth }[panel];
  if (!reading) return;
  const message = byId(`${panel}-message`);
  try {
    await reading();
    message.classList.remove("error");
  } catch (error) {
    message.textContent = error instanceof Error ? error.message : String(error);
    message.classList.add("error");
    message.hidden = false;
  }
}

/** Starts both panels. */
export function startFeeds() {
  on("panel", (name) => {
    panel = name;
    read();
  });
  setInterval(read, EVERY);
}
