//! The outbox: the booked events that the relay has to copy.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, PageLimit};

use crate::domain::{AccountId, HistoryEvent};

/// The place of an entry in the outbox: first by the transaction that wrote it.
///
/// Numbers alone are no order: a transaction that takes a number later may commit first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct OutboxPosition {
    /// The number of the transaction.
    pub transaction: i64,
    /// The number of the entry.
    pub id: i64,
}

impl OutboxPosition {
    /// Creates a position.
    #[must_use]
    pub fn new(transaction: i64, id: i64) -> Self {
        Self { transaction, id }
    }
}

/// Events of an account with consecutive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct EventRange {
    /// The account.
    pub account_id: AccountId,
    /// The number of the first event.
    pub first: i64,
    /// The number of the last event, inclusive.
    pub last: i64,
}

impl EventRange {
    /// The events from `first` to `last`, inclusive.
    #[must_use]
    pub fn new(account_id: AccountId, first: i64, last: i64) -> Self {
        Self {
            account_id,
            first,
            last,
        }
    }

    /// The number of events; 0 if `last` is before `first`.
    #[must_use]
    pub fn count(&self) -> i64 {
        (self.last - self.first + 1).max(0)
    }
}

/// The ranges by account and number, joined where they overlap or touch, without empty ones.
pub(crate) fn merged_ranges(ranges: &[EventRange]) -> Vec<EventRange> {
    let mut sorted: Vec<_> = ranges.iter().filter(|it| it.count() > 0).copied().collect();
    sorted.sort_unstable();
    let mut merged: Vec<EventRange> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if last.account_id == range.account_id && range.first <= last.last + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// The events that one call of [`append`](super::LedgerRepository::append) booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxEntry {
    /// The place in the outbox.
    pub position: OutboxPosition,
    /// The events.
    pub events: EventRange,
    /// When they were booked.
    pub recorded_at: DateTime<Utc>,
}

impl OutboxEntry {
    /// Creates an entry.
    #[must_use]
    pub fn new(position: OutboxPosition, events: EventRange, recorded_at: DateTime<Utc>) -> Self {
        Self {
            position,
            events,
            recorded_at,
        }
    }
}

/// An account and the number of one of its events, or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct AccountSequence {
    /// The account.
    pub account_id: AccountId,
    /// The number of the event.
    pub sequence: i64,
}

impl AccountSequence {
    /// Creates a pair.
    #[must_use]
    pub fn new(account_id: AccountId, sequence: i64) -> Self {
        Self {
            account_id,
            sequence,
        }
    }
}

/// The entries that wait in the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxBacklog {
    /// When the events of the first entry were booked; `None` without entries.
    pub oldest: Option<DateTime<Utc>>,
    /// When the oldest open transaction began, if it holds back an entry; `None` if no entry is held back.
    pub held_since: Option<DateTime<Utc>>,
}

impl OutboxBacklog {
    /// Creates a backlog.
    #[must_use]
    pub fn new(oldest: Option<DateTime<Utc>>, held_since: Option<DateTime<Utc>>) -> Self {
        Self { oldest, held_since }
    }
}

/// The booked events that have to be copied, and the journal to read them from.
///
/// Each call of [`append`](super::LedgerRepository::append) that books an event adds an entry in its transaction. The
/// journal keeps all events; entries are removed when their events are copied.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::domain::{PageLimit, SymbolId};
/// use tickbook_ledger::domain::{
///     AccountScope, Currency, Environment, NewAccount, OrderEvent, OrderEventKind, OrderId, OrderTerms, Side, TenantId,
///     Venue,
/// };
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::repository::{AccountRepository, LedgerRepository, OutboxRepository};
///
/// let store = InMemoryLedger::new();
/// let scope = AccountScope::all();
/// let (venue, usd) = (Venue::new("kraken")?, Currency::new("USD")?);
/// let terms = NewAccount::new(TenantId::new(1), "main", venue, Environment::Live, usd);
/// let id = store.create(&scope, terms).await?.account_id;
/// let terms = OrderTerms::market(SymbolId::new(7), Side::Buy, None);
/// let created = OrderEvent::new(OrderId::new("a-1")?, OrderEventKind::Created(Box::new(terms)));
/// store.append(&scope, id, &[created], None).await?;
///
/// let entries = store.entries(PageLimit::default()).await?;
/// assert_eq!((entries[0].events.first, entries[0].events.last), (1, 1));
/// let events = OutboxRepository::events(&store, &[entries[0].events]).await?;
/// assert_eq!(events.len(), 1);
/// store.trim(entries[0].position).await?;
/// assert!(store.entries(PageLimit::default()).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OutboxRepository: Debug + Send + Sync + 'static {
    /// Returns the first entries, by ascending position. An entry is returned only when no open transaction can commit
    /// an entry before it, so nothing is committed at or below a returned position later.
    async fn entries(&self, limit: PageLimit) -> Result<Vec<OutboxEntry>, RepositoryError>;

    /// Returns the events of these ranges that are in the journal, by account and number. An account of two ranges that
    /// overlap has each event once.
    async fn events(&self, ranges: &[EventRange]) -> Result<Vec<HistoryEvent>, RepositoryError>;

    /// Returns a page of all accounts with the number of their last event, by ascending id.
    async fn heads(
        &self,
        after: Option<AccountId>,
        limit: PageLimit,
    ) -> Result<Page<AccountSequence, AccountId>, RepositoryError>;

    /// Removes the entries up to `position`, inclusive, and returns their number. `position` is that of an entry that
    /// [`entries`](Self::entries) returned.
    async fn trim(&self, position: OutboxPosition) -> Result<u64, RepositoryError>;

    /// Returns the age of the backlog.
    async fn backlog(&self) -> Result<OutboxBacklog, RepositoryError>;
}
