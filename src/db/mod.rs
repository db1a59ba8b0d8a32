//! diesel and r2d2: connections, the one blocking seam, migrations, manual SQL, edition, health.
//!
//! Knows no domain type. Nothing outside of this folder blocks a thread or opens a connection.

mod connect;
mod executor;
mod failure;
mod pools;
#[cfg(feature = "conformance")]
mod scratch;

pub use connect::{MetadataConnections, TimeseriesConnections};
pub use executor::Executor;
pub use failure::DbError;
pub use pools::{DatabasePools, MetadataDb, TimeseriesDb};
#[cfg(feature = "conformance")]
pub use scratch::ScratchSchemas;
