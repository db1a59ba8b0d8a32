//! TimescaleDB itself: edition, candle relations, refreshes, retention, and its catalog for audits.

mod audit;
mod bool_row;
mod candle_relations;
mod candle_rows;
mod edition;
mod failed_jobs;
mod invalidations;
mod refresh;
pub(crate) mod retention;
mod thresholds;

pub use audit::{TimeseriesState, missing_symbol_days, timeseries_state};
pub use candle_relations::{
    AggregatesReport, CandleRelationKind, CandleRelationState, apply_aggregates, candle_relations,
};
pub(crate) use candle_rows::{CandleRows, begin_deleting, mark_changed_day};
pub use edition::{Edition, TimescaleVersion, detect_edition};
pub use failed_jobs::FailedJob;
pub(crate) use failed_jobs::failed_jobs;
pub(crate) use invalidations::{AggregateIds, CatalogLayout, catalog_layout, pending_changes};
pub use refresh::force_refresh;
pub use retention::{
    AppliedPolicies, BlockedChunk, DueDrop, JobStatus, LeftChunk, MaintenanceReport,
    MaintenanceState, PolicyPlan, PolicyStatus, RefreshBacklog, apply_policies, maintain,
    plan_policies, policy_status, refresh_days, remove_policies,
};
