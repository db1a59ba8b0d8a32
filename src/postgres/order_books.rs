//! The repository of order books over TimescaleDB.

mod book_at;
mod delete;
mod intervals;
mod row;
mod table;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Clock;
use crate::db::SynchronousCommit;
use crate::db::{TimeseriesConnections, TimeseriesDb};
use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate, check_depth};
use crate::domain::{BookCursor, Page, SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::repository::{
    BookIntervalQuery, BookSnapshotQuery, BookUpdateQuery, DeletedBooks, InsertReceipt,
    OrderBookRepository,
};

use super::reading;
use super::writing::{self, TableWriter};

/// [`OrderBookRepository`] over TimescaleDB, either edition.
pub struct PgOrderBookRepository {
    connections: Box<dyn TimeseriesConnections>,
    /// Connections for reads, which may connect to a replica that lags behind the primary.
    reads: Option<Box<dyn TimeseriesConnections>>,
    snapshots: Arc<TableWriter<BookSnapshot>>,
    updates: Arc<TableWriter<BookUpdate>>,
    clock: Clock,
}

impl PgOrderBookRepository {
    /// Reads and writes over `connections`; connects on first use.
    pub fn new(connections: impl TimeseriesConnections) -> Self {
        Self {
            connections: Box::new(connections),
            reads: None,
            snapshots: Arc::new(TableWriter::default()),
            updates: Arc::new(TableWriter::default()),
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

    /// Uses `now` instead of the system clock to decide where a search for the newest rows begins.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Sets `synchronous_commit` of writes of snapshots and updates; the default is
    /// [`SynchronousCommit::On`].
    #[must_use]
    pub fn with_synchronous_commit(mut self, synchronous_commit: SynchronousCommit) -> Self {
        self.snapshots = Arc::new(TableWriter::new(synchronous_commit));
        self.updates = Arc::new(TableWriter::new(synchronous_commit));
        self
    }

    fn reads(&self) -> TimeseriesDb {
        let reads = self.reads.as_ref().unwrap_or(&self.connections);
        reads.timeseries()
    }
}

impl fmt::Debug for PgOrderBookRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOrderBookRepository")
            .field("database", &self.connections.timeseries())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl OrderBookRepository for PgOrderBookRepository {
    async fn insert_snapshots(
        &self,
        snapshots: &[BookSnapshot],
    ) -> Result<InsertReceipt<BookSnapshot>, RepositoryError> {
        let timeseries = self.connections.timeseries();
        let now = self.clock.now();
        writing::insert(&timeseries, &self.snapshots, snapshots, now).await
    }

    async fn insert_updates(
        &self,
        updates: &[BookUpdate],
    ) -> Result<InsertReceipt<BookUpdate>, RepositoryError> {
        let timeseries = self.connections.timeseries();
        let now = self.clock.now();
        writing::insert(&timeseries, &self.updates, updates, now).await
    }

    async fn put_intervals(
        &self,
        given: &[BookInterval],
    ) -> Result<InsertReceipt<BookInterval>, RepositoryError> {
        if given.is_empty() {
            return Ok(InsertReceipt::default());
        }
        let given = given.to_vec();
        self.connections
            .timeseries()
            .run_idempotent("put_book_intervals", move |connection| {
                intervals::put(connection, &given)
            })
            .await
    }

    async fn snapshot_as_of(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
        depth: usize,
    ) -> Result<Option<BookSnapshot>, RepositoryError> {
        check_depth(depth).map_err(RepositoryError::invalid)?;
        let Some(range) = reading::up_to(at) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let snapshot = self
            .reads()
            .read("book_snapshot_as_of", move |connection| {
                reading::newest_in::<BookSnapshot>(connection, symbol_id, range, now)
            })
            .await?;
        Ok(snapshot.map(|mut snapshot| {
            snapshot.cut(depth);
            snapshot
        }))
    }

    async fn book_at(
        &self,
        symbol_id: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<BookSnapshot>, RepositoryError> {
        let Some(range) = reading::up_to(at) else {
            return Ok(None);
        };
        let now = self.clock.now();
        self.reads()
            .read("book_at", move |connection| {
                book_at::book_at(connection, symbol_id, range, now)
            })
            .await
    }

    async fn snapshots(
        &self,
        query: &BookSnapshotQuery,
    ) -> Result<Page<BookSnapshot, BookCursor>, RepositoryError> {
        check_depth(query.depth).map_err(RepositoryError::invalid)?;
        let (depth, limit) = (query.depth, query.page_limit());
        let listing = reading::Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.time, after.sequence)),
            limit: limit.get(),
        };
        let now = self.clock.now();
        let snapshots = self
            .reads()
            .read("book_snapshots", move |connection| {
                let cut = |snapshot: &mut BookSnapshot| snapshot.cut(depth);
                reading::page_with(connection, &listing, now, cut)
            })
            .await?;
        Ok(Page::from_limit_plus_one(
            snapshots,
            limit,
            BookCursor::of_snapshot,
        ))
    }

    async fn updates(
        &self,
        query: &BookUpdateQuery,
    ) -> Result<Page<BookUpdate, BookCursor>, RepositoryError> {
        let listing = reading::Listing {
            symbol_id: query.symbol_id,
            range: query.range,
            order: query.order,
            after: query.after.map(|after| (after.time, after.sequence)),
            limit: query.limit.get(),
        };
        let now = self.clock.now();
        let updates = self
            .reads()
            .read("book_updates", move |connection| {
                reading::page(connection, &listing, now)
            })
            .await?;
        let limit = query.limit;
        Ok(Page::from_limit_plus_one(
            updates,
            limit,
            BookCursor::of_update,
        ))
    }

    async fn intervals(
        &self,
        query: &BookIntervalQuery,
    ) -> Result<Page<BookInterval, DateTime<Utc>>, RepositoryError> {
        let (query, limit) = (*query, query.limit);
        let items = self
            .reads()
            .read("book_intervals", move |connection| {
                intervals::list(connection, &query)
            })
            .await?;
        Ok(Page::from_limit_plus_one(items, limit, |interval| {
            interval.valid_from
        }))
    }

    async fn delete_range(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError> {
        self.connections
            .timeseries()
            .run_once("delete_books", move |connection| {
                delete::delete_part(connection, symbol_id, range)
            })
            .await
    }

    async fn deletable(
        &self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<DeletedBooks, RepositoryError> {
        self.connections
            .timeseries()
            .read("deletable_books", move |connection| {
                delete::deletable_part(connection, symbol_id, range)
            })
            .await
    }
}
