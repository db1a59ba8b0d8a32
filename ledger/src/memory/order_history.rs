//! The order history in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, TimeRange};

use crate::domain::{AccountId, FillReport, HistoryEvent, PositionState, RecordedEvent};
use crate::repository::{
    AccountSequence, HistoryKey, HistoryQuery, HistoryReceipt, OrderHistoryRepository,
};

/// Copied events, fills and positions in memory. Clones share them.
#[derive(Clone, Default)]
pub struct InMemoryOrderHistory {
    content: Arc<RwLock<Content>>,
}

/// An event: the account, the time of the booking, the number.
type EventKey = (AccountId, DateTime<Utc>, i64);

#[derive(Default)]
struct Content {
    events: BTreeMap<EventKey, HistoryEvent>,
    cursors: BTreeMap<AccountId, i64>,
}

impl InMemoryOrderHistory {
    /// Creates an empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // a writer changes the content in one step that cannot panic halfway
    fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn content_mut(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reports about fills of an account within a range, by the time of their booking.
    pub(super) fn fill_reports(&self, account_id: AccountId, range: TimeRange) -> Vec<FillReport> {
        let content = self.content();
        let of_account = content.events.values();
        let of_account = of_account.filter(|event| event.account_id == account_id);
        let reports = of_account.filter_map(HistoryEvent::fill_report);
        reports
            .filter(|report| range.contains(report.trade_time))
            .collect()
    }

    /// The rows of an account that `row` makes of its events.
    fn page<T>(
        &self,
        query: &HistoryQuery,
        row: impl Fn(&HistoryEvent) -> Option<T>,
        key: impl Fn(&T) -> HistoryKey,
    ) -> Page<T, HistoryKey> {
        let content = self.content();
        let first = (query.account_id, DateTime::<Utc>::MIN_UTC, i64::MIN);
        let of_account = content.events.range(first..);
        let of_account = of_account.take_while(|((id, _, _), _)| *id == query.account_id);
        let rows = of_account.filter_map(|(_, event)| row(event));
        let mut rows: Vec<T> = rows
            .filter(|row| {
                let key = key(row);
                query.range.contains(key.time) && query.after.is_none_or(|after| key > after)
            })
            .collect();
        rows.sort_by_key(&key);
        rows.truncate(query.limit.get() + 1);
        Page::from_limit_plus_one(rows, query.limit, key)
    }
}

impl fmt::Debug for InMemoryOrderHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryOrderHistory")
            .field("events", &self.content().events.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OrderHistoryRepository for InMemoryOrderHistory {
    async fn cursors(
        &self,
        account_ids: &[AccountId],
    ) -> Result<BTreeMap<AccountId, i64>, RepositoryError> {
        let content = self.content();
        let found = account_ids.iter();
        let found = found.filter_map(|id| Some((*id, *content.cursors.get(id)?)));
        Ok(found.collect())
    }

    async fn write(
        &self,
        events: &[HistoryEvent],
        cursors: &[AccountSequence],
    ) -> Result<HistoryReceipt, RepositoryError> {
        let mut content = self.content_mut();
        let before = content.events.len();
        for event in events {
            let recorded = &event.recorded;
            let key = (event.account_id, recorded.recorded_at, recorded.sequence);
            content.events.entry(key).or_insert_with(|| event.clone());
        }
        for cursor in cursors {
            content.cursors.insert(cursor.account_id, cursor.sequence);
        }
        let inserted = content.events.len() - before;
        let duplicates = events.len() - inserted;
        Ok(HistoryReceipt::new(inserted as u64, duplicates as u64))
    }

    async fn events(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<RecordedEvent, HistoryKey>, RepositoryError> {
        Ok(self.page(
            query,
            |event| Some(event.recorded.clone()),
            |it| HistoryKey::new(it.recorded_at, it.sequence, it.recorded_at),
        ))
    }

    async fn fills(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<FillReport, HistoryKey>, RepositoryError> {
        Ok(self.page(query, HistoryEvent::fill_report, |it| {
            HistoryKey::new(it.trade_time, it.sequence, it.recorded_at)
        }))
    }

    async fn positions(
        &self,
        query: &HistoryQuery,
    ) -> Result<Page<PositionState, HistoryKey>, RepositoryError> {
        Ok(self.page(query, HistoryEvent::position_state, |it| {
            HistoryKey::new(it.as_of, it.sequence, it.recorded_at)
        }))
    }
}
