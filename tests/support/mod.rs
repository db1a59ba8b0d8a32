//! Code that the test programs share. Each program includes all of it.
#![allow(
    dead_code,
    reason = "a module of several programs, none of which uses all"
)]

pub(crate) mod alone;
pub(crate) mod audit_run;
pub(crate) mod double;
pub(crate) mod heartbeat;
pub(crate) mod oracle;
pub(crate) mod random;

#[cfg(all(feature = "files", feature = "ingest"))]
pub(crate) mod market_data;
#[cfg(all(feature = "files", feature = "ingest"))]
pub(crate) mod market_trades;
#[cfg(feature = "ingest")]
pub(crate) mod quarantined_ticks;
#[cfg(feature = "ingest")]
pub(crate) mod spooling;

#[cfg(all(feature = "conformance", feature = "postgres"))]
pub(crate) mod audit_fixture;
#[cfg(feature = "postgres")]
pub(crate) mod constrained;
#[cfg(all(feature = "conformance", feature = "postgres"))]
pub(crate) mod migrated_schema;
#[cfg(all(feature = "conformance", feature = "postgres"))]
pub(crate) mod pgbouncer;
#[cfg(all(feature = "conformance", feature = "postgres"))]
pub(crate) mod pool;
#[cfg(feature = "postgres")]
pub(crate) mod probed;
#[cfg(feature = "postgres")]
pub(crate) mod scratch_database;
#[cfg(all(feature = "conformance", feature = "postgres"))]
pub(crate) mod ten_day_history;
