//! The ticks, or the trades, that one client follows.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use tickbook::domain::{MarketEvent, SymbolId, Tick, Trade};
use tickbook::ingest::Record;
use tickbook::ingest::fanout::{FanOut, Gap, InvalidPosition, Published, QueueOptions, SinkQueue};
use tickbook::{Repositories, RepositoryError};
use tokio::time::Instant;

use super::clients::QUEUES;
use super::messages::{Message, StreamedBody};
use super::protocol::{Channel, Subscription, Symbols};
use crate::settings::WebSocketConfig;

/// A posted record is published shortly after it is stored. For this time a snapshot from the store is compared with
/// the records that follow.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(60);

/// A tick or a trade.
#[async_trait]
pub(super) trait StreamedRecord: MarketEvent + Record {
    const CHANNEL: Channel;

    fn message(self, number: Option<u64>, snapshot: bool) -> Message;

    /// The newest stored record of each symbol that has any.
    async fn latest_of(
        repositories: &Repositories,
        symbol_ids: &[SymbolId],
    ) -> Result<Vec<Self>, RepositoryError>;
}

#[async_trait]
impl StreamedRecord for Tick {
    const CHANNEL: Channel = Channel::Ticks;

    fn message(self, number: Option<u64>, snapshot: bool) -> Message {
        Message::Tick(StreamedBody {
            body: self.into(),
            number,
            snapshot,
        })
    }

    async fn latest_of(
        repositories: &Repositories,
        symbol_ids: &[SymbolId],
    ) -> Result<Vec<Self>, RepositoryError> {
        repositories.ticks.latest_of(symbol_ids).await
    }
}

#[async_trait]
impl StreamedRecord for Trade {
    const CHANNEL: Channel = Channel::Trades;

    fn message(self, number: Option<u64>, snapshot: bool) -> Message {
        Message::Trade(StreamedBody {
            body: self.into(),
            number,
            snapshot,
        })
    }

    async fn latest_of(
        repositories: &Repositories,
        symbol_ids: &[SymbolId],
    ) -> Result<Vec<Self>, RepositoryError> {
        repositories.trades.latest_of(symbol_ids).await
    }
}

/// The records of one kind for one client. Its queue also receives those of candle series.
pub(super) struct RecordChannel<R: Record> {
    fan_out: FanOut<R>,
    pub(super) queue: SinkQueue<R>,
    /// The number of the record after which each subscription begins.
    followed: BTreeMap<SymbolId, u64>,
    /// The same of the subscription to all symbols.
    all: Option<u64>,
    /// Snapshots from the store, which may be published yet.
    stored: BTreeMap<SymbolId, R>,
    stored_until: Instant,
}

/// The beginning of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// The number of the record after which it begins.
    pub(super) number: u64,
    /// The position that the client gave is of another run of the server.
    pub(super) is_restarted: bool,
    /// The symbols whose newest record is sent first.
    pub(super) snapshots: Vec<SymbolId>,
}

impl<R: StreamedRecord> RecordChannel<R> {
    pub(super) fn open(fan_out: &FanOut<R>, config: &WebSocketConfig) -> Self {
        fan_out.retain(config.resume);
        let options = QueueOptions::dropping_oldest(QUEUES, config.queue).every_symbol(false);
        Self {
            queue: fan_out.open(options),
            fan_out: fan_out.clone(),
            followed: BTreeMap::new(),
            all: None,
            stored: BTreeMap::new(),
            stored_until: Instant::now(),
        }
    }

    /// The number of subscriptions.
    pub(super) fn len(&self) -> usize {
        self.followed.len() + usize::from(self.all.is_some())
    }

    pub(super) fn has(&self, symbol_id: SymbolId) -> bool {
        self.all.is_some() || self.followed.contains_key(&symbol_id)
    }

    /// Whether the symbol has a subscription of its own.
    pub(super) fn is_followed(&self, symbol_id: SymbolId) -> bool {
        self.followed.contains_key(&symbol_id)
    }

    pub(super) fn has_all(&self) -> bool {
        self.all.is_some()
    }

