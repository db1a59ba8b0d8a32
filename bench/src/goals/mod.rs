//! What is measured together, and the targets it is measured for.

mod batches;
mod candles;
mod persister;
mod quality;
mod reading;
mod resend;
mod rest;
mod schema;
mod streaming;

/// How it is measured.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
}
