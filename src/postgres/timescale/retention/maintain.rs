//! The maintenance: work that is due by the applied policies.

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::domain::CandleInput;
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
use super::drop_books::drop_books;
use super::drop_candles::drop_candles;
use super::drop_rows::drop_rows;
use super::floor::refuse_before;
use super::refresh::{has_aggregates, late_days, refresh, refresh_backlog};
use super::report::{MaintenanceReport, MaintenanceState};
use super::try_lock;

/// Performs the work that the applied policies require and no database job does: refreshes days with late
/// ticks or trades (Community edition); drops old ones after their candles include all of them (Community edition)
/// or together with storing their one-minute candles (Apache edition); drops old candles and order books.
///
/// May run at any time and in several processes at once: one of them does the work. Writers of rows older
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
    drop_books(connection, &applied, &mut report)?;
    match detect_edition(connection)?.edition {
        Edition::Community if has_aggregates(connection)? => {
            let days = late_days(connection)?;
            (report.refreshed, _) = refresh(connection, &days)?;
            for &input in CandleInput::ALL {
                if let Some(levels) = Levels::read(connection, input)? {
                    drop_rows(connection, &levels, &applied, &mut report)?;
                }
            }
            drop_candles(connection, &applied, &mut report)?;
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
    for &input in CandleInput::ALL {
        let Some(time) = before(applied.of_rows(input).drop_after) else {
            continue;
        };
        let chunks = chunks_before(connection, input.table(), time)?;
        if let Some(last) = chunks.last() {
            // a writer that was about to write there has finished, or will be refused
            refuse_before(connection, input, last.range_end)?;
        }
        for (index, chunk) in chunks.iter().enumerate() {
            match downsample_and_drop(connection, input, chunk) {
                Ok(downsampled) => {
                    report.downsampled += downsampled as u64;
                    report.count_dropped(input);
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
