//! The order-book repository.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate, MAX_STORED_LEVELS};
use crate::domain::{BookCursor, Page, PageLimit, SortOrder, SymbolId, TimeRange, setters};
use crate::error::RepositoryError;

use super::{DeletedBooks, InsertReceipt};

/// The largest sum of the depths of the snapshots of a page, so that a page of deep books stays small.
const MAX_PAGE_LEVELS: usize = 200_000;

/// A query for snapshots of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookSnapshotQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The range of snapshot times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only snapshots after this one in that order: the last snapshot of the previous page.
    pub after: Option<BookCursor>,
    /// The largest number of snapshots to return.
    pub limit: PageLimit,
    /// The largest number of levels of each side, 1 to [`MAX_STORED_LEVELS`].
    pub depth: usize,
}

impl BookSnapshotQuery {
    /// A query for the first snapshots of a range with all levels, oldest first.
    #[must_use]
    pub fn new(symbol_id: SymbolId, range: TimeRange) -> Self {
        Self {
            symbol_id,
            range,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
            depth: MAX_STORED_LEVELS,
        }
    }

    /// Sets the order to newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }

    /// The largest number of snapshots of a page: [`limit`](Self::limit), and at most 200,000 divided by
    /// [`depth`](Self::depth).
    #[must_use]
    pub fn page_limit(&self) -> PageLimit {
        let by_depth = MAX_PAGE_LEVELS / self.depth.clamp(1, MAX_STORED_LEVELS);
        // at least 200, which is a limit
        let by_depth = u32::try_from(by_depth).ok().map(PageLimit::new);
        match by_depth {
            Some(Ok(by_depth)) if by_depth.get() < self.limit.get() => by_depth,
            _ => self.limit,
        }
    }
}

setters!(BookSnapshotQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of snapshots of a page.
        limit: PageLimit,
        /// Sets the largest number of levels of each side.
        depth: usize,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<BookCursor>,
    }
});

/// A query for updates of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookUpdateQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The range of update times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only updates after this one in that order: the last update of the previous page.
    pub after: Option<BookCursor>,
    /// The largest number of updates to return.
    pub limit: PageLimit,
}

impl BookUpdateQuery {
    /// A query for the first 500 updates of a range, oldest first.
    #[must_use]
    pub fn new(symbol_id: SymbolId, range: TimeRange) -> Self {
        Self {
            symbol_id,
            range,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Sets the order to newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(BookUpdateQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of updates of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<BookCursor>,
    }
});

/// A query for intervals of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BookIntervalQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// Returns intervals that have an instant in this range, or begin in it.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only intervals after the one with this start, in that order.
    pub after: Option<DateTime<Utc>>,
    /// The largest number of intervals to return.
    pub limit: PageLimit,
}

impl BookIntervalQuery {
    /// A query for the first 500 intervals that overlap a range, oldest first.
    #[must_use]
    pub fn new(symbol_id: SymbolId, range: TimeRange) -> Self {
        Self {
            symbol_id,
            range,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Sets the order to newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(BookIntervalQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of intervals of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<DateTime<Utc>>,
    }
});

/// Stores and reads snapshots and updates of order books, and the intervals in which the books were valid.
///
/// Stored rows have the form of [`BookSnapshot::normalized`], [`BookUpdate::normalized`] and
/// [`BookInterval::normalized`]. The repository does not check that a symbol exists, because symbols are in
/// another database. A symbol has one book: the rows of one feed.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::SymbolId;
/// use tickbook::domain::book::{BookInterval, BookSnapshot, BookUpdate, PriceLevel};
///
/// let books = Repositories::in_memory().books;
/// let (symbol, start) = (SymbolId::new(7), Utc::now());
/// let level = |price: i64, quantity: i64| PriceLevel::new(price.into(), quantity.into());
/// let snapshot = BookSnapshot::new(symbol, start, "kraken").with_bids(vec![level(99, 5)]);
/// let update = BookUpdate::new(symbol, start + TimeDelta::milliseconds(20)).with_bids(vec![level(99, 0)]);
/// books.put_intervals(&[BookInterval::open(symbol, start)]).await?;
/// books.insert_snapshots(&[snapshot]).await?;
/// books.insert_updates(&[update]).await?;
///
/// let book = books.book_at(symbol, start + TimeDelta::seconds(1)).await?;
/// assert!(book.is_some_and(|book| book.bids.is_empty()), "no liquidity");
/// let before = books.book_at(symbol, start - TimeDelta::seconds(1)).await?;
/// assert_eq!(before, None, "not known");
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OrderBookRepository: Debug + Send + Sync + 'static {
    /// Stores snapshots and returns the result of each. Idempotent: a batch may be sent again.
    ///
    /// *Atomicity*, *ordering*, *duplicates* and *limits*: as
    /// [`TickRepository::insert_batch`](super::TickRepository::insert_batch). The content of a snapshot is all
    /// fields besides its [`BookKey`](crate::domain::book::BookKey).
    async fn insert_snapshots(
        &self,
        snapshots: &[BookSnapshot],
    ) -> Result<InsertReceipt<BookSnapshot>, RepositoryError>;

