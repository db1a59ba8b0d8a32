//! The output of a feed.

use std::sync::Arc;

use super::books::BookOutput;
use super::lane::LaneMonitor;
use super::record::FeedRecord;
use super::running::{Outcomes, RunningFeed};
use super::sent::{LaneSent, SentRecords};
use super::stage::QualityStage;
use crate::domain::{Tick, Trade};
use crate::ingest::OccurrenceCounter;
use crate::ingest::book::{BookEvent, LiveBooks};
use crate::ingest::fanout::{FanOut, FanOutClosed};

/// The trade was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendTradeError {
    /// The pipeline is stopping.
    #[error(transparent)]
    Closed(#[from] FanOutClosed),
    /// The pipeline stores no trades.
    #[error("trades have no store: give the pipeline a persister of trades")]
    NoStore,
}

/// The event of an order book was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendBookError {
    /// The pipeline is stopping.
    #[error(transparent)]
    Closed(#[from] FanOutClosed),
    /// The pipeline has no live books.
    #[error("order books have no place: give the pipeline live books")]
    NoBooks,
}

/// Receives the ticks, trades and order books of a feed. If the store is slower than the feed, the feed waits.
#[derive(Debug)]
pub struct FeedOutput {
    ticks: RecordOutput<Tick>,
    trades: Option<RecordOutput<Trade>>,
    books: Option<BookOutput>,
}

impl FeedOutput {
    /// Creates an output that counts equal ticks within their instants and publishes all ticks. It accepts neither
    /// trades nor books.
    #[must_use]
    pub fn new(fan_out: FanOut) -> Self {
        Self {
            ticks: RecordOutput::new(fan_out),
            trades: None,
            books: None,
        }
    }

    /// Accepts order books of the feed `name`, and applies them to `live`.
    #[must_use]
    pub fn with_books(self, live: &LiveBooks, name: &str) -> Self {
        self.with_book_output(BookOutput::new(live, name, None))
    }

    pub(super) fn with_book_output(mut self, books: BookOutput) -> Self {
        self.books = Some(books);
        self
    }

    /// Accepts trades, counts equal trades within their instants and publishes all of them in `fan_out`.
    #[must_use]
    pub fn with_trades(mut self, fan_out: FanOut<Trade>) -> Self {
        self.trades = Some(RecordOutput::new(fan_out));
        self
    }

    /// Publishes only ticks that pass `quality`; the others are quarantined.
    #[must_use]
    pub fn with_quality(mut self, quality: QualityStage) -> Self {
        self.ticks.quality = Some(quality);
        self
    }

    /// Publishes only trades that pass `quality`; the others are quarantined. Call it after
    /// [`with_trades`](Self::with_trades).
    #[must_use]
    pub fn with_quality_of_trades(mut self, quality: QualityStage<Trade>) -> Self {
        if let Some(trades) = &mut self.trades {
            trades.quality = Some(quality);
        }
        self
    }

    /// Counts the results of ticks and trades in the state of a feed.
    pub(super) fn counted_by(mut self, running: &RunningFeed) -> Self {
        self.ticks.outcomes = Some(Arc::clone(&running.ticks));
        if let Some(trades) = &mut self.trades {
            trades.outcomes = Some(Arc::clone(&running.trades));
        }
        if let Some(books) = &mut self.books {
            books.outcomes = Some(Arc::clone(&running.books));
        }
        self
    }

    /// Observes the stores of ticks and trades.
    pub(super) fn stored_by(
        mut self,
        ticks: &LaneMonitor<Tick>,
        trades: Option<&LaneMonitor<Trade>>,
    ) -> Self {
        self.ticks.store = Some(ticks.clone());
        if let Some(output) = &mut self.trades {
            output.store = trades.cloned();
        }
        self
    }

    /// What was sent so far. Its [`durable`](SentRecords::durable) waits until a kill of the process loses none of it.
    #[must_use]
    pub fn sent(&self) -> SentRecords {
        let trades = self.trades.as_ref();
        SentRecords {
            ticks: self.ticks.store.as_ref().map(LaneSent::now),
            trades: trades.and_then(|trades| trades.store.as_ref().map(LaneSent::now)),
            books: self.books.as_ref().and_then(BookOutput::sent),
        }
    }

