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
mod oracle_trades;
mod postgres;
mod postgres_statements;
mod property;
mod restored;
mod settled_pages;
mod stream_memory;
mod sums;
mod trades_beside_refreshes;
mod trades_equal_fold;
mod trades_in_parts;
