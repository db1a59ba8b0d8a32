//! Sinks that receive published records by calls.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::event::Event;
use super::hub::{FanOut, QueueMonitor};
use super::queue::QueueOptions;
use crate::domain::Tick;
use crate::ingest::record::Record;

/// The sink has ended and accepts no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sink has ended")]
pub struct SinkEnded;

/// A receiver of records.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::fanout::{Event, FanOut, QueueOptions, RecordSink, SinkEnded};
///
/// /// Counts events.
/// #[derive(Debug)]
/// struct Counting(Arc<AtomicUsize>);
///
/// #[async_trait]
/// impl RecordSink for Counting {
///     async fn deliver(&mut self, events: Vec<Event>) -> Result<(), SinkEnded> {
///         self.0.fetch_add(events.len(), Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (fan_out, count) = (FanOut::new(), Arc::new(AtomicUsize::new(0)));
/// let sink = Box::new(Counting(Arc::clone(&count)));
/// let task = fan_out.attach(sink, QueueOptions::storing("counting", 100));
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// fan_out.publish(&[Tick::quote(SymbolId::new(7), time, 1.into(), 2.into())]).await?;
/// fan_out.close();
/// assert_eq!(task.finish(Duration::from_secs(10)).await, 0);
/// assert_eq!(count.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait RecordSink<R: Record = Tick>: Debug + Send + 'static {
    /// Delivers the next events in order; the next call follows when this one has returned. If the receiver
    /// of a sink is unavailable, the sink waits and retries: meanwhile its queue drops events by its policy
    /// and reports them.
    ///
    /// # Errors
    /// The sink has ended and receives nothing more.
    async fn deliver(&mut self, events: Vec<Event<R>>) -> Result<(), SinkEnded>;
}

/// A running [`RecordSink`].
#[derive(Debug)]
pub struct SinkTask<R: Record = Tick> {
    task: JoinHandle<()>,
    monitor: QueueMonitor<R>,
}

impl<R: Record> FanOut<R> {
    /// Runs `sink` in its own task with its own queue. It receives everything that is published from now on.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn attach(&self, mut sink: Box<dyn RecordSink<R>>, options: QueueOptions) -> SinkTask<R> {
        let mut queue = self.open(options);
        let monitor = queue.monitor();
        let task = tokio::spawn(async move {
            while let Some(events) = queue.next().await {
                if sink.deliver(events).await.is_err() {
                    return;
                }
            }
        });
        SinkTask { task, monitor }
    }
}

impl<R: Record> SinkTask<R> {
    /// Observes the sink's queue.
    #[must_use]
    pub fn monitor(&self) -> QueueMonitor<R> {
        self.monitor.clone()
    }

    /// Waits for the end of the sink after [`FanOut::close`], and aborts it after `patience`. Returns the
    /// number of events that it has not processed.
    pub async fn finish(mut self, patience: Duration) -> usize {
        match timeout(patience, &mut self.task).await {
            Ok(Ok(())) => 0,
            Ok(Err(error)) => {
                tracing::error!(%error, "a sink ended unexpectedly");
                0
            }
            Err(_) => {
                let left = self.monitor.waiting();
                self.task.abort();
                left
            }
        }
    }
}
