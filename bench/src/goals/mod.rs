//! The measured parts and their targets.

mod batches;
mod candles;
mod persister;
mod quality;
mod reading;
mod resend;
mod rest;
mod schema;
mod streaming;

/// The parameters of a measurement.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
}
