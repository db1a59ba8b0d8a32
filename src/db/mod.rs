//! diesel and r2d2: connections, the one blocking seam, migrations, manual SQL, edition, health.
//!
//! Knows no domain type, except where policies are about candles. Nothing outside of this folder blocks a thread or opens a connection.

mod aggregates;
mod audit;
mod blocking;
mod candle_refresh;
mod candle_rows;
mod condition;
mod connect;
mod connections;
mod contact;
mod edition;
mod executor;
mod failed_jobs;
mod failure;
mod guarded_refresh;
mod health;
mod invalidations;
mod lanes;
mod measure;
mod migrations;
mod parameters;
pub(crate) mod policies;
mod pools;
mod refresh_call;
mod requirements;
mod retry;
#[cfg(feature = "conformance")]
mod scratch;
mod session_guard;
mod statements;
mod thresholds;
mod tick_chunks;
mod transaction;

pub use aggregates::{AggregatesReport, CandleRelationKind, apply_aggregates, candle_relations};
pub use audit::{TimeseriesState, timeseries_state};
pub use candle_refresh::force_refresh;
pub(crate) use candle_rows::{CandleRows, begin_deleting, mark_changed_day};
pub(crate) use condition::Condition;
pub use connect::PasswordProvider;
pub use connections::{MetadataConnections, TimeseriesConnections};
pub use edition::{Edition, TimescaleVersion, detect_edition};
pub use executor::Executor;
pub use failed_jobs::FailedJob;
pub use failure::DbError;
pub use health::{DatabaseHealth, HealthReport, HealthState, check_health};
pub(crate) use invalidations::{AggregateIds, CatalogLayout, catalog_layout, pending_changes};
pub use migrations::{
    MigrationReport, migrate_metadata, migrate_timeseries, pending_metadata_migrations,
    pending_timeseries_migrations, revert_all_metadata_migrations,
    revert_all_timeseries_migrations,
};
pub use policies::{
    AppliedPolicies, BlockedChunk, DirtyWindows, DueDrop, JobStatus, LeftChunk, MaintenanceReport,
    MaintenanceState, PolicyPlan, PolicyStatus, apply_policies, maintain, plan_policies,
    policy_status, refresh_days, remove_policies,
};
pub use pools::{DatabasePools, MetadataDb, TimeseriesDb};
pub(crate) use retry::OutdatedConnections;
#[cfg(feature = "conformance")]
pub use scratch::ScratchSchemas;
pub use secrecy::SecretString;
pub use transaction::transaction;
