//! The fan-out: numbers records and puts them into the queue of every sink.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, counter, gauge};
use tokio::sync::Notify;

use super::event::{Event, Gap};
use super::queue::QueueOptions;
use super::routing::{Core, Registered, WORK};
use crate::domain::{SymbolId, Tick};
use crate::ingest::record::Record;
use crate::metrics::Family;
use crate::metrics::ingest::{EVICTED_SINKS, FanOutNames, SINKS};

/// Maximum number of events in one delivery.
const DELIVERY: usize = 1_000;

/// The fan-out was closed, or its blocking sink has ended. Records that are not yet published will not be
/// published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fan-out is closed: nothing more is published")]
pub struct FanOutClosed;

/// Delivers every published record to every sink, in one order.
///
/// A slow sink never slows other sinks, and slows publishers only if its policy is
/// [`Block`](super::OverflowPolicy::Block). A record costs nothing for a sink that does not
/// [follow](SinkQueue::follow) its symbol. Memory is bounded by the capacities of the queues and one gap
/// for each symbol; [`limit`](FanOut::limit) bounds the memory of many queues together.
///
/// Counts `fan_out_published_ticks_total`, and by `sink` `fan_out_delivered_ticks_total` and
/// `fan_out_missed_ticks_total`, and sets the gauge `fan_out_sinks`. For other records than ticks the
/// counters contain their [names](Record::NAMES).
///
/// Clones are handles of the same fan-out.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::domain::{SymbolId, Tick};
/// use tickbook::ingest::fanout::{Event, FanOut, QueueOptions};
///
/// let fan_out = FanOut::new();
/// let mut large = fan_out.open(QueueOptions::dropping_oldest("large", 1_000));
/// let mut small = fan_out.open(QueueOptions::dropping_oldest("small", 1));
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// for bid in 1..=3 {
///     let tick = Tick::quote(SymbolId::new(7), time, bid.into(), 4.into());
///     fan_out.publish(&[tick]).await?;
/// }
/// assert_eq!(large.next().await.map(|events| events.len()), Some(3));
/// // the small queue dropped two ticks, and reports them
/// let events = small.next().await.unwrap_or_default();
/// let [Event::Gap(gap), Event::Record(last)] = &events[..] else {
///     return Err("no gap".into());
/// };
/// assert_eq!((gap.missed, last.number), (2, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FanOut<R: Record = Tick>(pub(super) Arc<HubState<R>>);

pub(super) struct HubState<R: Record> {
    core: Mutex<Core<R>>,
    published: Counter,
    /// Notified when a blocking queue has room, has processed events or has ended.
    pub(super) room: Notify,
}

