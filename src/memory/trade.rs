//! In-memory trades.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::events::{DeletedPart, EventStore, Listing};
use super::trade_corrections::TradeCorrections;
use crate::Clock;
use crate::domain::{
    Page, SymbolId, TimeRange, Trade, TradeCorrection, TradeCursor, truncate_to_micros,
};
use crate::error::RepositoryError;
use crate::repository::{
    CorrectionId, CorrectionQuery, CorrectionReceipt, DeletedTrades, InsertReceipt,
    RecordedCorrection, TradeQuery, TradeRepository,
};
use crate::retention::RetentionFloor;

/// Trades in memory. Clones share their trades.
#[derive(Clone)]
pub struct InMemoryTradeRepository {
    trades: EventStore<Trade>,
    corrections: TradeCorrections,
    clock: Clock,
}

impl Default for InMemoryTradeRepository {
    fn default() -> Self {
        Self::by(Clock::system())
    }
}

impl InMemoryTradeRepository {
    /// Creates an empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty repository that decides by the time of `now` at each write which trades are too old.
    #[must_use]
    pub fn with_clock(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self::by(Clock::new(now))
    }

    /// Rejects trades below `floor` from now on. Stored trades remain. Without a call no trade is too old.
    pub fn set_floor(&self, floor: RetentionFloor) {
        self.trades.set_floor(floor);
    }

    pub(crate) fn by(clock: Clock) -> Self {
        Self {
            trades: EventStore::new(clock.clone()),
            corrections: TradeCorrections::default(),
            clock,
        }
    }

    /// The trades.
    pub(super) fn store(&self) -> &EventStore<Trade> {
        &self.trades
    }
}

impl fmt::Debug for InMemoryTradeRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryTradeRepository")
            .field("trades", &self.trades.len())
            .finish()
    }
}

impl From<DeletedPart> for DeletedTrades {
    fn from(part: DeletedPart) -> Self {
        Self {
            rest: part.rest,
            ..Self::of(part.times)
        }
    }
}

#[async_trait]
impl TradeRepository for InMemoryTradeRepository {
    async fn insert_batch(
        &self,
        trades: &[Trade],
    ) -> Result<InsertReceipt<Trade>, RepositoryError> {
        let mut receipt = self.trades.insert(trades).await?;
        let corrections = &self.corrections;
        corrections.settle_batch(trades, &mut receipt, &self.trades);
        Ok(receipt)
    }

    async fn range(&self, query: &TradeQuery) -> Result<Page<Trade, TradeCursor>, RepositoryError> {
        let items = self.trades.page(&Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.trade_time, after.sequence)),
            limit: query.limit.get(),
        });
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            TradeCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Trade>, RepositoryError> {
        Ok(self.trades.latest(symbol_id))
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Trade>, RepositoryError> {
        self.trades.latest_of(symbol_ids)
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Trade>, RepositoryError> {
        Ok(self.trades.last(symbol_id, at))
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.trades.count(symbol_id, range).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError> {
        Ok(self.trades.delete(symbol_id, range, true)?.into())
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError> {
        Ok(self.trades.delete(symbol_id, range, false)?.into())
    }

    async fn correct(
        &self,
        corrections: &[TradeCorrection],
    ) -> Result<CorrectionReceipt, RepositoryError> {
        let now = truncate_to_micros(self.clock.now());
        self.corrections.record(corrections, &self.trades, now)
    }

    async fn corrections(
        &self,
        query: &CorrectionQuery,
    ) -> Result<Page<RecordedCorrection, CorrectionId>, RepositoryError> {
        Ok(self.corrections.page(query))
    }
}
