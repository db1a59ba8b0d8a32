//! Deletion of order books in parts.

use chrono::{DateTime, Utc};

use super::OrderBookRepository;
use super::delete::{TimeSpan, patiently};
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;

/// The numbers of deleted rows of the book of one symbol. Of a dry run, the numbers that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeletedBooks {
    /// The number of snapshots.
    pub snapshots: u64,
    /// The number of updates.
    pub updates: u64,
    /// The times of the first and the last deleted row.
    pub span: Option<TimeSpan>,
    /// The rest of the given range, to be passed to the next call. `None` if nothing is left.
    pub rest: Option<TimeRange>,
}

impl DeletedBooks {
    /// Counts snapshots and updates with these times, in any order.
    pub(crate) fn of(snapshots: &[DateTime<Utc>], updates: &[DateTime<Utc>]) -> Self {
        let times = snapshots.iter().chain(updates);
        let spans = times.map(|time| Some(TimeSpan::new(*time, *time)));
        Self {
            snapshots: snapshots.len() as u64,
            updates: updates.len() as u64,
            span: spans.fold(None, TimeSpan::joined),
            rest: None,
        }
    }

    /// Adds the result of the next part.
    pub fn merge(&mut self, next: Self) {
        self.snapshots += next.snapshots;
        self.updates += next.updates;
        self.span = TimeSpan::joined(self.span, next.span);
        self.rest = next.rest;
    }
}

/// Deletes all snapshots and updates of a range in parts, as
/// [`delete_range`](OrderBookRepository::delete_range) describes. Calls `progress` with each deleted part.
///
/// If another session blocks the deletion of a part, the part is retried for some time.
///
/// # Errors
/// The errors of [`delete_range`](OrderBookRepository::delete_range). Parts that were passed to `progress` remain
/// deleted. The call may be repeated.
pub async fn delete_books(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
    range: TimeRange,
    mut progress: impl FnMut(&DeletedBooks),
) -> Result<DeletedBooks, RepositoryError> {
    let mut all = DeletedBooks::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        let part = patiently(|| books.delete_range(symbol_id, range)).await?;
        progress(&part);
        all.merge(part);
        rest = all.rest;
    }
    Ok(all)
}

/// Returns what [`delete_books`] would delete now.
///
/// # Errors
/// The errors of [`deletable`](OrderBookRepository::deletable).
pub async fn deletable_books(
    books: &dyn OrderBookRepository,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedBooks, RepositoryError> {
    let mut all = DeletedBooks::default();
    let mut rest = Some(range);
    while let Some(range) = rest {
        all.merge(books.deletable(symbol_id, range).await?);
        rest = all.rest;
    }
    Ok(all)
}
