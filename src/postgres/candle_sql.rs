//! The SQL of candles: the names of their relations, the price of each basis, the volume, the number
//! of ticks, and the order of ticks of one instant.
//!
//! `manual_sql/` holds the same expressions, which the tests compare with these.

use std::fmt;

use crate::domain::{CandleRelation, PriceBasis, Timeframe};

/// The relation of one-minute candles, which all others are made of.
pub(super) const MINUTES: CandleRelation = CandleRelation::of(Timeframe::M1);

/// The names of all candle relations, smallest timeframe first.
pub(super) fn relation_names() -> Vec<&'static str> {
    CandleRelation::all()
        .map(|relation| relation.name)
        .collect()
}

/// The same as a list of SQL: `'ohlc_1m', …`.
pub(super) fn quoted_relation_names() -> String {
    let names = relation_names();
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// The key by which `first` and `last` order ticks: ties of time are decided by the sequence.
pub(super) const TICK_ORDER: &str = "tick_order_key(tick_time, sequence)";

/// The volume of a candle of ticks.
const TICK_VOLUME: &str = "sum(bid_volume + ask_volume)";

/// How many ticks a candle of ticks is made of.
pub(super) const TICK_COUNT: &str = "count(*)";

/// Aggregates over the rows of one bucket. Written as a text they are the columns of a candle, in
/// the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CandleAggregates {
    pub(super) open: String,
    pub(super) high: String,
    pub(super) low: String,
    pub(super) close: String,
    pub(super) volume: String,
    pub(super) tick_count: String,
}

impl CandleAggregates {
    /// Of rows of `ticks`.
    pub(super) fn of_ticks(basis: PriceBasis) -> Self {
        let [open, high, low, close] = match basis {
            PriceBasis::Bid => prices("bid_price"),
            PriceBasis::Ask => prices("ask_price"),
            // the half is taken of the aggregates: equal ones are computed once, and halves order like
            // their sums; a quotient would be cut off after some digits, a product never is
            PriceBasis::Mid => {
                let [bid_open, _, _, bid_close] = prices("bid_price");
                let [ask_open, _, _, ask_close] = prices("ask_price");
                let [_, high, low, _] = prices("bid_price + ask_price");
                [
                    format!("({bid_open} + {ask_open}) * 0.5"),
                    format!("{high} * 0.5"),
                    format!("{low} * 0.5"),
                    format!("({bid_close} + {ask_close}) * 0.5"),
                ]
            }
        };
        Self {
            open,
            high,
            low,
            close,
            volume: TICK_VOLUME.to_owned(),
            tick_count: TICK_COUNT.to_owned(),
        }
    }

    /// Of rows that are smaller candles.
    pub(super) fn of_candles(columns: &CandleColumns) -> Self {
        let CandleColumns {
            open_time,
            open,
            high,
            low,
            close,
            volume,
            tick_count,
        } = columns;
        Self {
            open: format!("first({open}, {open_time})"),
            high: format!("max({high})"),
            low: format!("min({low})"),
            close: format!("last({close}, {open_time})"),
            volume: format!("sum({volume})"),
            tick_count: candle_tick_count(tick_count),
        }
    }

    /// The columns, named like those of a candle relation with prices of `basis` alone.
    #[cfg(test)]
    fn prices_named(&self, basis: PriceBasis) -> String {
        let Self {
            open,
            high,
            low,
            close,
            ..
        } = self;
        format!(
            "{open} AS {basis}_open, {high} AS {basis}_high, {low} AS {basis}_low, \
             {close} AS {basis}_close"
        )
    }
}

impl fmt::Display for CandleAggregates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            open,
            high,
            low,
            close,
            volume,
            tick_count,
        } = self;
        write!(f, "{open}, {high}, {low}, {close}, {volume}, {tick_count}")
    }
}

/// First, highest, lowest and last `price` of ticks.
fn prices(price: &str) -> [String; 4] {
    [
        format!("first({price}, {TICK_ORDER})"),
        format!("max({price})"),
        format!("min({price})"),
        format!("last({price}, {TICK_ORDER})"),
    ]
}

/// How many ticks all rows of candles with this column are made of.
pub(super) fn candle_tick_count(column: &str) -> String {
    format!("sum({column})::bigint")
}

/// The columns of rows that are candles. Written as a text they are the columns from `open` on.
#[derive(Debug, Clone)]
pub(super) struct CandleColumns {
    pub(super) open_time: String,
    pub(super) open: String,
    pub(super) high: String,
    pub(super) low: String,
    pub(super) close: String,
    pub(super) volume: String,
    pub(super) tick_count: String,
}

impl CandleColumns {
    /// Of a candle relation.
    pub(super) fn of_relation(basis: PriceBasis) -> Self {
        Self::named(["open", "high", "low", "close"].map(|price| format!("{basis}_{price}")))
    }

    /// Of `ohlc_candles`.
    pub(super) fn of_stored() -> Self {
        Self::named(["open", "high", "low", "close"].map(|price| format!("{price}_price")))
    }

    fn named([open, high, low, close]: [String; 4]) -> Self {
        Self {
            open_time: "open_time".to_owned(),
            open,
            high,
            low,
            close,
            volume: "volume".to_owned(),
            tick_count: "tick_count".to_owned(),
        }
    }
}

impl fmt::Display for CandleColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            open_time: _,
            open,
            high,
            low,
            close,
            volume,
            tick_count,
        } = self;
        write!(f, "{open}, {high}, {low}, {close}, {volume}, {tick_count}")
    }
}

#[cfg(test)]
mod tests;
