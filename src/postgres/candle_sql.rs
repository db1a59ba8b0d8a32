//! SQL expressions of candles: relation names, the price of each basis, volume, tick count, and the order of
//! ticks within an instant.
//!
//! `manual_sql/` contains the same expressions; tests compare both.

use std::fmt;

use crate::domain::{CandleRelation, PriceBasis, Timeframe};

/// The relation of one-minute candles, the source of all larger ones.
pub(super) const MINUTES: CandleRelation = CandleRelation::of(Timeframe::M1);

/// The names of all candle relations, smallest timeframe first.
pub(super) fn relation_names() -> Vec<&'static str> {
    CandleRelation::all()
        .map(|relation| relation.name)
        .collect()
}

/// The names as an SQL list: `'ohlc_1m', …`.
pub(super) fn quoted_relation_names() -> String {
    let names = relation_names();
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// The key by which `first` and `last` order ticks: time, then sequence.
pub(super) const TICK_ORDER: &str = "tick_order_key(tick_time, sequence)";

/// The volume of a candle of ticks: the sum of the known volumes of both sides.
const TICK_VOLUME: &str = "coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0)";

/// The tick count of a candle of ticks.
pub(super) const TICK_COUNT: &str = "count(*)";

/// The tick count of a row of a candle relation; each tick has a bid, an ask, or both.
pub(super) const TICKS_OF_ROW: &str = "(bid_tick_count + ask_tick_count - mid_tick_count)";

/// The number of bases that have a candle in a row of a candle relation.
pub(super) const CANDLES_OF_ROW: &str = "num_nonnulls(bid_open, ask_open, mid_open)::bigint";

/// The condition that a tick has the price of `basis` and so counts for its candles.
pub(super) fn has_price(basis: PriceBasis) -> &'static str {
    match basis {
        PriceBasis::Bid => "bid_price IS NOT NULL",
        PriceBasis::Ask => "ask_price IS NOT NULL",
        PriceBasis::Mid => "bid_price IS NOT NULL AND ask_price IS NOT NULL",
    }
}

/// Aggregates over the rows of one bucket. The text form is the columns of a candle in field order.
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
    /// Aggregates over rows of `ticks` that [have the price](has_price).
    pub(super) fn of_ticks(basis: PriceBasis) -> Self {
        Self::of_filtered_ticks(basis, "")
    }

    /// Aggregates over the rows of `ticks` that pass the clause `filter`. It applies to the first price,
    /// the last price and the tick count: the highest and the lowest price need no filter, and the volume
    /// has none.
    fn of_filtered_ticks(basis: PriceBasis, filter: &str) -> Self {
        // halve the aggregates, not each tick: halves order like their sums, and a product is exact while a
        // quotient is cut off after some digits
        let (price, half) = match basis {
            PriceBasis::Bid => ("bid_price", ""),
            PriceBasis::Ask => ("ask_price", ""),
            PriceBasis::Mid => ("bid_price + ask_price", " * 0.5"),
        };
        Self {
            open: format!("first({price}, {TICK_ORDER}){filter}{half}"),
            high: format!("max({price}){half}"),
            low: format!("min({price}){half}"),
            close: format!("last({price}, {TICK_ORDER}){filter}{half}"),
            volume: TICK_VOLUME.to_owned(),
            tick_count: format!("{TICK_COUNT}{filter}"),
        }
    }

    /// Aggregates over rows that are smaller candles.
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

    /// The columns of `basis` of a candle relation over `ticks`.
    #[cfg(test)]
    fn of_ticks_named(basis: PriceBasis) -> String {
        let filter = format!(" FILTER (WHERE {})", has_price(basis));
        let mut computed = Self::of_filtered_ticks(basis, &filter);
        // subtract the volumes of ticks without the basis; most buckets have no such tick
        let without = |absent: &str, present: &str| {
            format!(" - coalesce(sum({present}_volume) FILTER (WHERE {absent}_price IS NULL), 0)")
        };
        let [no_bid, no_ask] = [without("bid", "ask"), without("ask", "bid")];
        computed.volume += &match basis {
            PriceBasis::Bid => no_bid,
            PriceBasis::Ask => no_ask,
            PriceBasis::Mid => no_bid + &no_ask,
        };
        computed.named(basis)
    }

    /// The columns of `basis` of a candle relation over another one.
    #[cfg(test)]
    fn of_candles_named(basis: PriceBasis) -> String {
        let columns = CandleColumns::of_relation(basis);
        let mut computed = Self::of_candles(&columns);
        for (ordered, column) in [
            (&mut computed.open, columns.open),
            (&mut computed.close, columns.close),
        ] {
            *ordered = format!("{ordered} FILTER (WHERE {column} IS NOT NULL)");
        }
        computed.named(basis)
    }

    #[cfg(test)]
    fn named(&self, basis: PriceBasis) -> String {
        let Self {
            open,
            high,
            low,
            close,
            volume,
            tick_count,
        } = self;
        format!(
            "{open} AS {basis}_open, {high} AS {basis}_high, {low} AS {basis}_low, \
             {close} AS {basis}_close, {volume} AS {basis}_volume, \
             {tick_count} AS {basis}_tick_count"
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

/// The total tick count of rows of candles with this column.
pub(super) fn candle_tick_count(column: &str) -> String {
    format!("sum({column})::bigint")
}

/// The columns of candle rows. The text form is the columns from `open` on.
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
    /// The columns of a candle relation, whose row has a candle of `basis` if `tick_count` is above 0.
    pub(super) fn of_relation(basis: PriceBasis) -> Self {
        let column = |name: &str| format!("{basis}_{name}");
        Self {
            open_time: "open_time".to_owned(),
            open: column("open"),
            high: column("high"),
            low: column("low"),
            close: column("close"),
            volume: column("volume"),
            tick_count: column("tick_count"),
        }
    }

    /// The columns of `ohlc_candles`.
    pub(super) fn of_stored() -> Self {
        let column = |name: &str| format!("{name}_price");
        Self {
            open_time: "open_time".to_owned(),
            open: column("open"),
            high: column("high"),
            low: column("low"),
            close: column("close"),
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
