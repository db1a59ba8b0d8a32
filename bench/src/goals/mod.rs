//! The measured parts and their targets.

mod batches;
mod book_levels;
mod books;
mod candles;
mod feed_latency;
mod feed_store;
mod ledger;
mod ledger_load;
mod ledger_market;
mod ledger_reads;
mod ledger_relay;
mod persister;
mod quality;
mod reading;
mod resend;
mod rest;
mod rest_load;
mod schema;
mod streaming;
mod trades;
mod websocket_load;

/// The parameters of a measurement.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
}
