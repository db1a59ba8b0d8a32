//! From one stream of records to many receivers, each at its own pace, and none that misses a record
//! without being told.
//!
//! [`FanOut::publish`] numbers records and puts them into the bounded queue of every sink. A sink is
//! a [`RecordSink`] that is given them, or the owner of a [`SinkQueue`] who takes them. When a queue
//! is full its [`OverflowPolicy`] decides: wait, or drop and tell the sink of the [`Gap`], which
//! can be read again with [`TickRepository::range`](crate::repository::TickRepository::range).

mod event;
mod hub;
mod queue;
mod routing;
mod sink;

pub use event::{Event, Gap, Published};
pub use hub::{FanOut, FanOutClosed, QueueMonitor, SinkQueue};
pub use queue::{OverflowPolicy, QueueOptions};
pub use sink::{RecordSink, SinkEnded, SinkTask};

#[cfg(test)]
mod tests;
