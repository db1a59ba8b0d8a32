//! The repository of trades over TimescaleDB.

mod corrections;
mod delete;
mod row;
mod table;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::db::SynchronousCommit;
use crate::db::{TimeseriesConnections, TimeseriesDb};
use crate::domain::{
    Page, SymbolId, TimeRange, Trade, TradeCorrection, TradeCursor, truncate_to_micros,
};
use crate::error::RepositoryError;
use crate::repository::{
    CorrectionId, CorrectionQuery, CorrectionReceipt, DeletedTrades, InsertReceipt,
    RecordedCorrection, TradeQuery, TradeRepository,
};

pub(in crate::postgres) use row::{TradeRow, trade_columns};

use super::reading;
use super::writing::{self, TableWriter};

/// [`TradeRepository`] over TimescaleDB, either edition.
pub struct PgTradeRepository {
    connections: Box<dyn TimeseriesConnections>,
    /// Connections for reads, which may connect to a replica that lags behind the primary.
    reads: Option<Box<dyn TimeseriesConnections>>,
    writer: Arc<TableWriter<Trade>>,
    clock: Clock,
}

impl PgTradeRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
            reads: None,
            writer: Arc::new(TableWriter::default()),
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

    /// Uses `now` instead of the system clock to decide where a search for the newest trades begins.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Sets `synchronous_commit` of writes; the default is [`SynchronousCommit::On`].
    #[must_use]
    pub fn with_synchronous_commit(mut self, synchronous_commit: SynchronousCommit) -> Self {
        self.writer = Arc::new(TableWriter::new(synchronous_commit));
        self
    }

    fn reads(&self) -> TimeseriesDb {
        let reads = self.reads.as_ref().unwrap_or(&self.connections);
        reads.timeseries()
    }
}

impl fmt::Debug for PgTradeRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTradeRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TradeRepository for PgTradeRepository {
    async fn insert_batch(
        &self,
        trades: &[Trade],
    ) -> Result<InsertReceipt<Trade>, RepositoryError> {
        let timeseries = self.connections.timeseries();
        let now = self.clock.now();
        writing::insert(&timeseries, &self.writer, trades, now).await
    }

    async fn range(&self, query: &TradeQuery) -> Result<Page<Trade, TradeCursor>, RepositoryError> {
        let listing = reading::Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.trade_time, after.sequence)),
            limit: query.limit.get(),
        };
        let now = self.clock.now();
        let trades = self
            .reads()
            .read("trades_range", move |connection| {
                reading::page(connection, &listing, now)
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            trades,
            query.limit,
            TradeCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Trade>, RepositoryError> {
        let now = self.clock.now();
        self.reads()
            .read("latest_trade", move |connection| {
                reading::newest_in(connection, symbol_id, TimeRange::all(), now)
            })
            .await
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Trade>, RepositoryError> {
        let ids = reading::distinct_ids(symbol_ids)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        self.reads()
            .read("latest_trades_of", move |connection| {
                reading::newest_of(connection, ids.clone(), now)
            })
            .await
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Trade>, RepositoryError> {
        let Some(range) = reading::up_to(at) else {
            return Ok(None);
        };
        let now = self.clock.now();
        self.reads()
            .read("trade_as_of", move |connection| {
                reading::newest_in(connection, symbol_id, range, now)
            })
            .await
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.reads()
            .read("count_trades", move |connection| {
                reading::count::<Trade>(connection, symbol_id, range)
            })
            .await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError> {
        self.connections
            .timeseries()
            .run_once("delete_trades", move |connection| {
                delete::delete_part(connection, symbol_id, range)
            })
            .await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTrades, RepositoryError> {
        self.connections
            .timeseries()
            .read("deletable_trades", move |connection| {
                delete::deletable_part(connection, symbol_id, range)
            })
            .await
    }

    async fn correct(
        &self,
        corrections: &[TradeCorrection],
    ) -> Result<CorrectionReceipt, RepositoryError> {
        let (valid, receipt) = corrections::checked(corrections)?;
        if valid.is_empty() {
            return Ok(receipt);
        }
        let now = truncate_to_micros(self.clock.now());
        self.connections
            .timeseries()
            .run_once("correct_trades", move |connection| {
                corrections::record(connection, &valid, now, receipt.clone())
            })
            .await
    }

    async fn corrections(
        &self,
        query: &CorrectionQuery,
    ) -> Result<Page<RecordedCorrection, CorrectionId>, RepositoryError> {
        let query = *query;
        let items = self
            .reads()
            .read("trade_corrections", move |connection| {
                corrections::page(connection, &query)
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |one: &RecordedCorrection| one.id,
        ))
    }
}
