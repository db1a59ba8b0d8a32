//! What is measured together, and the targets it is measured for.

mod batches;
mod persister;
mod quality;
mod resend;
mod schema;

/// How it is measured.
pub(crate) struct Bench {
    pub(crate) rounds: u32,
}
