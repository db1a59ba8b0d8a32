// @ts-check
/**
 * Times of the server (RFC 3339, UTC), buckets of timeframes, and their text in UTC or local time.
 * @module time
 */

/** @typedef {"utc" | "local"} Zone */

const MILLISECONDS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * A timeframe such as `5m` or `1M`; null if the text is not one.
 * @param {string} text
 * @returns {{count: number, unit: string, width: number} | null} `width` is in milliseconds; that of months is 31 days
 */
export function timeframe(text) {
  const match = /^([1-9][0-9]{0,4})([smhdwM])$/.exec(text);
  if (!match) return null;
  const [, count, unit] = match;
  const one = unit === "M" ? 31 * MILLISECONDS.d : MILLISECONDS[/** @type {"s"} */ (unit)];
  return { count: Number(count), unit, width: Number(count) * one };
}

/**
 * The start of the next bucket after one that starts at `open`.
 * @param {number} open in milliseconds
 * @param {string} name of the timeframe
 */
export function nextOpen(open, name) {
  const frame = timeframe(name);
  if (!frame) return open;
  if (frame.unit !== "M") return open + frame.width;
  const date = new Date(open);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + frame.count, 1);
}

/** @param {number} value @param {number} [width] */
const two = (value, width = 2) => String(value).padStart(width, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * The parts of a time in the zone.
 * @param {number} at in milliseconds
 * @param {Zone} zone
 */
function parts(at, zone) {
  const date = new Date(at);
  const shifted = zone === "utc" ? date : new Date(at - date.getTimezoneOffset() * 60_000);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth(),
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    milli: shifted.getUTCMilliseconds(),
  };
}

/** `14:05:09` @param {number} at @param {Zone} zone */
export function clock(at, zone) {
  const { hour, minute, second } = parts(at, zone);
  return `${two(hour)}:${two(minute)}:${two(second)}`;
}

/** `14:05:09.123` @param {number} at @param {Zone} zone */
export const clockMillis = (at, zone) => `${clock(at, zone)}.${two(parts(at, zone).milli, 3)}`;

/** `14:05` @param {number} at @param {Zone} zone */
export const clockShort = (at, zone) => clock(at, zone).slice(0, 5);

/** `30 Nov` @param {number} at @param {Zone} zone */
export function day(at, zone) {
  const { day: date, month } = parts(at, zone);
  return `${date} ${MONTHS[month]}`;
}

/** @param {number} at @param {Zone} zone */
export const month = (at, zone) => MONTHS[parts(at, zone).month];

/** @param {number} at @param {Zone} zone */
export const year = (at, zone) => String(parts(at, zone).year);

/** `2026-11-30 14:05:09` @param {number} at @param {Zone} zone */
export function full(at, zone) {
  const { year: years, month: months, day: days } = parts(at, zone);
  return `${years}-${two(months + 1)}-${two(days)} ${clock(at, zone)}`;
}

/** Whether a day begins at this time. @param {number} at @param {Zone} zone */
export function isMidnight(at, zone) {
  const { hour, minute, second } = parts(at, zone);
  return hour === 0 && minute === 0 && second === 0;
}

/** The name of the zone, such as `UTC` or `UTC+2`. @param {Zone} zone */
export function zoneName(zone) {
  if (zone === "utc") return "UTC";
  const minutes = -new Date().getTimezoneOffset();
  if (minutes === 0) return "UTC+0";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${two(rest)}` : ""}`;
}

/** A duration such as `340 ms`, `12 s`, `5 min`, `3 h` or `2 d`. @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
