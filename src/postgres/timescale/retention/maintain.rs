//! The work that is due.

use crate::db::DbError;
use crate::db::TimeseriesDb;
use crate::error::{Database, RepositoryError};
use crate::postgres::timescale::edition::{Edition, detect_edition};
use crate::postgres::timescale::invalidations::{empty_change_log, waiting_changes};
use crate::retention::RefreshWindow;
use diesel::PgConnection;

use super::drop_candles::drop_candles;
use super::drop_ticks::drop_ticks;
use super::floor::refuse_before;
use super::present::{AppliedPolicies, applied, now};
use super::refresh::{DirtyWindows, dirty_days, dirty_windows, has_aggregates, refresh};
use super::seal::{BlockedChunk, Chunk, chunks_before, drop_stored_candles, seal_and_drop};
use super::settled::Levels;
use super::try_lock;

/// Whether there was anything to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaintenanceState {
    /// All that was due was done.
    #[default]
    Done,
    /// Policies have never been applied: nothing is ever due.
    NotApplied,
    /// Another process is at it.
    Busy,
}

/// What was old enough to go and stays until the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftChunk {
    /// The table and the name of its chunk, or up to which time.
    pub chunk: String,
    /// Why.
    pub reason: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MaintenanceReport {
    /// Whether there was anything to look for.
    pub state: MaintenanceState,
    /// Candles that were refreshed, since ticks came late.
    pub refreshed: Vec<RefreshWindow>,
    /// Candles that were stored before their ticks went.
    pub sealed: u64,
    /// Chunks of ticks that went.
    pub dropped_ticks: u64,
    /// Chunks of candles that went.
    pub dropped_candles: u64,
    /// What should have gone and is tried again by the next run; later chunks of the same table stay
    /// as well.
    pub left: Vec<LeftChunk>,
    /// Chunks that could not be dropped, at most one of ticks and one of candles: they keep all
    /// later ones from being dropped until somebody sees to it.
    pub blocked: Vec<BlockedChunk>,
    /// What still waits for a refresh.
    pub dirty: DirtyWindows,
    /// Changes of ticks that wait for a refresh, old and new.
    pub waiting_changes: u64,
}

/// Does what is due by the policies that were applied, and no job of the database does: refreshes
/// days whose ticks came late (Community edition); drops old ticks, when their candles are known to
/// have all of them (Community edition) or with the candles of one minute stored (Apache edition);
/// drops old candles.
///
/// May run at any time, in several processes at once: one does it. Writers of ticks of more than an
/// hour ago wait for a moment, others never.
///
/// # Errors
/// Those of any call on a database; what was done before stays done. A chunk that cannot be dropped
/// is no error and stands in the report.
pub async fn maintain(db: &TimeseriesDb) -> Result<MaintenanceReport, RepositoryError> {
    db.run_dedicated("maintain", run).await
}

fn run(connection: &mut PgConnection) -> Result<MaintenanceReport, DbError> {
    let mut report = MaintenanceReport::default();
    let is_ours = try_lock(connection)?;
    if is_ours {
        empty_change_log(connection)?;
    }
    let Some(applied) = applied(connection)? else {
        report.state = MaintenanceState::NotApplied;
        return Ok(report);
    };
    if !is_ours {
        report.state = MaintenanceState::Busy;
        report.dirty = dirty_windows(connection)?;
        report.waiting_changes = waiting_changes(connection)?;
        return Ok(report);
    }
    match detect_edition(connection)?.edition {
        Edition::Community if has_aggregates(connection)? => {
            let days = dirty_days(connection)?;
            (report.refreshed, _) = refresh(connection, &days)?;
            if let Some(levels) = Levels::read(connection)? {
                drop_ticks(connection, &levels, &applied, &mut report)?;
                drop_candles(connection, &applied, &mut report)?;
            }
        }
        Edition::Community => {}
        Edition::Apache => drop_old(connection, &applied, &mut report)?,
    }
    report.dirty = dirty_windows(connection)?;
    report.waiting_changes = waiting_changes(connection)?;
    Ok(report)
}

fn drop_old(
    connection: &mut PgConnection,
    applied: &AppliedPolicies,
    report: &mut MaintenanceReport,
) -> Result<(), DbError> {
    let now = now(connection)?;
    let before = |drop_after: Option<crate::retention::Span>| Some(now - drop_after?.delta());
    if let Some(time) = before(applied.floor.drop_after) {
        let chunks = chunks_before(connection, "ticks", time)?;
        if let Some(last) = chunks.last() {
            // whoever was about to write there has, or will be refused
            refuse_before(connection, last.range_end)?;
        }
        for (index, chunk) in chunks.iter().enumerate() {
            match seal_and_drop(connection, chunk) {
                Ok(sealed) => {
                    report.sealed += sealed as u64;
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

/// The first of `chunks` as what blocks the others, which must not go before it; the error where the
/// database is away.
fn blocked(chunks: &[Chunk], error: DbError) -> Result<BlockedChunk, DbError> {
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
