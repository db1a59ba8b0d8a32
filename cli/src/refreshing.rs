//! Refreshing candles behind a change of their ticks.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::db::DatabasePools;
use tickbook::postgres::refresh_days;

/// Refreshes the candles of `days`, where candles are kept by aggregates. Behind a PgBouncer, where
/// that cannot be done, a note says so: reading them is right nevertheless.
pub(crate) async fn refresh(
    pools: &DatabasePools,
    days: BTreeSet<DateTime<Utc>>,
) -> Result<(), RepositoryError> {
    match refresh_days(&pools.timeseries(), days).await {
        Ok(_) => Ok(()),
        Err(RepositoryError::Configuration { reason, .. }) => {
            eprintln!("note: candles were not refreshed: {reason}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
