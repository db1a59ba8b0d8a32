//! Test doubles of repositories: they implement some calls themselves and pass the others to another
//! repository.

// each test file uses what it needs
#![allow(dead_code)]

use std::fmt::Debug;
use std::ops::Deref;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{
    Candle, CandleCursor, Page, PriceBasis, SymbolId, Tick, TickCursor, TimeRange, Timeframe,
};
use tickbook::repository::{
    CandleQuery, DeletedCandles, DeletedTicks, InsertReceipt, OhlcRepository, QuarantineEntry,
    QuarantineId, QuarantineQuery, QuarantineRepository, QuarantinedTick, Resolution,
    RestoredCandles, TickQuery, TickRepository,
};

/// The calls on ticks that a double implements itself.
#[async_trait]
pub(crate) trait TickCalls: Debug + Send + Sync + 'static {
    /// The repository for all other calls. Without it no other call may be made.
    fn ticks_behind(&self) -> &dyn TickRepository {
        unreachable!("{self:?} is not asked for that")
    }

    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        self.ticks_behind().insert_batch(ticks).await
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        self.ticks_behind().range(query).await
    }
}

/// The calls on candles that a double implements itself.
#[async_trait]
pub(crate) trait CandleCalls: Debug + Send + Sync + 'static {
    /// The repository for all other calls. Without it no other call may be made.
    fn candles_behind(&self) -> &dyn OhlcRepository {
        unreachable!("{self:?} is not asked for that")
    }

    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        self.candles_behind().candles(query).await
    }
}

/// The calls on the quarantine that a double implements itself.
#[async_trait]
pub(crate) trait QuarantineCalls: Debug + Send + Sync + 'static {
    /// The repository for all other calls. Without it no other call may be made.
    fn quarantine_behind(&self) -> &dyn QuarantineRepository<Tick> {
        unreachable!("{self:?} is not asked for that")
    }

    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        self.quarantine_behind().put(ticks).await
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError> {
        self.quarantine_behind().list(query).await
    }
}

/// A repository whose calls `T` implements or passes on.
#[derive(Debug, Default)]
pub(crate) struct Double<T>(pub(crate) T);

impl<T> Deref for Double<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[async_trait]
impl<T: TickCalls> TickRepository for Double<T> {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        self.0.insert_batch(ticks).await
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        self.0.range(query).await
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        self.ticks_behind().latest(symbol_id).await
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        self.ticks_behind().latest_of(symbol_ids).await
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        self.ticks_behind().as_of(symbol_id, at).await
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.ticks_behind().count(symbol_id, range).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.ticks_behind().delete_range(symbol_id, range).await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.ticks_behind().deletable(symbol_id, range).await
    }
}

#[async_trait]
impl<T: CandleCalls> OhlcRepository for Double<T> {
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        self.0.candles(query).await
    }

    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError> {
        self.candles_behind()
            .latest(symbol_id, timeframe, basis)
            .await
    }

    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError> {
        self.candles_behind().upsert_candles(candles).await
    }

    async fn restore_candles(
        &self,
        candles: &[Candle],
    ) -> Result<RestoredCandles, RepositoryError> {
        self.candles_behind().restore_candles(candles).await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        self.candles_behind()
            .delete_range(symbol_id, timeframe, range)
            .await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        self.candles_behind()
            .deletable(symbol_id, timeframe, range)
            .await
    }
}

#[async_trait]
impl<T: QuarantineCalls> QuarantineRepository<Tick> for Double<T> {
    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        self.0.put(ticks).await
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError> {
        self.0.list(query).await
    }

    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry>, RepositoryError> {
        self.quarantine_behind().get(ids).await
    }

    async fn resolve(
        &self,
        ids: &[QuarantineId],
        resolution: Resolution,
    ) -> Result<u64, RepositoryError> {
        self.quarantine_behind().resolve(ids, resolution).await
    }
}
