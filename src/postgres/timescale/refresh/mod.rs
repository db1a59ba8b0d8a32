//! Refreshes of continuous aggregates.

pub(super) mod call;
mod forced;
pub(super) mod guarded;
pub(super) mod row_chunks;

pub use forced::force_refresh;
