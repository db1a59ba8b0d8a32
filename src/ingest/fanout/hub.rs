//! Numbers records and puts them into the queue of every sink.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, counter, gauge};
use tokio::sync::Notify;

use super::event::{Event, Gap};
use super::queue::QueueOptions;
use super::routing::{Core, Registered, WORK};
use crate::domain::{SymbolId, Tick};
use crate::ingest::record::Record;

/// Most events a sink is given at once.
const DELIVERY: usize = 1_000;

/// The fan-out was closed, or the sink that stores has ended; what was not published yet will not
/// be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing more is published: the fan-out was closed")]
pub struct FanOutClosed;

/// Gives every published record to every sink, in one order.
///
/// A sink that is slow never slows another one, nor a publisher, unless its policy is
/// [`Block`](super::OverflowPolicy::Block). A record costs nothing for a sink that does not
/// [follow](SinkQueue::follow) its symbol. Memory is bounded by the capacities of the queues and one gap
/// for each symbol, and for many queues together by [`limit`](FanOut::limit).
///
/// Counts `fan_out_published_ticks_total`, and by `sink` `fan_out_delivered_ticks_total`,
/// `fan_out_missed_ticks_total` and the gauge `fan_out_sinks`; of other records than ticks with
/// their [names](Record::NAMES).
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
/// // the small queue dropped two ticks, and says so
/// let events = small.next().await.unwrap_or_default();
/// let [Event::Gap(gap), Event::Record(last)] = &events[..] else {
///     return Err("no gap".into());
/// };
/// assert_eq!((gap.missed, last.number), (2, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FanOut<R: Record = Tick>(pub(super) Arc<Shared<R>>);

pub(super) struct Shared<R: Record> {
    core: Mutex<Core<R>>,
    published: Counter,
    /// A queue that publishers wait for has room, or waits no more.
    room: Notify,
}

impl<R: Record> std::fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Default for FanOut<R> {
    fn default() -> Self {
        Self::new()
    }
}

/// The counter of records that are `done`, such as `fan_out_published_ticks_total`.
fn metric<R: Record>(done: &str) -> String {
    format!("fan_out_{done}_{}_total", R::NAMES.replace(' ', "_"))
}

impl<R: Record> Shared<R> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Core<R>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> FanOut<R> {
    /// Has no sinks yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            core: Mutex::default(),
            published: counter!(metric::<R>("published")),
            room: Notify::new(),
        }))
    }

    /// Publishes records that are not stored yet, in their order. Waits for queues whose policy is to
    /// block, and for nothing else. Cancelled, it has published some from the start of `records`.
    ///
    /// # Errors
    /// After the end; some from the start may have been published.
    pub async fn publish(&self, records: &[R]) -> Result<(), FanOutClosed> {
        self.publish_as(records, false).await
    }

    /// Publishes records that are stored already to the sinks that take those.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_stored(&self, records: &[R]) -> Result<(), FanOutClosed> {
        self.publish_as(records, true).await
    }

    async fn publish_as(&self, records: &[R], stored: bool) -> Result<(), FanOutClosed> {
        // a publisher that never has to wait leaves others their turn
        tokio::task::coop::consume_budget().await;
        let mut rest = records;
        while !rest.is_empty() {
            let room_freed = self.0.room.notified();
            tokio::pin!(room_freed);
            // from here on no wake-up is missed
            room_freed.as_mut().enable();
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

    /// Numbers stored records that cannot be published one by one, and tells every sink that takes
    /// stored records that it missed them: one gap for each symbol. Where some of `records` are no
    /// news, the gaps are wider than they had to be. Cancelled, it has told of some.
    pub async fn announce_missed(&self, records: &[R]) {
        let mut by_symbol: BTreeMap<SymbolId, Gap> = BTreeMap::new();
        for piece in records.chunks(WORK) {
            for record in piece {
                // it is numbered when it is told of
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
            let told = self.0.lock().give_missed(rest);
            rest = &rest[told..];
            tokio::task::yield_now().await;
        }
    }

    /// Lets all queues with that name hold so many events together, those included that their
    /// owners have taken and not worked off. When they hold more, the queue that holds the most is
    /// emptied and [evicted](SinkQueue::is_evicted). Queues that publishers wait for are not counted.
    ///
    /// Counts `fan_out_evicted_sinks_total` by `sink`.
    pub fn limit(&self, name: &'static str, most: usize) {
        // there from the start, so that its first step shows
        counter!("fan_out_evicted_sinks_total", "sink" => name).increment(0);
        self.0.lock().limit(name, most);
    }

    /// Opens the queue of a sink that takes its events itself. It gets what is published from now
    /// on, until it is dropped.
    #[must_use]
    pub fn open(&self, options: QueueOptions) -> SinkQueue<R> {
        let ready = Arc::new(Notify::new());
        let name = options.name;
        gauge!("fan_out_sinks", "sink" => name).increment(1);
        let missed = counter!(metric::<R>("missed"), "sink" => name);
        // there from the start, so that its first step shows
        missed.increment(0);
        let registered = Registered::new(&options, Arc::clone(&ready), missed);
        let evicted = Arc::clone(&registered.evicted);
        let id = self.0.lock().add(registered, options.every_symbol);
        SinkQueue {
            name,
            ready,
            evicted,
            delivered: counter!(metric::<R>("delivered"), "sink" => name),
            monitor: QueueMonitor {
                fan_out: self.clone(),
                id,
            },
        }
    }

    /// Publishes nothing more. Sinks get what waits for them, and then their end.
    pub fn close(&self) {
        let mut core = self.0.lock();
        core.closed = true;
        core.wake_all();
        drop(core);
        self.0.room.notify_waiters();
    }
}

/// How a queue is doing. Cloning shares it.
#[derive(Debug, Clone)]
pub struct QueueMonitor<R: Record = Tick> {
    fan_out: FanOut<R>,
    id: u64,
}

impl<R: Record> QueueMonitor<R> {
    /// Events that wait or are being worked at; 0 after the end of the sink.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let core = self.fan_out.0.lock();
        let registered = core.get(self.id);
        registered.map_or(0, |registered| registered.queue.len() + registered.taken)
    }

    /// Records that the sink missed; 0 after its end.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let core = self.fan_out.0.lock();
        let registered = core.get(self.id);
        registered.map_or(0, |registered| registered.queue.missed())
    }
}

