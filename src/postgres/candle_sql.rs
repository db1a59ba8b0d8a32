//! SQL expressions of candles: relation names, the price of each basis, volumes, counts, and the order of ticks
//! and trades within an instant.
//!
//! `manual_sql/` contains the same expressions; tests compare both.

use std::fmt;

use crate::domain::{CandleInput, CandleRelation, PriceBasis, Timeframe};

/// The relation of one-minute candles, the source of all larger ones.
pub(super) const fn minutes(input: CandleInput) -> CandleRelation {
    CandleRelation::of(input, Timeframe::M1)
}

/// The names of all candle relations, in the order of [`CandleRelation::all`].
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

/// The bases of `input` as an SQL list: `'bid', …`.
pub(super) fn quoted_bases(input: CandleInput) -> String {
    let quoted = input.bases().iter().map(|basis| format!("'{basis}'"));
    quoted.collect::<Vec<_>>().join(", ")
}

/// The key by which `first` and `last` order the rows: time, then sequence.
pub(super) fn row_order(input: CandleInput) -> String {
    format!("tick_order_key({}, sequence)", input.time_column())
}

/// The volume of a candle of ticks: the sum of the known volumes of both sides.
const TICK_VOLUME: &str = "coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0)";

/// The count of a candle of ticks or trades.
pub(super) const ROW_COUNT: &str = "count(*)";

/// A sum that candles of ticks do not have.
const NO_SUM: &str = "NULL::numeric";

/// The number of ticks or trades of a row of a candle relation; each tick has a bid, an ask, or both.
pub(super) fn count_of_row(input: CandleInput) -> &'static str {
    match input {
        CandleInput::Ticks => "(bid_tick_count + ask_tick_count - mid_tick_count)",
        CandleInput::Trades => "trade_count",
    }
}

/// A column with a count in a row of a candle relation.
pub(super) fn count_column(input: CandleInput) -> &'static str {
    match input {
        CandleInput::Ticks => "bid_tick_count",
        CandleInput::Trades => "trade_count",
    }
}

/// The number of bases that have a candle in a row of a candle relation.
pub(super) fn candles_of_row(input: CandleInput) -> &'static str {
    match input {
        CandleInput::Ticks => "num_nonnulls(bid_open, ask_open, mid_open)::bigint",
        CandleInput::Trades => "num_nonnulls(open)::bigint",
    }
}

/// The condition that a tick has the price of `basis` and so counts for its candles. Every trade counts.
pub(super) fn has_price(basis: PriceBasis) -> Option<&'static str> {
    match basis {
        PriceBasis::Bid => Some("bid_price IS NOT NULL"),
        PriceBasis::Ask => Some("ask_price IS NOT NULL"),
        PriceBasis::Mid => Some("bid_price IS NOT NULL AND ask_price IS NOT NULL"),
        PriceBasis::Trade => None,
    }
}

/// [`has_price`] as a further condition of a `WHERE` clause, or nothing.
pub(super) fn and_has_price(basis: PriceBasis) -> String {
    has_price(basis).map_or(String::new(), |condition| format!(" AND {condition}"))
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
    pub(super) buy_volume: String,
    pub(super) notional: String,
}

impl CandleAggregates {
    /// Aggregates over rows of the [input](PriceBasis::input) of `basis` that [have the price](has_price).
    pub(super) fn of_rows(basis: PriceBasis) -> Self {
        match basis.input() {
            CandleInput::Ticks => Self::of_filtered_ticks(basis, ""),
            CandleInput::Trades => Self::of_trades(),
        }
    }

