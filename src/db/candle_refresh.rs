//! Making candles of continuous aggregates anew, whether anything is known to have changed or not.

use chrono::{DateTime, Utc};

use crate::error::RepositoryError;

use super::policies;
use super::pools::TimeseriesDb;
use super::refresh_call::RefreshCall;

/// Buckets that one candle relation is to make anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedRefresh {
    /// One of `ohlc_1m` to `ohlc_1d`.
    pub relation: String,
    /// The start of the first bucket.
    pub from: DateTime<Utc>,
    /// The end of the last one.
    pub to: DateTime<Utc>,
}

/// Makes buckets anew in the order given, also where the aggregate takes them for right.
///
/// Waits while another process maintains the database. Nothing is clamped here: whoever calls asks
/// for no bucket whose ticks may be gone, since its candle would be gone as well.
///
/// # Errors
/// Those of any call on a database; then some buckets may be made anew and others not.
pub async fn force_refresh(
    db: &TimeseriesDb,
    windows: Vec<ForcedRefresh>,
) -> Result<(), RepositoryError> {
    db.run_dedicated("refresh candles", move |connection| {
        // overlapping refreshes have lost candles; the session's end gives it back
        policies::lock(connection)?;
        let call = RefreshCall::of(connection)?;
        for ForcedRefresh { relation, from, to } in &windows {
            call.run(connection, relation, (*from, *to), true)?;
        }
        Ok(())
    })
    .await
}
