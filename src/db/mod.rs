//! Connections with diesel and r2d2: pools, the blocking executor, transactions and retries.
//!
//! This module depends on no table and no domain type. No code outside of it blocks a thread or opens a
//! connection.

mod blocking;
pub(crate) mod condition;
mod config;
mod connect;
mod connection_counts;
mod connections;
mod executor;
mod failure;
mod measure;
mod open_connections;
mod parameters;
mod pools;
mod reachability;
mod replaceable_pool;
mod retry;
#[cfg(feature = "conformance")]
mod scratch;
mod session_guard;
mod transaction;

pub(crate) use condition::Condition;
pub use config::{DatabaseConfig, PoolConfig, SynchronousCommit};
pub use connect::PasswordProvider;
pub use connection_counts::ConnectionCounts;
pub use connections::{MetadataConnections, TimeseriesConnections};
pub use executor::Executor;
pub use failure::DbError;
pub use pools::{DatabasePools, MetadataDb, TimeseriesDb};
pub(crate) use retry::{CONFLICT_BACKOFF, OutdatedConnections};
#[cfg(feature = "conformance")]
pub use scratch::ScratchSchemas;
pub use secrecy::SecretString;
pub use transaction::transaction;
pub(crate) use transaction::transaction_begun_by;
