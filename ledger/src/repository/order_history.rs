//! The repository of copied events, fills and positions.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, PageLimit, TimeRange};

use super::outbox::AccountSequence;
use crate::domain::{AccountId, FillReport, HistoryEvent, PositionState, RecordedEvent};

/// The place of a row in the history of an account: by time, then by number, then by the time of the booking.
///
/// Numbers of an account repeat only if its metadata database was replaced by an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct HistoryKey {
    /// The time of the row.
    pub time: DateTime<Utc>,
    /// The number of the event.
    pub sequence: i64,
    /// When the event was booked.
    pub recorded_at: DateTime<Utc>,
}

impl HistoryKey {
    /// Creates a key.
    #[must_use]
    pub fn new(time: DateTime<Utc>, sequence: i64, recorded_at: DateTime<Utc>) -> Self {
        Self {
            time,
            sequence,
            recorded_at,
        }
    }
}

/// A query for the history of an account, by ascending [`HistoryKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryQuery {
    /// The account.
    pub account_id: AccountId,
    /// The range of the times of the rows; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only rows after this one.
    pub after: Option<HistoryKey>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl HistoryQuery {
    /// The first 500 rows of an account in a range.
    #[must_use]
    pub fn new(account_id: AccountId, range: TimeRange) -> Self {
        Self {
            account_id,
            range,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<HistoryKey>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// The number of events that a call wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryReceipt {
    /// Events that are new.
    pub inserted: u64,
    /// Events that were written before.
    pub duplicates: u64,
}

impl HistoryReceipt {
    /// Creates a receipt.
    #[must_use]
    pub fn new(inserted: u64, duplicates: u64) -> Self {
        Self {
            inserted,
            duplicates,
        }
    }
}

/// The copies of order events, fills and positions that can be read by time, and the position of the copying.
///
/// It records, and decides nothing: orders, fills and positions of the present are those of
/// [`LedgerRepository`](super::LedgerRepository).
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook_ledger::domain::AccountId;
/// use tickbook_ledger::memory::InMemoryOrderHistory;
/// use tickbook_ledger::repository::{AccountSequence, OrderHistoryRepository};
///
/// let history = InMemoryOrderHistory::new();
/// let account = AccountId::new(1);
/// history.write(&[], &[AccountSequence::new(account, 12)]).await?;
/// assert_eq!(history.cursors(&[account]).await?[&account], 12);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OrderHistoryRepository: Debug + Send + Sync + 'static {
    /// Returns the number of the last copied event of each of these accounts. An account without copies is absent.
    async fn cursors(
        &self,
        account_ids: &[AccountId],
    ) -> Result<BTreeMap<AccountId, i64>, RepositoryError>;

    /// Writes events, with the fills and positions that they report, and sets cursors, in one transaction.
    ///
    /// An event that is there already (account, number and time of the booking) is not written again, so a call may be
    /// repeated after any failure. A cursor may also be set to a smaller number. Of several cursors of an account the
    /// last one counts.
    async fn write(
        &self,
        events: &[HistoryEvent],
        cursors: &[AccountSequence],
    ) -> Result<HistoryReceipt, RepositoryError>;

    /// Returns a page of events, by the time of their booking.
    async fn events(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<RecordedEvent, HistoryKey>, RepositoryError>;

    /// Returns a page of reports about fills, by [`FillReport::trade_time`].
    async fn fills(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<FillReport, HistoryKey>, RepositoryError>;

    /// Returns a page of states of all positions of the account, by [`PositionState::as_of`].
    async fn positions(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<PositionState, HistoryKey>, RepositoryError>;
}
