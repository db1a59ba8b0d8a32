//! The contract between a server and its store: four traits, injected as `Arc<dyn …>`.
//!
//! The doc comments are the contract. Every backend passes the same suite
//! (the `conformance` module, under the feature of that name), so that they hold everywhere:
//!
//! - An empty batch does nothing and is no error.
//! - A range is half-open: `from` is inside, `to` is outside.
//! - Instants are whole microseconds; what is finer is cut off before it is stored.
//! - Cancelling a call (dropping its future) leaves a write either done or not done, never half.
//!
//! Under the feature `mock` each trait has a mock made by mockall: `MockSymbolRepository`,
//! `MockTickRepository`, `MockOhlcRepository` and `MockQuarantineRepository`.

mod delete;
mod fill;
mod ohlc;
mod quarantine;
mod restore;
mod stream;
mod symbol;
mod tick;

pub use delete::{
    CandleCounts, DeletedCandles, DeletedTicks, TickSpan, deletable_candles, deletable_ticks,
    delete_candles, delete_ticks,
};
#[cfg(feature = "postgres")]
pub(crate) use delete::{buckets, split_at};
pub(crate) use delete::{part_of_a_day, refuse_cut_candles, refuse_dropped};
pub use fill::filled_candles;
pub use ohlc::{CandleQuery, OhlcRepository};
pub use quarantine::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    QuarantinedTick, UnknownQuarantineState,
};
pub(crate) use quarantine::{different as different_ids, normalized as normalized_quarantine};
#[cfg(test)]
pub(crate) use restore::MAY_GET_TICKS;
pub use restore::{RestoredCandles, may_get_ticks};
pub use stream::{candle_stream, filled_candle_stream, tick_stream};
pub use symbol::{ExchangeQuery, FeedSymbol, SymbolQuery, SymbolRepository, find_symbol};
pub(crate) use symbol::{
    different_symbols, exchange_missing, exchange_taken, name_taken, name_taken_in_other_case,
    only_one, symbol_missing, symbol_taken,
};
pub use tick::{InsertReceipt, RejectedTick, TickConflict, TickQuery, TickRepository};

#[cfg(feature = "mock")]
pub use {
    ohlc::MockOhlcRepository, quarantine::MockQuarantineRepository, symbol::MockSymbolRepository,
    tick::MockTickRepository,
};
