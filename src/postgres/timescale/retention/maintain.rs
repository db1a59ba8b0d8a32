//! The maintenance: work that is due by the applied policies.

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::error::{Database, RepositoryError};
use crate::postgres::symbol_days::{DAYS_OF_TICKS, DAYS_OF_TRADES, record_missing};
use crate::postgres::timescale::edition::{Edition, detect_edition};
use crate::postgres::timescale::invalidations::{empty_change_log, waiting_changes};
use diesel::PgConnection;

use super::completeness::Levels;
use super::current::{AppliedPolicies, applied, now};
use super::downsample::{
    BlockedChunk, DueChunk, chunks_before, downsample_and_drop, drop_stored_candles,
};
use super::drop_candles::drop_candles;
use super::drop_ticks::drop_ticks;
use super::floor::refuse_before;
use super::refresh::{has_aggregates, late_days, refresh, refresh_backlog};
use super::report::{MaintenanceReport, MaintenanceState};
use super::try_lock;

/// Performs the work that the applied policies require and no database job does: refreshes days with late
/// ticks (Community edition); drops old ticks after their candles include all of them (Community edition) or
/// together with storing their one-minute candles (Apache edition); drops old candles.
///
/// May run at any time and in several processes at once: one of them does the work. Writers of ticks older
/// than one hour may wait for a moment; other writers never wait.
///
/// # Errors
/// Returns database errors; completed work stays done. A chunk that cannot be dropped is not an error and is
/// listed in the report.
pub async fn maintain(db: &TimeseriesDb) -> Result<MaintenanceReport, RepositoryError> {
    db.run_dedicated("maintain", run).await
}

fn run(connection: &mut PgConnection) -> Result<MaintenanceReport, DbError> {
    let mut report = MaintenanceReport::default();
    let is_ours = try_lock(connection)?;
    if is_ours {
        empty_change_log(connection)?;
        for days in [&DAYS_OF_TICKS, &DAYS_OF_TRADES] {
            let recorded = record_missing(connection, days)?;
            if recorded > 0 {
                tracing::info!(
                    statements = recorded,
                    "recorded the days of {} of other programs",
                    days.rows
                );
            }
        }
    }
    let Some(applied) = applied(connection)? else {
        report.state = MaintenanceState::NotApplied;
        return Ok(report);
    };
    if !is_ours {
        report.state = MaintenanceState::Busy;
        report.backlog = refresh_backlog(connection)?;
        report.waiting_changes = waiting_changes(connection)?;
        return Ok(report);
    }
    match detect_edition(connection)?.edition {
        Edition::Community if has_aggregates(connection)? => {
            let days = late_days(connection)?;
            (report.refreshed, _) = refresh(connection, &days)?;
            if let Some(levels) = Levels::read(connection)? {
                drop_ticks(connection, &levels, &applied, &mut report)?;
                drop_candles(connection, &applied, &mut report)?;
            }
        }
        Edition::Community => {}
        Edition::Apache => drop_old(connection, &applied, &mut report)?,
    }
    report.backlog = refresh_backlog(connection)?;
    report.waiting_changes = waiting_changes(connection)?;
    Ok(report)
}

fn drop_old(
    connection: &mut PgConnection,
    applied: &AppliedPolicies,
    report: &mut MaintenanceReport,
) -> Result<(), DbError> {
    let now = now(connection)?;
    let before =
        |drop_after: Option<crate::retention::PolicyDuration>| Some(now - drop_after?.delta());
    if let Some(time) = before(applied.floor.drop_after) {
        let chunks = chunks_before(connection, "ticks", time)?;
        if let Some(last) = chunks.last() {
            // a writer that was about to write there has finished, or will be refused
            refuse_before(connection, last.range_end)?;
        }
        for (index, chunk) in chunks.iter().enumerate() {
            match downsample_and_drop(connection, chunk) {
                Ok(downsampled) => {
                    report.downsampled += downsampled as u64;
                    report.dropped_ticks += 1;
                }
                Err(error) => {
                    report.blocked.push(blocked(&chunks[index..], error)?);
                    break;
                }
            }
        }
    }
    if let Some(time) = before(applied.candles.drop_after) {
        let chunks = chunks_before(connection, "ohlc_candles", time)?;
        for (index, chunk) in chunks.iter().enumerate() {
            if let Err(error) = drop_stored_candles(connection, chunk) {
                report.blocked.push(blocked(&chunks[index..], error)?);
                break;
            }
            report.dropped_candles += 1;
        }
    }
    Ok(())
}

/// Reports the first of `chunks` as blocked and blocking the others, which must not be dropped before it.
/// Returns the error if the database is unavailable.
fn blocked(chunks: &[DueChunk], error: DbError) -> Result<BlockedChunk, DbError> {
    let error = error.into_repository(Database::Timeseries, "maintain");
    match chunks {
        [chunk, later @ ..] => {
            let blocked = chunk.blocked(later.len(), &error);
            match error {
                RepositoryError::Ambiguous { .. } | RepositoryError::Unavailable { .. } => {
                    tracing::error!(%blocked, "the maintenance ends early");
                    Err(error.into())
                }
                _ => Ok(blocked),
            }
        }
        [] => Err(error.into()),
    }
}
