//! Candles that are the fold of the stored ticks: made by views and aggregates, read in pages and
//! streams, put back, deleted, and compared with those of another system.

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
