//! The tick repository.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{Page, PageLimit, SortOrder, SymbolId, Tick, TickCursor, TimeRange, setters};
use crate::error::RepositoryError;

use super::{DeletedTicks, InsertReceipt};

/// A query for ticks of one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickQuery {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The range of tick times; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Returns only ticks after this one in that order: the last tick of the previous page.
    pub after: Option<TickCursor>,
    /// The largest number of ticks to return.
    pub limit: PageLimit,
}

impl TickQuery {
    /// A query for the first 500 ticks of a range, oldest first.
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

setters!(TickQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets the largest number of ticks of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<TickCursor>,
    }
});

/// Stores and reads ticks.
///
/// Stored ticks have the form of [`Tick::normalized`]. The repository does not check that a symbol exists,
/// because symbols are in another database. Nor does it compare times with the clock: a tick of 2099 is
/// stored and is then the latest. Callers that accept ticks from others should call
/// [`QualityRules::refuses_time`](crate::ingest::quality::QualityRules::refuses_time) first.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chrono::{TimeDelta, Utc};
/// use tickbook::Repositories;
/// use tickbook::domain::{SymbolId, Tick, TimeRange};
/// use tickbook::repository::TickQuery;
///
/// let ticks = Repositories::in_memory().ticks;
/// let (symbol, now) = (SymbolId::new(7), Utc::now());
/// let tick = Tick::quote(symbol, now, 1.into(), 2.into());
/// let receipt = ticks.insert_batch(&[tick.clone()]).await?;
/// assert_eq!(receipt.inserted, 1);
/// // a batch may be sent again
/// let receipt = ticks.insert_batch(&[tick]).await?;
/// assert_eq!((receipt.inserted, receipt.duplicates), (0, 1));
///
/// let last_hour = TimeRange::new(now - TimeDelta::hours(1), now + TimeDelta::seconds(1))?;
/// let page = ticks.range(&TickQuery::new(symbol, last_hour)).await?;
/// assert_eq!((page.items.len(), page.next), (1, None));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TickRepository: Debug + Send + Sync + 'static {
    /// Stores ticks and returns the result of each. Idempotent: a batch may be sent again.
    ///
    /// *Atomicity*: the sequenced and the unsequenced ticks of a batch are two parts, and each part is
    /// stored as a whole. If an error is [certainly not
    /// applied](RepositoryError::is_certainly_not_applied), nothing is stored; after any other error
    /// everything may be stored. A tick that can never be stored is rejected and does not prevent the
    /// others. *Ordering*: any. Conflicts are listed in key order, conflicts of one key in the given
    /// order; rejections are listed in the given order. *Duplicates*: as if the ticks were given one
    /// after the other. If the key of several ticks is free, the first of them is stored. Each of the
    /// others is compared with the stored tick and is a duplicate or a conflict. `received_at` is not
    /// part of the content; the stored value does not change. An *unsequenced* tick of occurrence k makes
    /// the store hold at least k + 1 rows of its symbol, instant and content. Missing rows get sequences
    /// after all others of the instant, in the given order. The tick is a duplicate if that many rows are
    /// stored, and it never conflicts. A sequenced row counts as a row of its content. *Limits*: none. A
    /// batch is copied several times in memory, so send some thousands of ticks per call.
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError>;

    /// Returns ticks of a range, sorted by `(tick_time, sequence)` in the requested order.
    ///
    /// Following `next` neither skips nor repeats a tick that existed from the start, regardless of
    /// concurrent writes. An empty result is not an error, nor is an unknown symbol.
    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError>;

    /// Returns the newest tick of a symbol by `(tick_time, sequence)`.
    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError>;

    /// Returns the newest tick of each symbol, by ascending symbol id. Symbols without ticks are omitted, and
    /// duplicate symbols count once. The cost depends on the number of symbols, not of ticks.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 symbols.
    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError>;

    /// Returns the newest tick at the time `at`: the last one by `(tick_time, sequence)` with `tick_time <=
    /// at`.
    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError>;

    /// Returns the number of ticks of a symbol in a range.
    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError>;

    /// Deletes the first ticks of a range, at most one UTC day of them, and returns the rest of the range.
    /// [`delete_ticks`](super::delete_ticks) deletes the whole range.
    ///
    /// Afterwards every candle of every timeframe matches the remaining ticks, together with the retained
    /// candles of ticks that were dropped before. Stored candles remain, and so do ticks that are not in the
    /// database yet, for example in a spool: they are stored later. A deleted tick may be stored again.
    ///
    /// *Atomicity*: ticks and candles change at the same instant for every reader. If an error is
    /// [certainly not applied](RepositoryError::is_certainly_not_applied), nothing is deleted; after any
    /// other error this part may be deleted. Ticks that are stored concurrently may remain. *Repeating*:
    /// a call may be repeated; it deletes the remaining ticks.
    ///
    /// # Errors
    /// `InvalidInput` if the range begins before a time whose ticks were dropped, or if a candle contains
    /// ticks that are missing for another reason: such candles could not be recomputed. The message names the
    /// time from which ticks can be deleted. Nothing is deleted in this case.
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError>;

    /// Returns what [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    ///
    /// # Errors
    /// `InvalidInput` if the range begins before a time whose ticks were dropped.
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError>;
}
