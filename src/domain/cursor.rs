//! Cursors: the keys at which listings continue.
//!
//! A cursor is the key of the last row that was read, so new rows do not invalidate it. It belongs to one
//! listing: with another symbol, range, order, timeframe or basis, rows would be skipped or repeated
//! silently. A program that gives cursors to clients as text must check that.

use chrono::{DateTime, Utc};

use super::book::{BookSnapshot, BookUpdate};
use super::symbol_id::SymbolId;
use super::time::TimeRange;
use super::timeframe::Timeframe;
use super::{Candle, Tick, Trade};

/// The last tick of a page of ticks; the next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TickCursor {
    /// Time of that tick.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub tick_time: DateTime<Utc>,
    /// Sequence of that tick.
    pub sequence: i64,
}

impl TickCursor {
    /// The cursor of `tick`.
    #[must_use]
    pub fn of(tick: &Tick) -> Self {
        Self {
            tick_time: tick.tick_time,
            sequence: tick.sequence,
        }
    }

    /// Whether a tick in a listing of `range` can have this key.
    #[must_use]
    pub fn is_possible(&self, range: TimeRange) -> bool {
        self.sequence >= 0 && range.contains(self.tick_time)
    }
}

/// The last trade of a page of trades; the next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TradeCursor {
    /// Time of that trade.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub trade_time: DateTime<Utc>,
    /// Sequence of that trade.
    pub sequence: i64,
}

impl TradeCursor {
    /// The cursor of `trade`.
    #[must_use]
    pub fn of(trade: &Trade) -> Self {
        Self {
            trade_time: trade.trade_time,
            sequence: trade.sequence,
        }
    }

    /// Whether a trade in a listing of `range` can have this key.
    #[must_use]
    pub fn is_possible(&self, range: TimeRange) -> bool {
        self.sequence >= 0 && range.contains(self.trade_time)
    }
}

/// The last snapshot, or update, of a page of a book; the next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BookCursor {
    /// Time of that snapshot or update.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub time: DateTime<Utc>,
    /// Sequence of that snapshot or update.
    pub sequence: i64,
}

impl BookCursor {
    /// The cursor of `snapshot`.
    #[must_use]
    pub fn of_snapshot(snapshot: &BookSnapshot) -> Self {
        Self {
            time: snapshot.snapshot_time,
            sequence: snapshot.sequence,
        }
    }

    /// The cursor of `update`.
    #[must_use]
    pub fn of_update(update: &BookUpdate) -> Self {
        Self {
            time: update.update_time,
            sequence: update.sequence,
        }
    }

    /// Whether a snapshot or update in a listing of `range` can have this key.
    #[must_use]
    pub fn is_possible(&self, range: TimeRange) -> bool {
        self.sequence >= 0 && range.contains(self.time)
    }
}

/// The last candle of a page of candles; the next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CandleCursor {
    /// Open time of that candle.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::time"))]
    pub open_time: DateTime<Utc>,
}

impl CandleCursor {
    /// The cursor of `candle`.
    #[must_use]
    pub fn of(candle: &Candle) -> Self {
        Self {
            open_time: candle.open_time,
        }
    }

    /// Whether a candle in a listing of `timeframe` within `range` can have this key.
    #[must_use]
    pub fn is_possible(&self, timeframe: Timeframe, range: TimeRange) -> bool {
        range.contains(self.open_time) && timeframe.bucket_start(self.open_time) == self.open_time
    }
}

/// The last symbol of a page of symbols; the next page starts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SymbolCursor {
    /// Id of that symbol.
    pub symbol_id: SymbolId,
}

impl SymbolCursor {
    /// Whether a symbol can have this key.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.symbol_id.get() > 0
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn one_day() -> TimeRange {
        let midnight: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
        TimeRange::new(midnight, midnight + TimeDelta::days(1)).expect("ordered")
    }

    /// Times near the ends of the range, near the limits of all times, and any others.
    fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
        let ends = [
            DateTime::<Utc>::MIN_UTC,
            DateTime::<Utc>::MAX_UTC,
            TimeRange::all().start(),
            TimeRange::all().end(),
            one_day().start(),
            one_day().end(),
        ];
        let near = (
            prop::sample::select(ends.to_vec()),
            -2_i64..=2,
            0_i64..2_000,
        );
        let near = near.prop_map(|(end, micros, minutes)| {
            end.timestamp_micros()
                .saturating_add(micros)
                .saturating_add(minutes * 60_000_000)
        });
        prop_oneof![near, any::<i64>()].prop_filter_map("no time", DateTime::from_timestamp_micros)
    }

    proptest! {
        #[test]
        fn keys_that_no_row_has_are_not_possible(
            time in any_time(),
            sequence in any::<i64>(),
            id in any::<i64>(),
            timeframe in prop::sample::select(Timeframe::ALL),
            range in prop_oneof![Just(TimeRange::all()), Just(one_day())],
        ) {
            let micros = time.timestamp_micros();
            let ends = range.start().timestamp_micros()..range.end().timestamp_micros();
            let is_inside = ends.contains(&micros);
            let of_tick = TickCursor { tick_time: time, sequence };
            prop_assert_eq!(of_tick.is_possible(range), is_inside && sequence >= 0);
            let of_trade = TradeCursor { trade_time: time, sequence };
            prop_assert_eq!(of_trade.is_possible(range), is_inside && sequence >= 0);
            let of_book = BookCursor { time, sequence };
            prop_assert_eq!(of_book.is_possible(range), is_inside && sequence >= 0);
            let width = timeframe.duration().num_microseconds().expect("short");
            let of_candle = CandleCursor { open_time: time };
            prop_assert_eq!(of_candle.is_possible(timeframe, range), is_inside && micros % width == 0);
            let of_symbol = SymbolCursor { symbol_id: SymbolId::new(id) };
            prop_assert_eq!(of_symbol.is_possible(), id > 0);
        }
    }
}