/// The queue of one sink; dropping it ends the sink.
pub struct SinkQueue<R: Record = Tick> {
    name: &'static str,
    ready: Arc<Notify>,
    evicted: Arc<Notify>,
    delivered: Counter,
    monitor: QueueMonitor<R>,
}

impl<R: Record> SinkQueue<R> {
    /// The next events, at least one, as soon as there are any; `None` when the fan-out was closed
    /// and everything was taken, and when the queue was [evicted](Self::is_evicted). What was taken before counts as worked off. Cancelled, it has
    /// taken nothing.
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

    /// Starts to get records of a symbol: all that are published from now on.
    pub fn follow(&self, symbol_id: SymbolId) {
        self.follow_all(&[symbol_id]);
    }

    /// [`follow`](Self::follow), of several symbols.
    pub fn follow_all(&self, symbol_ids: &[SymbolId]) {
        let mut core = self.monitor.fan_out.0.lock();
        core.follow(self.monitor.id, symbol_ids);
    }

    /// Gets no more records of a symbol, nor those of it that wait.
    pub fn unfollow(&self, symbol_id: SymbolId) {
        self.unfollow_all(&[symbol_id]);
    }

    /// [`unfollow`](Self::unfollow), of several symbols by one look at what waits.
    pub fn unfollow_all(&self, symbol_ids: &[SymbolId]) {
        let mut core = self.monitor.fan_out.0.lock();
        core.unfollow(self.monitor.id, symbol_ids);
    }

    /// Whether nothing waits but what was taken last.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        let core = self.monitor.fan_out.0.lock();
        let registered = core.get(self.monitor.id);
        registered.is_none_or(|registered| registered.queue.is_empty())
    }

    /// Whether it was emptied and gets nothing any more, since it held the most when the queues of
    /// its name held more than their [limit](FanOut::limit).
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        let core = self.monitor.fan_out.0.lock();
        let registered = core.get(self.monitor.id);
        registered.is_some_and(|registered| registered.is_evicted)
    }

    /// Ends when it [is evicted](Self::is_evicted); for one waiter at a time.
    pub fn evicted(&self) -> impl Future<Output = ()> + Send + use<R> {
        let evicted = Arc::clone(&self.evicted);
        async move { evicted.notified().await }
    }

    /// How it is doing.
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
        gauge!("fan_out_sinks", "sink" => self.name).decrement(1);
        let mut core = self.monitor.fan_out.0.lock();
        let removed = core.remove(self.monitor.id);
        let stored = removed.is_some_and(|registered| registered.blocks);
        drop(core);
        if stored {
            // what is published from now on would be stored by nobody
            self.monitor.fan_out.close();
        }
    }
}
