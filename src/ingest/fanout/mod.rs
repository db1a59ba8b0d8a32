//! Fan-out of one stream of records to many receivers. Each receiver has its own pace, and every missed
//! record is reported to it.
//!
//! [`FanOut::publish`] numbers records and puts them into the bounded queue of every sink. A sink is a
//! [`RecordSink`], which receives events by calls, or the owner of a [`SinkQueue`], who takes them. If a
//! queue is full, its [`OverflowPolicy`] decides: wait, or drop records and report the [`Gap`], which can be
//! read from the store with [`TickRepository::range`](crate::repository::TickRepository::range).

mod event;
mod following;
mod hub;
mod position;
mod queue;
mod retained;
mod routing;
mod sink;

pub use event::{Event, Gap, Published};
pub use following::InvalidPosition;
pub use hub::{FanOut, FanOutClosed, QueueMonitor, SinkQueue};
pub use queue::{OverflowPolicy, QueueOptions};
pub use sink::{RecordSink, SinkEnded, SinkTask};

#[cfg(test)]
mod tests;
