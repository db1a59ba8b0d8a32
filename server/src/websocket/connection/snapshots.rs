//! Sends the newest tick or trade of each symbol at the start of a subscription.

use std::sync::Arc;

use tickbook::domain::{MarketEvent, PageLimit, SymbolId, Tick, Trade};
use tickbook::repository::SymbolQuery;
use tickbook::{Repositories, RepositoryError};
use tokio::task::coop;

use super::super::record_channel::{RecordChannel, StreamedRecord};
use super::{ClientConnection, End};

/// Maximum number of symbols of a read.
const PAGE: i64 = 500;

/// Maximum number of symbols of which a subscription to all symbols gets the newest record.
const SYMBOLS: usize = 10_000;

/// The result of a read.
#[derive(Debug)]
pub(super) enum SnapshotRead {
    Ticks(Page<Tick>),
    Trades(Page<Trade>),
}

/// The newest stored records of some symbols.
#[derive(Debug)]
pub(super) struct Page<R> {
    symbol_ids: Vec<SymbolId>,
    stored: Vec<R>,
    /// The number of symbols up to this page, and the last one, if others follow.
    next: Option<(usize, SymbolId)>,
}

/// The symbols of a read.
enum WantedSymbols {
    These(Vec<SymbolId>),
    /// All symbols, after those of earlier pages, as in [`Page::next`].
    All(Option<(usize, SymbolId)>),
}

async fn read<R: StreamedRecord>(
    repositories: &Repositories,
    wanted: WantedSymbols,
) -> Result<Page<R>, RepositoryError> {
    let (symbol_ids, next) = match wanted {
        WantedSymbols::These(symbol_ids) => (symbol_ids, None),
        WantedSymbols::All(after) => {
            let limit = PageLimit::try_from(PAGE).map_err(RepositoryError::invalid)?;
            let query = SymbolQuery::default().active(true).limit(limit);
            let query = query.after(after.map(|(_, last)| last));
            let page = repositories.symbols.list(&query).await?;
            let count = after.map_or(0, |(count, _)| count) + page.items.len();
            let next = page.next.filter(|_| count < SYMBOLS);
            let symbol_ids = page.items.iter().map(|symbol| symbol.symbol_id);
            (symbol_ids.collect(), next.map(|next| (count, next)))
        }
    };
    let stored = R::latest_of(repositories, &symbol_ids).await?;
    Ok(Page {
        symbol_ids,
        stored,
        next,
    })
}

/// A record with its own channel of a connection.
pub(super) trait OfConnection: StreamedRecord {
    fn channel(connection: &mut ClientConnection) -> &mut RecordChannel<Self>;
    fn read(page: Page<Self>) -> SnapshotRead;
}

impl OfConnection for Tick {
    fn channel(connection: &mut ClientConnection) -> &mut RecordChannel<Self> {
        &mut connection.ticks
    }

    fn read(page: Page<Self>) -> SnapshotRead {
        SnapshotRead::Ticks(page)
    }
}

impl OfConnection for Trade {
    fn channel(connection: &mut ClientConnection) -> &mut RecordChannel<Self> {
        &mut connection.trades
    }

    fn read(page: Page<Self>) -> SnapshotRead {
        SnapshotRead::Trades(page)
    }
}

impl ClientConnection {
    /// Sends the newest records that were published, and reads those of other symbols from the store.
    pub(super) async fn begin_snapshots<R: OfConnection>(
        &mut self,
        symbol_ids: Vec<SymbolId>,
    ) -> Result<(), End> {
        let sent = self.send_snapshots::<R>(&symbol_ids, Vec::new()).await?;
        let mut left = symbol_ids;
        left.retain(|symbol_id| !sent.contains(symbol_id));
        for symbol_ids in left.chunks(PAGE as usize) {
            self.read_snapshots::<R>(WantedSymbols::These(symbol_ids.to_vec()));
        }
        Ok(())
    }

    /// Reads the newest records of all symbols, page by page.
    pub(super) fn begin_all_snapshots<R: OfConnection>(&mut self) {
        self.read_snapshots::<R>(WantedSymbols::All(None));
    }

    /// Reads concurrently with everything else. A read that fails is left out: the subscription has begun.
    fn read_snapshots<R: OfConnection>(&mut self, wanted: WantedSymbols) {
        let (turns, repositories) = (Arc::clone(&self.turns), self.app.repositories.clone());
        self.snapshots.spawn(async move {
            // the semaphore is never closed
            let _turn = turns.acquire().await;
            let page = read(&repositories, wanted).await.unwrap_or_else(|error| {
                let error = error.with_causes();
                tracing::debug!(%error, "cannot read the newest records for a WebSocket client");
                Page {
                    symbol_ids: Vec::new(),
                    stored: Vec::new(),
                    next: None,
                }
            });
            R::read(page)
        });
    }

    pub(super) async fn send_read_snapshots(&mut self, read: SnapshotRead) -> Result<(), End> {
        match read {
            SnapshotRead::Ticks(page) => self.send_page(page).await,
            SnapshotRead::Trades(page) => self.send_page(page).await,
        }
    }

    async fn send_page<R: OfConnection>(&mut self, page: Page<R>) -> Result<(), End> {
        self.send_snapshots(&page.symbol_ids, page.stored).await?;
        if let Some(next) = page.next
            && R::channel(self).has_all()
        {
            self.read_snapshots::<R>(WantedSymbols::All(Some(next)));
        }
        Ok(())
    }

    /// Returns the symbols whose newest record was published.
    async fn send_snapshots<R: OfConnection>(
        &mut self,
        symbol_ids: &[SymbolId],
        stored: Vec<R>,
    ) -> Result<Vec<SymbolId>, End> {
        let (published, stored) = R::channel(self).snapshots(symbol_ids, stored);
        let mut sent = Vec::new();
        for published in published {
            // yield to other clients
            coop::consume_budget().await;
            sent.push(MarketEvent::symbol_id(&published.record));
            let number = Some(published.number);
            self.send(&published.record.message(number, true)).await?;
        }
        for record in stored {
            coop::consume_budget().await;
            self.send(&record.message(None, true)).await?;
        }
        Ok(sent)
    }
}
