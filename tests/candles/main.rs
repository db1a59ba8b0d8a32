//! Tests that candles equal the fold of the stored ticks: candles of views and aggregates, pages,
//! streams, restored and deleted candles, and a comparison with another system.

#[path = "../support/mod.rs"]
mod support;

mod aggregates_apply;
mod aggregates_equal_fold;
mod beside_refreshes;
mod community;
mod deleted;
mod fuzz;
mod oracle;
mod postgres;
mod postgres_statements;
mod property;
mod restored;
mod stream_memory;
mod sums;