    /// Starts another source, which may deliver ticks and trades of the previous one again.
    ///
    /// Equal unsequenced ticks of one instant are counted within one source: one connection to a venue, or
    /// one file. A feed that reconnects within one [`run`](super::Feed::run), or reads another file, must
    /// call this before the first tick or trade. Order books are not concerned: send
    /// [`BookEvent::stale`] for each book that the new source invalidates.
    pub fn begin_source(&mut self) {
        self.ticks.occurrences = OccurrenceCounter::new();
        if let Some(trades) = &mut self.trades {
            trades.occurrences = OccurrenceCounter::new();
        }
    }

    /// Whether [`send_trade`](Self::send_trade) accepts trades.
    #[must_use]
    pub fn accepts_trades(&self) -> bool {
        self.trades.is_some()
    }

    /// Sends a tick. `sequence` is the venue's number of the tick; without one it is an
    /// [unsequenced](OccurrenceCounter) tick.
    ///
    /// # Errors
    /// The pipeline is stopping.
    pub async fn send(&mut self, tick: Tick, sequence: Option<i64>) -> Result<(), FanOutClosed> {
        self.ticks.send(tick, sequence).await
    }

    /// Sends a trade. `sequence` is the venue's number of the trade; without one it is an
    /// [unsequenced](OccurrenceCounter) trade.
    ///
    /// # Errors
    /// The pipeline is stopping, or stores no trades.
    pub async fn send_trade(
        &mut self,
        trade: Trade,
        sequence: Option<i64>,
    ) -> Result<(), SendTradeError> {
        match &mut self.trades {
            Some(trades) => Ok(trades.send(trade, sequence).await?),
            None => Err(SendTradeError::NoStore),
        }
    }

    /// Whether [`send_book`](Self::send_book) accepts order books.
    #[must_use]
    pub fn accepts_books(&self) -> bool {
        self.books.is_some()
    }

    /// Applies an event to the live books, and stores what it changed, if the pipeline stores books.
    ///
    /// Levels of a book that is not valid have no effect; levels that a book refuses, such as crossing ones, make it
    /// stale. A book belongs to the feed that sent it first, until that feed ends; events of other feeds have no
    /// effect. When a feed ends, its books are stale, and their intervals end at its newest time of receipt.
    ///
    /// # Errors
    /// The pipeline is stopping, or has no live books.
    pub async fn send_book(&mut self, event: BookEvent) -> Result<(), SendBookError> {
        match &mut self.books {
            Some(books) => Ok(books.send(event).await?),
            None => Err(SendBookError::NoBooks),
        }
    }
}

/// The output of one type of records.
#[derive(Debug)]
struct RecordOutput<R: FeedRecord> {
    fan_out: FanOut<R>,
    occurrences: OccurrenceCounter<R>,
    quality: Option<QualityStage<R>>,
    outcomes: Option<Arc<Outcomes>>,
    store: Option<LaneMonitor<R>>,
}

impl<R: FeedRecord> RecordOutput<R> {
    fn new(fan_out: FanOut<R>) -> Self {
        Self {
            fan_out,
            occurrences: OccurrenceCounter::new(),
            quality: None,
            outcomes: None,
            store: None,
        }
    }

    async fn send(&mut self, mut record: R, sequence: Option<i64>) -> Result<(), FanOutClosed> {
        match sequence {
            Some(sequence) => record.number(sequence, None),
            None => self.occurrences.count(&mut record),
        }
        if let Some(quality) = &mut self.quality
            && !quality.passes(&record).await.map_err(|_| FanOutClosed)?
        {
            if let Some(outcomes) = &self.outcomes {
                outcomes.count_held_back();
            }
            return Ok(());
        }
        self.fan_out.publish(&[record]).await?;
        if let Some(outcomes) = &self.outcomes {
            outcomes.count_published();
        }
        Ok(())
    }
}