impl<R: Record> std::fmt::Debug for HubState<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubState")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Default for FanOut<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Record> HubState<R> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Core<R>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> FanOut<R> {
    /// Creates a fan-out without sinks.
    #[must_use]
    pub fn new() -> Self {
        let names = FanOutNames::new(R::NAMES);
        let published = counter!(names.published.clone());
        names.families().iter().for_each(Family::describe);
        Self(Arc::new(HubState {
            core: Mutex::default(),
            published,
            room: Notify::new(),
        }))
    }

    /// Publishes records that are not stored yet, in the given order. Waits for queues with the policy
    /// `Block` and for nothing else. If cancelled, it has published a prefix of `records`.
    ///
    /// # Errors
    /// Fails if the fan-out is closed or its blocking sink has ended; a prefix of `records` may have been
    /// published.
    pub async fn publish(&self, records: &[R]) -> Result<(), FanOutClosed> {
        self.publish_as(records, false).await
    }

    /// Publishes records that are already stored to the sinks that take stored records.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_stored(&self, records: &[R]) -> Result<(), FanOutClosed> {
        self.publish_as(records, true).await
    }

    async fn publish_as(&self, records: &[R], stored: bool) -> Result<(), FanOutClosed> {
        // a publisher that never waits must still yield to other tasks
        tokio::task::coop::consume_budget().await;
        let mut rest = records;
        while !rest.is_empty() {
            // `notify_waiters` after this line is not missed
            let room_freed = self.0.room.notified();
            let waits = {
                let mut core = self.0.lock();
                if core.closed {
                    return Err(FanOutClosed);
                }
                let room = core.room(stored).min(rest.len());
                let given = core.give(&rest[..room], stored);
                self.0.published.increment(given as u64);
                rest = &rest[given..];
                given == room
            };
            if rest.is_empty() {
                break;
            }
            if waits {
                room_freed.await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Numbers stored records that cannot be published one by one, and reports them as missed to every sink
    /// that takes stored records: one gap for each symbol. If some of `records` were published before, the
    /// gaps are wider than necessary. If cancelled, it has reported some of them.
    pub async fn announce_missed(&self, records: &[R]) {
        let mut by_symbol: BTreeMap<SymbolId, Gap> = BTreeMap::new();
        for piece in records.chunks(WORK) {
            for record in piece {
                // it gets its number when it is reported
                let gap = Gap::of_record(0, record);
                by_symbol
                    .entry(record.symbol_id())
                    .and_modify(|whole| *whole = whole.joined(gap))
                    .or_insert(gap);
            }
            tokio::task::yield_now().await;
        }
        let gaps: Vec<_> = by_symbol.into_values().collect();
        let mut rest = &gaps[..];
        while !rest.is_empty() {
            let sent = self.0.lock().send_missed(rest);
            rest = &rest[sent..];
            tokio::task::yield_now().await;
        }
    }

    /// Limits the total number of events in all queues with that name, including events that their owners
    /// have taken and not yet processed. Above the limit, the largest queue is emptied and
    /// [evicted](SinkQueue::is_evicted). Queues with the policy `Block` do not count.
    ///
    /// Counts `fan_out_evicted_sinks_total` by `records` and `sink`.
    pub fn limit(&self, name: &'static str, max_records: usize) {
        // initialize to 0, so that rate() sees the first increment
        counter!(EVICTED_SINKS, "records" => R::NAMES, "sink" => name).increment(0);
        self.0.lock().limit(name, max_records);
    }

    /// Opens a queue whose owner takes the events. It receives everything that is published from now on,
    /// until it is dropped.
    #[must_use]
    pub fn open(&self, options: QueueOptions) -> SinkQueue<R> {
        let ready = Arc::new(Notify::new());
        let name = options.name;
        gauge!(SINKS, "records" => R::NAMES, "sink" => name).increment(1);
        let names = FanOutNames::new(R::NAMES);
        let missed = counter!(names.missed, "sink" => name);
        // initialize to 0, so that rate() sees the first increment
        missed.increment(0);
        let registered = Registered::new(&options, Arc::clone(&ready), missed);
        let evicted = Arc::clone(&registered.evicted);
        let id = self.0.lock().add(registered, options.every_symbol);
        SinkQueue {
            name,
            ready,
            evicted,
            delivered: counter!(names.delivered, "sink" => name),
            monitor: QueueMonitor {
                fan_out: self.clone(),
                id,
            },
        }
    }

    /// Ends publishing. Sinks receive their waiting events, and then end.
    pub fn close(&self) {
        let mut core = self.0.lock();
        core.closed = true;
        core.wake_all();
        drop(core);
        self.0.room.notify_waiters();
    }
}

/// Observes a queue. Clones observe the same queue.
#[derive(Debug, Clone)]
pub struct QueueMonitor<R: Record = Tick> {
    pub(super) fan_out: FanOut<R>,
    pub(super) id: u64,
}

impl<R: Record> QueueMonitor<R> {
    /// The number of events that wait or are being processed; 0 after the end of the sink.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let core = self.fan_out.0.lock();
        let registered = core.get(self.id);
        registered.map_or(0, |registered| registered.queue.len() + registered.taken)
    }

    /// The number of records that the sink missed; 0 after its end.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let core = self.fan_out.0.lock();
        let registered = core.get(self.id);
        registered.map_or(0, |registered| registered.queue.missed())
    }
}

/// The queue of one sink. Dropping it ends the sink.
pub struct SinkQueue<R: Record = Tick> {
    name: &'static str,
    ready: Arc<Notify>,
    evicted: Arc<Notify>,
    delivered: Counter,
    pub(super) monitor: QueueMonitor<R>,
}

