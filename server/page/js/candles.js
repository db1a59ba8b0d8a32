// @ts-check
/**
 * The candles of one symbol, timeframe and basis: history of REST merged with messages.
 * @module candles
 */

import { nextOpen } from "./time.js";

/**
 * A candle as the server sends it, with its open time in seconds.
 * @typedef {{open_time: string, close_time: string, open: string, high: string, low: string, close: string,
 *   volume: string, tick_count: number, closed: boolean, filled?: boolean, time: number, order: number}} Candle
 */

/** A backfill reads this many closed candles again. */
const LATE = 500;
/** A gap of more buckets is drawn with this many. */
const MOST_EMPTY = 24;
/** A gap of at least this many buckets is shaded. */
const SHADED_FROM = 3;

/** Sorted candles with unique times. */
export class Candles {
  constructor() {
    /** @type {Candle[]} */
    this.list = [];
    /** Counts what arrives, so that an answer never replaces a message that came after its request. */
    this.order = 0;
  }

  /** The index of the first candle at or after a time in seconds. @param {number} time */
  indexOf(time) {
    let [low, high] = [0, this.list.length];
    if (high && this.list[high - 1].time < time) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].time < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The candle at a time in seconds. @param {number} time @returns {Candle | undefined} */
  at(time) {
    const candle = this.list[this.indexOf(time)];
    return candle?.time === time ? candle : undefined;
  }

  /** Marks the start of a request. */
  begin() {
    this.order += 1;
    return this.order;
  }

  /**
   * Adds or replaces candles.
   * @param {any[]} candles in any order
   * @param {number} [since] the mark of the request that they answer; messages have none
   * @returns {Candle[] | "all"} the changed candles, or `all` if the order of the others changed
   */
  merge(candles, since) {
    this.order += 1;
    let isWhole = true;
    const changed = [];
    const added = [];
    for (const raw of candles) {
      const time = Date.parse(raw.open_time) / 1_000;
      const index = this.indexOf(time);
      const known = this.list[index]?.time === time ? this.list[index] : undefined;
      if (known && since !== undefined && known.order > since) continue;
      if (raw.filled) {
        // all its trades were cancelled
        if (known) this.list.splice(index, 1);
        if (known) isWhole = false;
        continue;
      }
      const candle = { ...raw, time, order: this.order };
      if (known) {
        this.list[index] = candle;
        changed.push(candle);
      } else if (index === this.list.length) {
        this.list.push(candle);
        changed.push(candle);
      } else {
        added.push(candle);
      }
    }
    if (added.length) {
      const byTime = new Map(this.list.concat(added).map((candle) => [candle.time, candle]));
      this.list = [...byTime.values()].sort((a, b) => a.time - b.time);
    }
    return isWhole && !added.length ? changed : "all";
  }

  /**
   * The open time from which a backfill reads: some candles before the newest closed one, because late ticks may have
   * changed them. Null without candles.
   * @returns {string | null}
   */
  backfillFrom() {
    let index = this.list.length - 1;
    while (index > 0 && !this.list[index].closed) index -= 1;
    return this.list[Math.max(0, index - LATE)]?.open_time ?? null;
  }
}

/**
 * The buckets without a candle between two candles. Of a long gap, the first and the last are returned.
 * @param {Candle} before
 * @param {Candle} after
 * @param {string} timeframe
 * @returns {{time: number, isShaded: boolean}[]}
 */
export function emptyBetween(before, after, timeframe) {
  const end = after.time * 1_000;
  let open = nextOpen(before.time * 1_000, timeframe);
  if (open >= end) return [];
  const width = open - before.time * 1_000;
  const count = Math.round((end - open) / width);
  const isShaded = count >= SHADED_FROM;
  const times = [];
  for (; open < end && times.length < MOST_EMPTY / 2; open = nextOpen(open, timeframe)) times.push(open);
  const rest = [];
  for (let late = end - width; late >= open && rest.length < MOST_EMPTY / 2; late -= width) rest.push(late);
  return times.concat(rest.reverse()).map((at) => ({ time: at / 1_000, isShaded }));
}

/** All buckets without a candle. @param {Candle[]} list @param {string} timeframe */
export function emptyBuckets(list, timeframe) {
  const empty = [];
  for (let index = 1; index < list.length; index += 1) {
    const between = emptyBetween(list[index - 1], list[index], timeframe);
    if (between.length) empty.push(...between);
  }
  return empty;
}