    /// Stores updates and returns the result of each, as [`insert_snapshots`](Self::insert_snapshots) does.
    async fn insert_updates(
        &self,
        updates: &[BookUpdate],
    ) -> Result<InsertReceipt<BookUpdate>, RepositoryError>;

    /// Stores intervals, and closes open ones. Idempotent: a batch may be sent again.
    ///
    /// An interval with a new start is inserted. A closed interval closes the stored open one with its start,
    /// and counts as inserted too. An open interval whose start is stored, and one that equals the stored one,
    /// is a duplicate. An interval with another end than the stored one is a conflict, with two exceptions:
    ///
    /// - The stored one is the last of its symbol and ended with the reason
    ///   [`Stopped`](crate::domain::book::EndReason::Stopped): a recorder knew the book until then, and another one
    ///   that received the same snapshot may know it for longer. An open interval opens it again, a later end replaces
    ///   its end, and both count as inserted. An earlier end with this reason is a duplicate.
    /// - The stored one ended because rows were [deleted](Self::delete_range): the given one is a duplicate, and closes
    ///   the open interval that the deletion left behind.
    ///
    /// *Atomicity*: all intervals are stored, or none, except for the rejected ones. *Ordering*: the intervals
    /// of a batch are applied in the given order.
    async fn put_intervals(
        &self,
        intervals: &[BookInterval],
    ) -> Result<InsertReceipt<BookInterval>, RepositoryError>;

    /// Returns the newest snapshot at the time `at`, with at most `depth` levels of each side: the last one by
    /// `(snapshot_time, sequence)` with `snapshot_time <= at`. The book may have changed, or become stale,
    /// between the snapshot and `at`; see [`book_at`](Self::book_at).
    ///
    /// # Errors
    /// `InvalidInput` for a depth of 0 or above 1,000.
    async fn snapshot_as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
        depth: usize,
    ) -> Result<Option<BookSnapshot>, RepositoryError>;

    /// Returns the book at the time `at`: the newest snapshot at or before it, with all later updates up to and
    /// including `at`. The result has the time and sequence of the last row that was applied, and the depth of
    /// the snapshot. If no updates are stored, it is the newest snapshot.
    ///
    /// `None` if the book is not known: no interval contains `at`, or the last interval that begins by `at` has no
    /// snapshot yet. A book without levels was known to have no liquidity.
    ///
    /// # Errors
    /// `Data` if a stored update crosses the book.
    async fn book_at(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<BookSnapshot>, RepositoryError>;

    /// Returns snapshots of a range, sorted by `(snapshot_time, sequence)` in the requested order. A page has at
    /// most [`page_limit`](BookSnapshotQuery::page_limit) snapshots.
    ///
    /// Following `next` neither skips nor repeats a snapshot that existed from the start, regardless of
    /// concurrent writes. An empty result is not an error, nor is an unknown symbol.
    ///
    /// # Errors
    /// `InvalidInput` for a depth of 0 or above 1,000.
    async fn snapshots(
        &self,
        query: &BookSnapshotQuery,
    ) -> Result<Page<BookSnapshot, BookCursor>, RepositoryError>;

    /// Returns updates of a range, sorted by `(update_time, sequence)` in the requested order; otherwise as
    /// [`snapshots`](Self::snapshots).
    async fn updates(
        &self,
        query: &BookUpdateQuery,
    ) -> Result<Page<BookUpdate, BookCursor>, RepositoryError>;

    /// Returns the intervals that have an instant in a range, or begin in it, sorted by start in the requested
    /// order. The cursor is the start of the last one.
    async fn intervals(
        &self,
        query: &BookIntervalQuery,
    ) -> Result<Page<BookInterval, DateTime<Utc>>, RepositoryError>;

    /// Deletes the first snapshots and updates of a range, at most one UTC day of them, and returns the rest of
    /// the range. [`delete_books`](super::delete_books) deletes the whole range.
    ///
    /// Intervals lose the time from the first to the last deleted row, so that no book is computed from an
    /// incomplete set of updates: from the last deleted row on, the book is not known until its next snapshot.
    ///
    /// *Atomicity* and *repeating*: as [`TradeRepository::delete_range`](super::TradeRepository::delete_range).
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError>;

    /// Returns what [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError>;
}