impl<R: Record> SinkQueue<R> {
    /// Waits for the next events and returns at least one; `None` if the fan-out was closed and everything
    /// was taken, or if the queue was [evicted](Self::is_evicted). Events of earlier calls count as
    /// processed. If cancelled, it has taken nothing.
    pub async fn next(&mut self) -> Option<Vec<Event<R>>> {
        self.worked_off();
        loop {
            {
                let mut core = self.monitor.fan_out.0.lock();
                let closed = core.closed;
                let registered = core.get_mut(self.monitor.id)?;
                if registered.is_evicted {
                    return None;
                }
                if !registered.queue.is_empty() {
                    let events = registered.queue.take(DELIVERY);
                    registered.taken = events.len();
                    core.count(self.monitor.id);
                    drop(core);
                    self.monitor.fan_out.0.room.notify_waiters();
                    let is_record = |event: &&Event<R>| matches!(event, Event::Record(_));
                    let records = events.iter().filter(is_record).count();
                    self.delivered.increment(records as u64);
                    return Some(events);
                }
                if closed {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }

    /// Follows a symbol: receives all of its records that are published from now on. Returns the number of the
    /// record that was published last.
    pub fn follow(&self, symbol_id: SymbolId) -> u64 {
        self.follow_all(&[symbol_id])
    }

    /// Follows several symbols, as [`follow`](Self::follow).
    pub fn follow_all(&self, symbol_ids: &[SymbolId]) -> u64 {
        let mut core = self.monitor.fan_out.0.lock();
        core.follow(self.monitor.id, symbol_ids);
        core.published
    }

    /// Unfollows a symbol: receives no more of its records, and drops its waiting records.
    pub fn unfollow(&self, symbol_id: SymbolId) {
        self.unfollow_all(&[symbol_id]);
    }

    /// Unfollows several symbols, as [`unfollow`](Self::unfollow), with one pass over the waiting events.
    pub fn unfollow_all(&self, symbol_ids: &[SymbolId]) {
        let mut core = self.monitor.fan_out.0.lock();
        core.unfollow(self.monitor.id, symbol_ids);
    }

    /// Whether no events wait, apart from those taken last.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        let core = self.monitor.fan_out.0.lock();
        let registered = core.get(self.monitor.id);
        registered.is_none_or(|registered| registered.queue.is_empty())
    }

    /// Whether the queue was emptied and closed, because it was the largest when the queues of its name
    /// exceeded their [limit](FanOut::limit).
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        let core = self.monitor.fan_out.0.lock();
        let registered = core.get(self.monitor.id);
        registered.is_some_and(|registered| registered.is_evicted)
    }

    /// Waits until the queue [is evicted](Self::is_evicted). Supports one waiter at a time.
    pub fn evicted(&self) -> impl Future<Output = ()> + Send + use<R> {
        let evicted = Arc::clone(&self.evicted);
        async move { evicted.notified().await }
    }

    /// Observes the queue.
    #[must_use]
    pub fn monitor(&self) -> QueueMonitor<R> {
        self.monitor.clone()
    }

    fn worked_off(&self) {
        let mut core = self.monitor.fan_out.0.lock();
        if let Some(registered) = core.get_mut(self.monitor.id)
            && std::mem::take(&mut registered.taken) > 0
        {
            core.count(self.monitor.id);
            let blocks = core.get(self.monitor.id).is_some_and(|it| it.blocks);
            drop(core);
            if blocks {
                self.monitor.fan_out.0.room.notify_waiters();
            }
        }
    }
}

impl<R: Record> std::fmt::Debug for SinkQueue<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkQueue")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Drop for SinkQueue<R> {
    fn drop(&mut self) {
        gauge!(SINKS, "records" => R::NAMES, "sink" => self.name).decrement(1);
        let mut core = self.monitor.fan_out.0.lock();
        let removed = core.remove(self.monitor.id);
        let stored = removed.is_some_and(|registered| registered.blocks);
        drop(core);
        if stored {
            // nothing would store later records
            self.monitor.fan_out.close();
        }
    }
}
