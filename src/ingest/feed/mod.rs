//! Feeds and their pipeline: [`Feed`]s deliver ticks, trades and order books, [`QualityStage`] checks ticks and trades,
//! [`StoreSink`] passes them to their persister, and a [`Pipeline`] runs all of them and stops without losing one.

mod books;
mod lane;
mod monitor;
mod output;
mod pipeline;
mod record;
mod report;
mod running;
mod sent;
mod stage;
mod store;

use std::fmt::Debug;

use async_trait::async_trait;

pub use lane::LaneState;
pub use monitor::{PipelineMonitor, PipelineState};
pub use output::{FeedOutput, SendBookError, SendTradeError};
pub use pipeline::{Pipeline, PipelineBuilder};
pub use record::FeedRecord;
pub use report::{LaneReport, PipelineReport};
pub use running::{FeedState, FeedStatus};
pub use sent::SentRecords;
pub use stage::QualityStage;
pub use store::{RefusedRecords, StoreSink};

/// The reason why a feed cannot continue.
pub type FeedError = Box<dyn std::error::Error + Send + Sync>;

/// A source of ticks, trades and order books.
///
/// # Examples
///
/// A feed of two quotes, and the ticks that it delivers:
///
/// ```
/// use async_trait::async_trait;
/// use rust_decimal::Decimal;
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::fanout::{Event, FanOut, QueueOptions};
/// use tickbook::ingest::feed::{Feed, FeedError, FeedOutput};
///
/// #[derive(Debug)]
/// struct TwoQuotes;
///
/// #[async_trait]
/// impl Feed for TwoQuotes {
///     fn name(&self) -> &str {
///         "two-quotes"
///     }
///
///     async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
///         let time = "2024-05-01T12:00:00Z".parse()?;
///         for bid in [108_500, 108_501] {
///             let (bid, ask) = (Decimal::new(bid, 5), Decimal::new(bid + 2, 5));
///             // the venue does not number its quotes, so the output numbers them
///             output.send(Tick::quote(SymbolId::new(1), time, bid, ask), None).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), FeedError> {
/// let fan_out = FanOut::new();
/// let mut queue = fan_out.open(QueueOptions::dropping_oldest("example", 10));
/// TwoQuotes.run(&mut FeedOutput::new(fan_out.clone())).await?;
/// let events = queue.next().await.ok_or("closed")?;
/// let Event::Record(second) = &events[1] else {
///     return Err("a gap".into());
/// };
/// assert_eq!((events.len(), second.record.sequence), (2, 1));
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Feed: Debug + Send + 'static {
    /// The name in the log, the metrics and [`FeedState`]. Feeds that run together must have different names.
    fn name(&self) -> &str;

    /// Sends ticks, trades and order books to `output` until there are no more. The future is dropped to stop it early.
    ///
    /// # Errors
    /// Returns the reason why the feed cannot continue. The records that it sent before are stored.
    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError>;

    /// Stores what the feed has to store besides its records. Called once, after the future of [`run`](Self::run) has
    /// ended or was dropped. The future is dropped after a second. The default does nothing.
    async fn finish(&mut self) {}
}

#[cfg(test)]
mod books_tests;
#[cfg(test)]
mod books_waiting_tests;
#[cfg(test)]
mod sent_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trades_tests;
