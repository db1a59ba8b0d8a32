//! Feeds and their pipeline: [`Feed`]s deliver ticks, [`QualityStage`] checks them, [`StoreSink`] passes them
//! to the persister, and a [`Pipeline`] runs all of them and stops without losing a tick.

mod monitor;
mod output;
mod pipeline;
mod report;
mod running;
mod stage;
mod store;

use std::fmt::Debug;

use async_trait::async_trait;

pub use monitor::{PipelineMonitor, PipelineState};
pub use output::FeedOutput;
pub use pipeline::{Pipeline, PipelineBuilder};
pub use report::PipelineReport;
pub use running::{FeedState, FeedStatus};
pub use stage::QualityStage;
pub use store::{RefusedTicks, StoreSink};

/// The reason why a feed cannot continue.
pub type FeedError = Box<dyn std::error::Error + Send + Sync>;

/// A source of ticks.
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

    /// Sends ticks to `output` until there are no more. The future is dropped to stop it early.
    ///
    /// # Errors
    /// Returns the reason why the feed cannot continue. Ticks that it sent before are stored.
    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError>;
}

#[cfg(test)]
mod tests;
