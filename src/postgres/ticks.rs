//! The repository of ticks over TimescaleDB.

mod delete;
mod first;
mod row;
mod table;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::db::SynchronousCommit;
use crate::db::{TimeseriesConnections, TimeseriesDb};
use crate::domain::{Page, SymbolId, Tick, TickCursor, TimeRange};
use crate::error::RepositoryError;
use crate::repository::{DeletedTicks, InsertReceipt, TickQuery, TickRepository};

use super::reading;
use super::writing::{self, TableWriter};

pub(super) use first::first_tick_time_of_basis;
pub(super) use row::{TickRow, tick_columns};

/// [`TickRepository`] over TimescaleDB, either edition.
pub struct PgTickRepository {
    connections: Box<dyn TimeseriesConnections>,
    /// Connections for reads, which may connect to a replica that lags behind the primary.
    reads: Option<Box<dyn TimeseriesConnections>>,
    writer: Arc<TableWriter<Tick>>,
    clock: Clock,
}

impl PgTickRepository {
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

    /// Uses `now` instead of the system clock to decide where a search for the newest ticks begins, and
    /// whether a batch may have ticks that are too old. The database's clock decides the age of a tick.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    fn reads(&self) -> TimeseriesDb {
        let reads = self.reads.as_ref().unwrap_or(&self.connections);
        reads.timeseries()
    }

    /// Sets `synchronous_commit` of writes; the default is [`SynchronousCommit::On`].
    ///
    /// Does not affect other writers of the same connections, such as the repository of candles.
    #[must_use]
    pub fn with_synchronous_commit(mut self, synchronous_commit: SynchronousCommit) -> Self {
        self.writer = Arc::new(TableWriter::new(synchronous_commit));
        self
    }
}

impl fmt::Debug for PgTickRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTickRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TickRepository for PgTickRepository {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        let timeseries = self.connections.timeseries();
        let now = self.clock.now();
        writing::insert(&timeseries, &self.writer, ticks, now).await
    }

    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        let listing = reading::Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.tick_time, after.sequence)),
            limit: query.limit.get(),
        };
        let now = self.clock.now();
        let ticks = self
            .reads()
            .read("range", move |connection| {
                reading::page(connection, &listing, now)
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            ticks,
            query.limit,
            TickCursor::of,
        ))
    }

    async fn latest(&self, symbol_id: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        let now = self.clock.now();
        self.reads()
            .read("latest", move |connection| {
                reading::newest_in(connection, symbol_id, TimeRange::all(), now)
            })
            .await
    }

    async fn latest_of(&self, symbol_ids: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        let ids = reading::distinct_ids(symbol_ids)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        self.reads()
            .read("latest_of", move |connection| {
                reading::newest_of(connection, ids.clone(), now)
            })
            .await
    }

    async fn as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        let Some(range) = reading::up_to(at) else {
            return Ok(None);
        };
        let now = self.clock.now();
        self.reads()
            .read("as_of", move |connection| {
                reading::newest_in(connection, symbol_id, range, now)
            })
            .await
    }

    async fn count(&self, symbol_id: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.reads()
            .read("count", move |connection| {
                reading::count::<Tick>(connection, symbol_id, range)
            })
            .await
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.connections
            .timeseries()
            .run_once("delete_ticks", move |connection| {
                delete::delete_part(connection, symbol_id, range)
            })
            .await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedTicks, RepositoryError> {
        self.connections
            .timeseries()
            .read("deletable_ticks", move |connection| {
                delete::deletable_part(connection, symbol_id, range)
            })
            .await
    }
}
