//! In-memory ticks.

use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::events::{DeletedPart, EventStore, Listing};
use super::stored_candles::StoredCandles;
use crate::Clock;
use crate::domain::{Page, SymbolId, Tick, TickCursor, TimeRange};
use crate::error::RepositoryError;
use crate::repository::{DeletedTicks, InsertReceipt, TickQuery, TickRepository};
use crate::retention::RetentionFloor;

/// Ticks in memory. Clones share their ticks.
#[derive(Clone)]
pub struct InMemoryTickRepository {
    ticks: EventStore<Tick>,
    /// If both are locked, this is locked before the ticks.
    stored_candles: Arc<RwLock<StoredCandles>>,
}

impl Default for InMemoryTickRepository {
    fn default() -> Self {
        Self::by(Clock::system())
    }
}

impl InMemoryTickRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty repository that decides by the time of `now` at each write which ticks are too old.
    #[must_use]
    pub fn with_clock(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self::by(Clock::new(now))
    }

    pub(crate) fn by(clock: Clock) -> Self {
        Self {
            ticks: EventStore::new(clock),
            stored_candles: Arc::default(),
        }
    }

    /// Rejects ticks below `floor` from now on. Stored ticks remain. Without a call no tick is too old.
    pub fn set_floor(&self, floor: RetentionFloor) {
        self.ticks.set_floor(floor);
    }

    /// The candles that are stored next to these ticks.
    pub(super) fn stored_candles(&self) -> Arc<RwLock<StoredCandles>> {
        Arc::clone(&self.stored_candles)
    }

    /// The ticks.
    pub(super) fn store(&self) -> &EventStore<Tick> {
        &self.ticks
    }
}

impl fmt::Debug for InMemoryTickRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryTickRepository")
            .field("ticks", &self.ticks.len())
            .finish()
    }
}

impl From<DeletedPart> for DeletedTicks {
    fn from(part: DeletedPart) -> Self {
        Self {
            rest: part.rest,
            ..Self::of(part.times)
        }
    }
}

#[async_trait]
impl TickRepository for InMemoryTickRepository {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        self.ticks.insert(ticks).await
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let items = self.ticks.page(&Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.tick_time, after.sequence)),
            limit: query.limit.get(),
        });
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            TickCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.ticks.latest(symbol_id))
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        self.ticks.latest_of(symbol_ids)
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        Ok(self.ticks.last(symbol_id, at))
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.ticks.count(symbol_id, range).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        Ok(self.ticks.delete(symbol_id, range, true)?.into())
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        Ok(self.ticks.delete(symbol_id, range, false)?.into())
    }
}