    /// Whether a subscription includes a record, which the client does not have as a snapshot.
    pub(super) fn takes(&mut self, published: &Published<R>) -> bool {
        let symbol_id = MarketEvent::symbol_id(&published.record);
        if !self.is_after_start(symbol_id, published.number) {
            return false;
        }
        if !self.stored.is_empty() {
            self.forget_stored(Instant::now());
        }
        let Some(stored) = self.stored.get(&symbol_id) else {
            return true;
        };
        let (record, time) = (&published.record, MarketEvent::time(stored));
        if MarketEvent::time(record) < time {
            return true;
        }
        let is_sent = MarketEvent::time(record) == time && stored.has_content_of(record);
        self.stored.remove(&symbol_id);
        !is_sent
    }

    /// Forgets snapshots from the store after some time.
    pub(super) fn forget_stored(&mut self, now: Instant) {
        if now >= self.stored_until {
            self.stored = BTreeMap::new();
        }
    }

    /// Whether a subscription includes a record of that gap.
    pub(super) fn takes_gap(&self, gap: &Gap) -> bool {
        self.is_after_start(gap.symbol_id, gap.last)
    }

    fn is_after_start(&self, symbol_id: SymbolId, number: u64) -> bool {
        let starts = self.followed.get(&symbol_id).into_iter().chain(&self.all);
        starts.min().is_some_and(|start| number > *start)
    }

    /// Begins a subscription.
    ///
    /// # Errors
    /// The client cannot continue where it says.
    pub(super) fn subscribe(
        &mut self,
        subscription: &Subscription,
        epoch: &str,
    ) -> Result<Begun, String> {
        let ids = subscription.symbols.ids();
        let of_every = subscription.symbols == Symbols::All;
        let position = subscription.resume.as_ref();
        let is_restarted = position.is_some_and(|position| position.epoch != epoch);
        let (number, start) = match position {
            Some(position) if !is_restarted => {
                let after = position.after;
                let number = self
                    .queue
                    .resume((!of_every).then_some(ids), after)
                    .map_err(|error| refusal(&error))?;
                (number, after)
            }
            _ => {
                let number = match of_every {
                    true => self.queue.follow_every(),
                    false => self.queue.follow_all(ids),
                };
                (number, number)
            }
        };
        let mut snapshots = Vec::new();
        if of_every {
            self.all.get_or_insert(start);
        }
        for symbol_id in ids {
            if !self.has(*symbol_id) {
                snapshots.push(*symbol_id);
            }
            self.followed.entry(*symbol_id).or_insert(start);
        }
        if (position.is_some() && !is_restarted) || !subscription.has_snapshot {
            snapshots.clear();
        }
        Ok(Begun {
            number,
            is_restarted,
            snapshots,
        })
    }

    /// Ends subscriptions, and returns their symbols. The queue still receives their records.
    pub(super) fn unsubscribe(&mut self, symbols: &Symbols) -> Vec<SymbolId> {
        if *symbols == Symbols::All {
            self.all = None;
            return std::mem::take(&mut self.followed).into_keys().collect();
        }
        for symbol_id in symbols.ids() {
            self.followed.remove(symbol_id);
        }
        symbols.ids().to_vec()
    }

    /// Splits the newest records at the start of a subscription: those that were published before, and those of the
    /// store. A record that was published later is sent by the subscription itself.
    pub(super) fn snapshots(
        &mut self,
        symbol_ids: &[SymbolId],
        stored: Vec<R>,
    ) -> (Vec<Published<R>>, Vec<R>) {
        let newest = self.fan_out.newest(symbol_ids);
        let of_record = |published: &Published<R>| MarketEvent::symbol_id(&published.record);
        let are_published: HashSet<SymbolId> = newest.iter().map(of_record).collect();
        let mut of_store = Vec::new();
        for record in stored {
            let symbol_id = MarketEvent::symbol_id(&record);
            if self.has(symbol_id) && !are_published.contains(&symbol_id) {
                self.stored_until = Instant::now() + PUBLISHED_WITHIN;
                self.stored.insert(symbol_id, record.clone());
                of_store.push(record);
            }
        }
        let is_before = |published: &Published<R>| {
            let symbol_id = of_record(published);
            self.has(symbol_id) && !self.is_after_start(symbol_id, published.number)
        };
        let published = newest.into_iter().filter(is_before).collect();
        (published, of_store)
    }
}

fn refusal(error: &InvalidPosition) -> String {
    match error {
        InvalidPosition::InUse => {
            "resume comes too late: send it before any other subscription to this channel, or to \
                                   candles"
                .to_owned()
        }
        error => format!("invalid resume: {error}"),
    }
}
