//! Repositories over PostgreSQL and TimescaleDB, and all other code that names their tables: migrations,
//! health, candle relations, retention.

mod audit_refresh;
mod candle_sql;
mod committed_state;
mod feeds;
mod health;
mod migrations;
mod numeric;
mod numeric_array;
mod ohlc;
mod order_books;
mod quarantine;
mod reading;
mod requirements;
pub(crate) mod schema;
mod size;
mod statements;
mod stored_time;
mod symbol_days;
mod symbols;
mod ticks;
pub(crate) mod timescale;
mod trades;
mod writing;

pub use audit_refresh::PgCandleRefresh;
pub use committed_state::CommittedState;
pub use feeds::PgFeedRepository;
pub use health::{DatabaseHealth, HealthReport, HealthState, check_health};
pub use migrations::{
    MigrationReport, migrate_metadata, migrate_timeseries, pending_metadata_migrations,
    pending_timeseries_migrations, revert_all_metadata_migrations,
    revert_all_timeseries_migrations,
};
pub use numeric::{NumericError, PgDecimal};
pub use ohlc::{PgMaterializedCandles, PgOhlcRepository};
pub use order_books::PgOrderBookRepository;
pub use quarantine::PgQuarantineRepository;
pub use size::database_bytes;
pub use symbols::PgSymbolRepository;
pub use ticks::PgTickRepository;
pub use timescale::{
    AggregatesReport, AppliedPolicies, BlockedChunk, CandleRelationKind, CandleRelationState,
    DueDrop, Edition, FailedJob, JobStatus, LeftChunk, MaintenanceReport, MaintenanceState,
    PolicyPlan, PolicyStatus, RefreshBacklog, TimescaleVersion, TimeseriesState, apply_aggregates,
    apply_policies, candle_relations, detect_edition, force_refresh, maintain, missing_symbol_days,
    plan_policies, policy_status, refresh_days, remove_policies, timeseries_state,
};
pub use trades::PgTradeRepository;