    /// Aggregates over rows of `trades`. A product of two NUMERIC is exact.
    fn of_trades() -> Self {
        let order = row_order(CandleInput::Trades);
        Self {
            open: format!("first(price, {order})"),
            high: "max(price)".to_owned(),
            low: "min(price)".to_owned(),
            close: format!("last(price, {order})"),
            volume: "sum(quantity)".to_owned(),
            tick_count: ROW_COUNT.to_owned(),
            buy_volume: "coalesce(sum(quantity) FILTER (WHERE aggressor_side = 'buy'), 0)"
                .to_owned(),
            notional: "sum(price * quantity)".to_owned(),
        }
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
            PriceBasis::Trade => return Self::of_trades(),
        };
        let order = row_order(CandleInput::Ticks);
        Self {
            open: format!("first({price}, {order}){filter}{half}"),
            high: format!("max({price}){half}"),
            low: format!("min({price}){half}"),
            close: format!("last({price}, {order}){filter}{half}"),
            volume: TICK_VOLUME.to_owned(),
            tick_count: format!("{ROW_COUNT}{filter}"),
            buy_volume: NO_SUM.to_owned(),
            notional: NO_SUM.to_owned(),
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
            trade_sums,
        } = columns;
        let [buy_volume, notional] = trade_sums.sums();
        Self {
            open: format!("first({open}, {open_time})"),
            high: format!("max({high})"),
            low: format!("min({low})"),
            close: format!("last({close}, {open_time})"),
            volume: format!("sum({volume})"),
            tick_count: sum_of_counts(tick_count),
            buy_volume,
            notional,
        }
    }

    /// The columns of `basis` of a candle relation over `ticks` or `trades`.
    #[cfg(test)]
    fn of_rows_named(basis: PriceBasis) -> String {
        let Some(condition) = has_price(basis) else {
            return Self::of_rows(basis).named(basis);
        };
        let filter = format!(" FILTER (WHERE {condition})");
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
            PriceBasis::Trade => String::new(),
        };
        computed.named(basis)
    }

    /// The columns of `basis` of a candle relation over another one.
    #[cfg(test)]
    fn of_candles_named(basis: PriceBasis) -> String {
        let columns = CandleColumns::of_relation(basis);
        let mut computed = Self::of_candles(&columns);
        if has_price(basis).is_some() {
            for (ordered, column) in [
                (&mut computed.open, columns.open),
                (&mut computed.close, columns.close),
            ] {
                *ordered = format!("{ordered} FILTER (WHERE {column} IS NOT NULL)");
            }
        }
        computed.named(basis)
    }

    #[cfg(test)]
    fn named(&self, basis: PriceBasis) -> String {
        let of = CandleColumns::of_relation(basis);
        let mut named = vec![
            (&self.open, of.open),
            (&self.high, of.high),
            (&self.low, of.low),
            (&self.close, of.close),
            (&self.volume, of.volume),
            (&self.tick_count, of.tick_count),
        ];
        if of.trade_sums != TradeSumColumns::Absent {
            named.push((&self.buy_volume, "buy_volume".to_owned()));
            named.push((&self.notional, "notional".to_owned()));
        }
        let named = named.iter().map(|(sql, name)| format!("{sql} AS {name}"));
        named.collect::<Vec<_>>().join(", ")
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
            buy_volume,
            notional,
        } = self;
        write!(
            f,
            "{open}, {high}, {low}, {close}, {volume}, {tick_count}, {buy_volume}, {notional}"
        )
    }
}

/// The total count of rows of candles with this column.
pub(super) fn sum_of_counts(column: &str) -> String {
    format!("sum({column})::bigint")
}

/// The columns `buy_volume` and `notional` of candle rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TradeSumColumns {
    /// The rows do not have them.
    Absent,
    /// Each row has both.
    Present,
    /// Each row has both or neither.
    Optional,
}

impl TradeSumColumns {
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Absent => [NO_SUM; 2],
            Self::Present | Self::Optional => ["buy_volume", "notional"],
        }
    }

    /// The sums of rows; NULL if a row has none.
    fn sums(self) -> [String; 2] {
        self.names().map(|name| match self {
            Self::Absent => name.to_owned(),
            Self::Present => format!("sum({name})"),
            Self::Optional => {
                format!("CASE WHEN count({name}) = count(*) THEN sum({name}) END")
            }
        })
    }
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
    pub(super) trade_sums: TradeSumColumns,
}

impl CandleColumns {
    /// The columns of a candle relation, whose row has a candle of `basis` if `tick_count` is above 0.
    pub(super) fn of_relation(basis: PriceBasis) -> Self {
        let (prefix, count, trade_sums) = match basis.input() {
            CandleInput::Ticks => (
                format!("{basis}_"),
                format!("{basis}_tick_count"),
                TradeSumColumns::Absent,
            ),
            CandleInput::Trades => (
                String::new(),
                count_column(CandleInput::Trades).to_owned(),
                TradeSumColumns::Present,
            ),
        };
        let column = |name: &str| format!("{prefix}{name}");
        Self {
            open_time: "open_time".to_owned(),
            open: column("open"),
            high: column("high"),
            low: column("low"),
            close: column("close"),
            volume: column("volume"),
            tick_count: count,
            trade_sums,
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
            trade_sums: TradeSumColumns::Optional,
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
            trade_sums,
        } = self;
        let [buy_volume, notional] = trade_sums.names();
        write!(
            f,
            "{open}, {high}, {low}, {close}, {volume}, {tick_count}, {buy_volume}, {notional}"
        )
    }
}

#[cfg(test)]
mod tests;
