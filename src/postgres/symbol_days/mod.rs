//! The days in which a symbol has, or had, ticks or trades: the tables `symbol_days` and `trade_days`.
//!
//! The planner opens every chunk of the range of a statement, so a search through the whole history costs
//! more with every day that is stored. These tables list the days to search.
//!
//! Invariant: in every committed state, `symbol_days` has the day of each stored tick and of each candle of
//! an aggregate, or `unrecorded_ticks` has a row; likewise `trade_days` and `unrecorded_trades` for trades and their candles. The
//! tables may list more days. The writer of this library commits the days before it writes the rows
//! ([`KnownDays`]). A trigger notes every other statement that writes rows, and the maintenance then records
//! the days ([`record_missing`]).

mod known;
mod missing;
mod recorded;
mod windows;

pub(super) use known::KnownDays;
pub(super) use missing::{record_missing, unrecorded_days};
pub(super) use recorded::{NewestDays, newest_days};
pub(super) use windows::SearchWindows;

use crate::domain::CandleInput;

/// The tables that record the days of the rows of a hypertable.
#[derive(Debug)]
pub(super) struct RecordedDays {
    /// The hypertable.
    pub(super) rows: &'static str,
    /// The column of its times.
    pub(super) time: &'static str,
    /// The table of the days of each symbol.
    pub(super) days: &'static str,
    /// The table of the statements whose days may be missing.
    pub(super) unrecorded: &'static str,
}

/// The days of ticks.
pub(super) const DAYS_OF_TICKS: RecordedDays = RecordedDays {
    rows: "ticks",
    time: "tick_time",
    days: "symbol_days",
    unrecorded: "unrecorded_ticks",
};

/// The days of trades.
pub(super) const DAYS_OF_TRADES: RecordedDays = RecordedDays {
    rows: "trades",
    time: "trade_time",
    days: "trade_days",
    unrecorded: "unrecorded_trades",
};

/// The days of the rows from which candles are computed.
pub(super) const fn days_of(input: CandleInput) -> &'static RecordedDays {
    match input {
        CandleInput::Ticks => &DAYS_OF_TICKS,
        CandleInput::Trades => &DAYS_OF_TRADES,
    }
}

/// A comment in each statement that writes rows whose days are recorded. The triggers on `ticks` and `trades`
/// search for it.
pub(super) const RECORDED: &str = "/* symbol_days recorded */";
