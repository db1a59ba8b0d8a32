//! Refreshes candles after a change of their ticks.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::db::DatabasePools;
use tickbook::postgres::refresh_days;

/// Refreshes the candles of `days`, if they are in continuous aggregates. Through a PgBouncer this is not
/// possible, and a note says so; reads are correct nevertheless.
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
