//! Forced refreshes of continuous aggregates, regardless of known changes.

use std::collections::BTreeMap;

use crate::domain::{CandleInput, TimeRange};
use crate::error::RepositoryError;
use crate::retention::{RefreshWindow, next_start};

use crate::db::TimeseriesDb;
use crate::postgres::timescale::refresh::guarded::GuardedRefresh;
use crate::postgres::timescale::refresh::row_chunks::Times;
use crate::postgres::timescale::retention;

/// Recomputes buckets in the given order, even without a known change. Returns the parts that it skipped
/// because their ticks or trades were dropped; a refresh would delete their candles.
///
/// Waits while another process maintains the database.
///
/// # Errors
/// Returns database errors. Some buckets may have been recomputed by then.
pub async fn force_refresh(
    db: &TimeseriesDb,
    windows: Vec<RefreshWindow>,
) -> Result<Vec<RefreshWindow>, RepositoryError> {
    db.run_dedicated("force_refresh", move |connection| {
        // overlapping refreshes can lose candles; the lock ends with the session
        retention::lock(connection)?;
        let floors = retention::floors(connection)?;
        let mut guarded = BTreeMap::new();
        for &input in CandleInput::ALL {
            guarded.insert(input, GuardedRefresh::read(connection, input)?);
        }
        let mut left_out = Vec::new();
        for RefreshWindow {
            input,
            timeframe,
            range,
        } in windows
        {
            let Some(guarded) = guarded.get(&input) else {
                continue;
            };
            let mut leave_out = |(from, to): Times| {
                let part = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
                left_out.push(RefreshWindow {
                    input,
                    timeframe,
                    range: part,
                });
                Ok::<_, RepositoryError>(())
            };
            let floor = floors.of_source(input, timeframe);
            let (mut from, to) = (range.start(), range.end());
            if let Some(first) = floor.map(|it| next_start(timeframe, it))
                && from < first
            {
                let kept = first.min(to);
                leave_out((from, kept))?;
                from = kept;
            }
            let outcome = guarded.run(connection, timeframe, (from, to), true)?;
            for part in outcome.left_out {
                leave_out(part)?;
            }
        }
        Ok(left_out)
    })
    .await
}
