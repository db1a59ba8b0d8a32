//! The end of an interval that a program left open.

use chrono::TimeDelta;

use crate::domain::book::{BookInterval, EndReason};
use crate::domain::{PageLimit, SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, OrderBookRepository,
};

/// Ends the newest interval of a symbol if it is open, as a program leaves it that ended without
/// [`BookRecorder::stop`](super::BookRecorder::stop). Returns the closed interval.
///
/// The book is known up to and including its last stored row. Call this before a new recorder of the symbol starts,
/// and after the spool of the last one was stored ([`Persister::flush`](crate::ingest::Persister::flush)).
///
/// # Errors
/// The errors of the repository.
pub async fn end_interrupted(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
) -> Result<Option<BookInterval>, RepositoryError> {
    let one = PageLimit::new(1).map_err(RepositoryError::invalid)?;
    let query = BookIntervalQuery::new(symbol_id, TimeRange::all());
    let newest = books.intervals(&query.descending().limit(one)).await?;
    let newest = newest.items.into_iter().next();
    let Some(open) = newest.filter(|interval| interval.end.is_none()) else {
        return Ok(None);
    };
    let since = TimeRange::new(open.valid_from, TimeRange::all().end());
    let since = since.map_err(RepositoryError::invalid)?;
    let query = BookSnapshotQuery::new(symbol_id, since).depth(1);
    let snapshots = books.snapshots(&query.descending().limit(one)).await?;
    let query = BookUpdateQuery::new(symbol_id, since);
    let updates = books.updates(&query.descending().limit(one)).await?;
    let of_snapshot = snapshots.items.first().map(|it| it.snapshot_time);
    let of_update = updates.items.first().map(|it| it.update_time);
    let last = of_snapshot.max(of_update);
    // the end is exclusive
    let at = last.map_or(open.valid_from, |last| last + TimeDelta::microseconds(1));
    let closed = open.closed(at, EndReason::Stopped);
    books.put_intervals(&[closed]).await?;
    Ok(Some(closed))
}
