//! Making candles of continuous aggregates anew, whether anything is known to have changed or not.

use crate::domain::TimeRange;
use crate::error::RepositoryError;
use crate::retention::{RefreshWindow, next_start};

use crate::db::TimeseriesDb;
use crate::postgres::timescale::refresh::guarded::GuardedRefresh;
use crate::postgres::timescale::refresh::tick_chunks::Times;
use crate::postgres::timescale::retention;

/// Makes buckets anew in the order given, also where the aggregate takes them for right. Returns the
/// parts that it left out: those whose ticks are gone, since their candles would be gone as well.
///
/// Waits while another process maintains the database.
///
/// # Errors
/// Those of any call on a database; then some buckets may be made anew and others not.
pub async fn force_refresh(
    db: &TimeseriesDb,
    windows: Vec<RefreshWindow>,
) -> Result<Vec<RefreshWindow>, RepositoryError> {
    db.run_dedicated("refresh candles", move |connection| {
        // overlapping refreshes have lost candles; the session's end gives it back
        retention::lock(connection)?;
        let floors = retention::floors(connection)?;
        let guarded = GuardedRefresh::read(connection)?;
        let mut left_out = Vec::new();
        for RefreshWindow { timeframe, range } in windows {
            let mut leave_out = |(from, to): Times| {
                let part = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
                left_out.push(RefreshWindow {
                    timeframe,
                    range: part,
                });
                Ok::<_, RepositoryError>(())
            };
            let floor = floors.of_source(timeframe);
            let (mut from, to) = (range.from(), range.to());
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
