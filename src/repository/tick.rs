//! Where ticks are kept.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    InvalidTick, Page, PageLimit, SortOrder, SymbolId, Tick, TickCursor, TimeRange, setters,
};
use crate::error::RepositoryError;

use super::DeletedTicks;

/// What became of each tick of a batch.
///
/// `inserted + duplicates + conflicts.len() + rejected.len()` is the number of ticks given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct InsertReceipt {
    /// Ticks that are stored now and were not before. An unsequenced tick counts once, also where it
    /// added rows for earlier occurrences that did not come yet.
    pub inserted: u64,
    /// Ticks whose key and content were stored already, before or by an earlier tick of the batch.
    pub duplicates: u64,
    /// Ticks whose key is taken by other content; what was stored stays.
    pub conflicts: Vec<TickConflict>,
    /// Ticks that can never be stored.
    pub rejected: Vec<RejectedTick>,
}

setters!(InsertReceipt {
    set {
        /// Sets how many ticks were stored.
        inserted: u64,
        /// Sets how many ticks were stored before.
        duplicates: u64,
        /// Sets the ticks whose keys are taken.
        conflicts: Vec<TickConflict>,
        /// Sets the ticks that can never be stored.
        rejected: Vec<RejectedTick>,
    }
});

impl InsertReceipt {
    /// Adds what another batch became.
    pub fn merge(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.duplicates += other.duplicates;
        self.conflicts.extend(other.conflicts);
        self.rejected.extend(other.rejected);
    }

    /// How many ticks it speaks of.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inserted + self.duplicates + self.conflicts.len() as u64 + self.rejected.len() as u64
    }
}

/// Two ticks of one key and different content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickConflict {
    /// What is stored.
    pub stored: Tick,
    /// What came, and was not stored.
    pub refused: Tick,
}

impl TickConflict {
    /// `refused` has the key of `stored`.
    #[must_use]
    pub fn new(stored: Tick, refused: Tick) -> Self {
        Self { stored, refused }
    }
}

/// A tick that can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedTick {
    /// The tick, as it came.
    pub tick: Tick,
    /// Why, and what to send instead.
    pub reason: String,
}

impl RejectedTick {
    /// A tick that `reason` keeps out.
    #[must_use]
    pub fn new(tick: Tick, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { tick, reason }
    }

    /// A tick that breaks a rule of the domain.
    #[must_use]
    pub fn invalid(tick: &Tick, reason: InvalidTick) -> Self {
        Self {
            tick: tick.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Which ticks of one symbol to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickQuery {
    /// Whose ticks.
    pub symbol_id: SymbolId,
    /// Only those inside; `from` is inside, `to` is outside.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only those behind this one in that order: where the page before ended.
    pub after: Option<TickCursor>,
    /// How many at most.
    pub limit: PageLimit,
}

impl TickQuery {
    /// The first 500 ticks of a range, oldest first.
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

    /// Newest first.
    #[must_use]
    pub fn descending(self) -> Self {
        self.order(SortOrder::Descending)
    }
}

setters!(TickQuery {
    set {
        /// Sets the order.
        order: SortOrder,
        /// Sets how many ticks a page holds at most.
        limit: PageLimit,
    }
    into {
        /// Continues after the page whose `next` is given.
        after: Option<TickCursor>,
    }
});

/// Ticks.
///
/// Stored ticks have the form [`Tick::normalized`] gives them. Whether a symbol exists is not
/// checked: symbols live in another database. Nor is a time compared with the clock: one of 2099 is
/// stored, and is the latest. Callers that take ticks from others ask
/// [`QualityRules::refuses_time`](crate::ingest::quality::QualityRules::refuses_time) before.
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
    /// Stores ticks and says what became of each. Idempotent: a batch may be sent again.
    ///
    /// *Atomicity*: sequenced and unsequenced ticks of a batch are two parts, each of which is stored as a
    /// whole. On an error nothing is stored, except where the error is not
    /// [certainly not applied](RepositoryError::is_certainly_not_applied); then everything may be.
    /// A tick that can never be stored is rejected and does not keep the others out.
    /// *Ordering*: any. Conflicts are listed in key order, those of one key in the order given;
    /// rejections in the order given.
    /// *Duplicates*: as if the ticks came one after the other. Of several ticks of one key the first
    /// is stored, unless one is stored already; every other one is compared with what is stored and
    /// is a duplicate of it or conflicts with it. `received_at` is no content: the one stored first
    /// stays.
    /// An *unsequenced* tick of occurrence k makes the store hold at least k + 1 rows of its symbol,
    /// instant and content; rows that are missing get the sequences behind all others of the instant, in
    /// the order given. It is a duplicate where so many are stored, and never conflicts. A sequenced row
    /// counts as a row of its content.
    /// *Limits*: none; a batch is kept in memory several times over, so send some thousands.
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError>;

    /// Ticks of a range, sorted by `(tick_time, sequence)` in the order asked for.
    ///
    /// Following `next` neither skips nor repeats a tick that was there from the start, whatever
    /// arrives meanwhile. No tick is no error, nor is a symbol that does not exist.
    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError>;

    /// The newest tick of a symbol by `(tick_time, sequence)`.
    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError>;

    /// The newest tick of each symbol, by ascending symbol id; symbols without ticks are left out,
    /// a symbol given twice counts once. Costs by symbols, not by ticks.
    ///
    /// # Errors
    /// `InvalidInput` for more than 10,000 symbols.
    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError>;

    /// The tick that was the newest at `at`: the last by `(tick_time, sequence)` with
    /// `tick_time <= at`.
    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError>;

    /// How many ticks of a symbol a range holds.
    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError>;

    /// Deletes the first ticks of a range, one UTC day of them at most, and says which part of the range
    /// is left; [`delete_ticks`](super::delete_ticks) deletes all.
    ///
    /// Afterwards every candle of every timeframe is what the ticks that are left make, with what is
    /// kept of ticks that were dropped before. Candles that are stored as candles stay, and so do ticks
    /// that wait elsewhere, such as in a spool: they are stored later. A tick that was deleted may be
    /// stored again.
    ///
    /// *Atomicity*: ticks and candles change at one instant for every reader, and on an error nothing
    /// is deleted, except where the error is not
    /// [certainly not applied](RepositoryError::is_certainly_not_applied); then this part may be.
    /// Ticks that are stored beside the call may stay.
    /// *Repeating*: a call may be repeated; it finds what is left.
    ///
    /// # Errors
    /// `InvalidInput` where the range begins before a time whose ticks were dropped, or where a candle
    /// knows ticks that are missing for another reason: no candle could be recomputed there. It names the
    /// time from which ticks can be deleted. Nothing is deleted then.
    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError>;

    /// What [`delete_range`](Self::delete_range) would delete now. Changes nothing.
    ///
    /// # Errors
    /// `InvalidInput` where the range begins before a time whose ticks were dropped.
    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError>;
}
