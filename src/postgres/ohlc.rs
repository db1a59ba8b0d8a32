//! The repository of candles over TimescaleDB: candles computed from ticks, and stored candles.

mod caches;
mod candle_tables;
mod catalog;
mod delete;
mod intervals;
mod materialized;
mod page;
mod restore;
mod rollup;
mod row;
mod select;
mod settled;
mod snapshot;
mod statement;
mod stored;

pub use materialized::PgMaterializedCandles;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::db::{TimeseriesConnections, TimeseriesDb};
use crate::domain::{
    Candle, CandleCursor, Page, PageLimit, PriceBasis, SortOrder, SymbolId, TimeRange, Timeframe,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, DeletedCandles, OhlcRepository, RestoredCandles};

/// [`OhlcRepository`] over TimescaleDB, either edition.
///
/// Each result shows one instant. If a timeframe has a continuous aggregate, its candles are read from
/// the aggregate. Other candles, and candles of ticks that wait for the next refresh, are computed from
/// the ticks of the requested range.
pub struct PgOhlcRepository {
    connections: Box<dyn TimeseriesConnections>,
    /// Connections for reads, which may connect to a replica that lags behind the primary.
    reads: Option<Box<dyn TimeseriesConnections>>,
    caches: Arc<CandleCaches>,
    clock: Clock,
}

use caches::CandleCaches;

impl PgOhlcRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
            reads: None,
            caches: Arc::new(CandleCaches::default()),
            clock: Clock::system(),
        }
    }

    /// Reads over `reads`, which may connect to a replica: recent writes may be missing there for a
    /// moment. Lookups that are part of a write never use `reads`.
    #[must_use]
    pub fn with_reads(mut self, reads: impl TimeseriesConnections) -> Self {
        self.reads = Some(Box::new(reads));
        self
    }

    fn reads(&self) -> TimeseriesDb {
        let reads = self.reads.as_ref().unwrap_or(&self.connections);
        reads.timeseries()
    }

    /// Uses `now` instead of the system clock to decide, at each read, whether a candle is closed.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }
}

impl fmt::Debug for PgOhlcRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOhlcRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OhlcRepository for PgOhlcRepository {
    async fn candles(
        &self,
        query: &CandleQuery,
    ) -> Result<Page<Candle, CandleCursor>, RepositoryError> {
        let query = *query;
        let caches = Arc::clone(&self.caches);
        let now = self.clock.now();
        self.reads()
            .read("candles", move |connection| {
                if let Some(page) = settled::read(connection, &caches.settled, &query, now)? {
                    return Ok(page);
                }
                snapshot::at_one_instant(connection, &caches, |snapshot| {
                    page::read(snapshot, &query, now)
                })
            })
            .await
    }

    async fn latest(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
    ) -> Result<Option<Candle>, RepositoryError> {
        let query = CandleQuery {
            order: SortOrder::Descending,
            limit: PageLimit::new(1).map_err(RepositoryError::invalid)?,
            ..CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all())
        };
        Ok(self.candles(&query).await?.items.pop())
    }

    async fn upsert_candles(&self, candles: &[Candle]) -> Result<u64, RepositoryError> {
        for candle in candles {
            candle.validate().map_err(RepositoryError::invalid)?;
        }
        if candles.is_empty() {
            return Ok(0);
        }
        let timeseries = self.connections.timeseries();
        let different = stored::Upsert::new(candles, timeseries.executor().call_timeout())?;
        timeseries
            .run_idempotent("upsert_candles", move |connection| {
                different.run(connection)
            })
            .await
    }

    async fn restore_candles(
        &self,
        candles: &[Candle],
    ) -> Result<RestoredCandles, RepositoryError> {
        for candle in candles {
            candle.validate().map_err(RepositoryError::invalid)?;
        }
        if candles.is_empty() {
            return Ok(RestoredCandles::default());
        }
        let timeseries = self.connections.timeseries();
        let restore = restore::Restore::new(
            candles,
            timeseries.executor().call_timeout(),
            self.clock.now(),
        );
        timeseries
            .run_idempotent("restore_candles", move |connection| restore.run(connection))
            .await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        let doomed = delete::Doomed::new(symbol_id, timeframe, range)?;
        self.connections
            .timeseries()
            .run_once("delete_candles", move |connection| {
                doomed.delete(connection)
            })
            .await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        timeframe: Option<Timeframe>,
        range: TimeRange,
    ) -> Result<DeletedCandles, RepositoryError> {
        let doomed = delete::Doomed::new(symbol_id, timeframe, range)?;
        self.connections
            .timeseries()
            .read("deletable_candles", move |connection| {
                doomed.count(connection)
            })
            .await
    }
}
