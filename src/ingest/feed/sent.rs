//! The records that a feed has sent so far, and when they are durable.

use super::books::BooksSent;
use super::lane::LaneMonitor;
use super::record::FeedRecord;
use crate::domain::{Tick, Trade};
use crate::ingest::PersisterClosed;

/// The ticks, trades and order books that a feed had sent when it called
/// [`FeedOutput::sent`](super::FeedOutput::sent).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use rust_decimal::Decimal;
/// use tickbook::Repositories;
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::feed::{Feed, FeedError, FeedOutput, FeedStatus, Pipeline};
/// use tickbook::ingest::{PersisterConfig, TickPersister};
///
/// /// Sends one quote, and confirms it when it is durable.
/// #[derive(Debug)]
/// struct Confirming;
///
/// #[async_trait]
/// impl Feed for Confirming {
///     fn name(&self) -> &str {
///         "confirming"
///     }
///
///     async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
///         let time = "2024-05-01T12:00:00Z".parse()?;
///         let (bid, ask) = (Decimal::new(108_500, 5), Decimal::new(108_502, 5));
///         output.send(Tick::quote(SymbolId::new(1), time, bid, ask), None).await?;
///         output.sent().durable().await?;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), FeedError> {
/// let ticks = Repositories::in_memory().ticks;
/// let persister = TickPersister::start(ticks.clone(), PersisterConfig::default());
/// let pipeline = Pipeline::builder(persister).feed(Box::new(Confirming)).start();
/// let monitor = pipeline.monitor();
/// while monitor.state().is_running() {
///     tokio::time::sleep(Duration::from_millis(1)).await;
/// }
/// // the feed has ended, so the quote is stored
/// assert!(ticks.latest(SymbolId::new(1)).await?.is_some());
/// pipeline.stop(Duration::from_secs(10)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct SentRecords {
    pub(super) ticks: Option<LaneSent<Tick>>,
    pub(super) trades: Option<LaneSent<Trade>>,
    pub(super) books: Option<BooksSent>,
}

impl SentRecords {
    /// Waits until all of them are [durable](crate::ingest::AckLevel::Durable): on the disk or in the database, or
    /// without a spool in the database. Records that were held back are durable in the quarantine. The batches of the
    /// persisters are written at once. An output without a pipeline stores nothing, and the call returns immediately.
    ///
    /// # Errors
    /// A persister or a quarantine ended before.
    pub async fn durable(&self) -> Result<(), PersisterClosed> {
        let ticks = async {
            match &self.ticks {
                Some(ticks) => ticks.durable().await,
                None => Ok(()),
            }
        };
        let trades = async {
            match &self.trades {
                Some(trades) => trades.durable().await,
                None => Ok(()),
            }
        };
        let books = async {
            match &self.books {
                Some(books) => books.durable().await,
                None => Ok(()),
            }
        };
        tokio::try_join!(ticks, trades, books)?;
        Ok(())
    }
}

/// The records of one type that were published, or held back.
#[derive(Debug, Clone)]
pub(super) struct LaneSent<R: FeedRecord> {
    lane: LaneMonitor<R>,
    /// The number of records that were published to the store.
    position: u64,
}

impl<R: FeedRecord> LaneSent<R> {
    pub(super) fn now(lane: &LaneMonitor<R>) -> Self {
        Self {
            position: lane.handed_over.position(),
            lane: lane.clone(),
        }
    }

    async fn durable(&self) -> Result<(), PersisterClosed> {
        self.lane.handed_over.processed(self.position).await;
        self.lane.sync().await
    }
}
