//! Times in which a feed may have lost records.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tickbook::domain::book::StaleReason;
use tickbook::domain::{FeedChannel, FeedGap, FeedGapKey, GapEdge, GapReason, SymbolId};

use super::directory::SymbolDirectory;
use crate::error::ProtocolError;
use crate::event::{FeedEvent, TradeId, VenueTrade};
use crate::subscription::{Channel, Subscription};
use crate::transport::TransportEvent;

/// One symbol and channel.
#[derive(Debug, Default)]
struct Track {
    /// When its last record was received.
    last: Option<DateTime<Utc>>,
    /// The last record of the venue.
    edge: Option<GapEdge>,
    /// Gaps that ended without a record.
    unfollowed: Vec<FeedGap>,
    /// The gaps that last: several only if earlier runs have left them.
    open: Vec<FeedGap>,
}

/// A record as the last one before a gap, and as the first one after a gap.
#[derive(Debug, Clone, Copy)]
struct Edges {
    last: GapEdge,
    next: GapEdge,
}

impl Edges {
    fn of(time: DateTime<Utc>, sequence: Option<i64>) -> Self {
        let edge = GapEdge::new(time, sequence.filter(|number| *number >= 0));
        Self {
            last: edge,
            next: edge,
        }
    }

    /// A trade that merges several begins with the number of the first of them.
    fn of_trade(trade: &VenueTrade<'_>) -> Self {
        let TradeId::Number(number) = trade.id else {
            return Self::of(trade.time, None);
        };
        let first = number - i64::from(trade.merged.saturating_sub(1));
        Self {
            last: Self::of(trade.time, Some(number)).last,
            next: Self::of(trade.time, Some(first)).next,
        }
    }
}

/// The last stored record of a symbol and channel, at the start of a feed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped {
    /// When it was received.
    pub(super) received_at: DateTime<Utc>,
    /// The start of the gap after it.
    pub(super) start: DateTime<Utc>,
    /// The record.
    pub(super) edge: GapEdge,
}

impl Stopped {
    /// Whether a gap that lasts has everything after the record.
    fn is_in(&self, gap: &FeedGap) -> bool {
        let Some(last) = gap.last else {
            return gap.from <= self.received_at;
        };
        match last.sequence.zip(self.edge.sequence) {
            Some((last, stored)) => last <= stored,
            None => last.time <= self.edge.time,
        }
    }
}

/// Finds the gaps of a feed in the events of its transport.
///
/// A gap begins with the last record before a loss, and ends with the first record of the symbol and channel after
/// it. So it has at least the time of the loss, and more if the venue has nothing to report.
#[derive(Debug)]
pub(super) struct GapTracker {
    feed: String,
    directory: SymbolDirectory,
    /// Whether quotes are the changes of the best levels of books.
    from_books: bool,
    tracks: BTreeMap<(SymbolId, FeedChannel), Track>,
    /// When the connection was opened, or the message before the current one was received.
    previous: Option<DateTime<Utc>>,
    /// When the current message was received.
    current: Option<DateTime<Utc>>,
    /// Whether the protocol reads an answer to an HTTP request.
    is_answer: bool,
    changed: BTreeMap<FeedGapKey, FeedGap>,
    begun: u64,
}

impl GapTracker {
    pub(super) fn new(
        feed: &str,
        directory: SymbolDirectory,
        subscription: &Subscription,
        from_books: bool,
    ) -> Self {
        let mut channels = Vec::new();
        for (channel, is_subscribed) in [
            (FeedChannel::Quotes, subscription.has(Channel::Quotes)),
            (FeedChannel::Trades, subscription.has(Channel::Trades)),
            (FeedChannel::Book, subscription.book_depth().is_some()),
        ] {
            channels.extend(is_subscribed.then_some(channel));
        }
        let ids = subscription.symbols.iter();
        let ids = ids.filter_map(|symbol| directory.get(symbol));
        let keys = ids.flat_map(|id| channels.iter().map(move |channel| (id, *channel)));
        Self {
            tracks: keys.map(|key| (key, Track::default())).collect(),
            feed: feed.to_owned(),
            directory,
            from_books,
            previous: None,
            current: None,
            is_answer: false,
            changed: BTreeMap::new(),
            begun: 0,
        }
    }

    /// The symbols and channels.
    pub(super) fn keys(&self) -> Vec<(SymbolId, FeedChannel)> {
        self.tracks.keys().copied().collect()
    }

    /// Takes the gaps that an earlier run has left open.
    pub(super) fn resume(&mut self, open: Vec<FeedGap>) {
        for gap in open {
            if let Some(track) = self.tracks.get_mut(&(gap.symbol_id, gap.channel)) {
                track.open.push(gap);
            }
        }
    }

    /// Takes gaps that an earlier run has left open, and that have ended.
    pub(super) fn ended(&mut self, ended: Vec<FeedGap>) {
        let ended = ended.into_iter().map(|gap| (gap.key(), gap));
        self.changed.extend(ended);
    }

    /// Takes gaps that an earlier run has ended, and that lack the record after them.
    pub(super) fn follow(&mut self, ended: Vec<FeedGap>) {
        for gap in ended {
            if let Some(track) = self.tracks.get_mut(&(gap.symbol_id, gap.channel)) {
                track.unfollowed.push(gap);
            }
        }
    }

    /// Notes the last stored record, and that the feed did not run since. Records that were received after it were not
    /// durable, and a gap that begins with one of them does not have all of them.
    pub(super) fn stopped(&mut self, key: (SymbolId, FeedChannel), stopped: Stopped) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        track.edge = Some(stopped.edge);
        if !track.open.iter().any(|gap| stopped.is_in(gap)) {
            self.add(key, stopped.start, GapReason::Stopped);
        }
    }

    /// The number of gaps that began, and of those that last.
    pub(super) fn counts(&self) -> (u64, u64) {
        let open = self.tracks.values().filter(|track| !track.open.is_empty());
        (self.begun, open.count() as u64)
    }

    /// The gaps that are new or changed since the last call.
    pub(super) fn take_changed(&mut self) -> BTreeMap<FeedGapKey, FeedGap> {
        std::mem::take(&mut self.changed)
    }

    fn begin(&mut self, key: (SymbolId, FeedChannel), from: DateTime<Utc>, reason: GapReason) {
        let track = self.tracks.get(&key);
        if track.is_some_and(|track| track.open.is_empty()) {
            self.add(key, from, reason);
        }
    }

    fn add(&mut self, key: (SymbolId, FeedChannel), from: DateTime<Utc>, reason: GapReason) {
        let (id, channel) = key;
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let gap = FeedGap::open(self.feed.as_str(), id, channel, from, reason);
        let gap = gap.last(track.edge);
        self.changed.insert(gap.key(), gap.clone());
        track.open.push(gap);
        self.begun += 1;
    }

    /// A record was received.
    fn record(&mut self, key: (SymbolId, FeedChannel), at: DateTime<Utc>, record: Edges) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        let ended = track.unfollowed.drain(..);
        let open = track.open.drain(..).map(|gap| {
            // the clock may have been set back
            let to = at.max(gap.from);
            gap.closed(to)
        });
        for gap in ended.chain(open) {
            let gap = gap.next(record.next);
            self.changed.insert(gap.key(), gap);
        }
        track.last = Some(at);
        // a venue may repeat older records after a subscription
        let is_older = track
            .edge
            .is_some_and(|edge| edge.sequence > record.last.sequence);
        if !is_older {
            track.edge = Some(record.last);
        }
    }

    /// The loss ended at `at`, without a record.
    fn end(&mut self, key: (SymbolId, FeedChannel), at: DateTime<Utc>) {
        let Some(track) = self.tracks.get_mut(&key) else {
            return;
        };
        for gap in track.open.drain(..) {
            let to = at.max(gap.from);
            let gap = gap.closed(to);
            self.changed.insert(gap.key(), gap.clone());
            track.unfollowed.push(gap);
        }
    }

    /// A message that may have been a record of `symbol`, or of any symbol, could not be applied.
    fn lost_message(&mut self, symbol: Option<SymbolId>, now: DateTime<Utc>) {
        let (from, to) = (self.previous.unwrap_or(now), self.current.unwrap_or(now));
        for key in self.keys() {
            let (id, channel) = key;
            // the protocol makes the books stale whose updates it may have been
            let is_of_books = match channel {
                FeedChannel::Book => true,
                FeedChannel::Quotes => self.from_books,
                _ => false,
            };
            if is_of_books || symbol.is_some_and(|symbol| symbol != id) {
                continue;
            }
            let is_open = self.tracks.get(&key).is_some_and(|it| !it.open.is_empty());
            self.begin(key, from, GapReason::Stale(StaleReason::Malformed));
            // the next message arrived
            if !is_open {
                self.end(key, to);
            }
        }
    }

    /// The session lost messages since the last one that was applied. The protocol reports the stale books.
    fn lost_messages(&mut self, now: DateTime<Utc>) {
        let from = self.current.unwrap_or(now);
        for key in self.keys() {
            if key.1 != FeedChannel::Book {
                self.begin(key, from, GapReason::Stale(StaleReason::Gap));
            }
        }
    }

    /// The channels that need the book of a symbol.
    fn of_book(&self, id: SymbolId) -> impl Iterator<Item = (SymbolId, FeedChannel)> + use<> {
        let quotes = self.from_books.then_some(FeedChannel::Quotes);
        let channels = [FeedChannel::Book].into_iter().chain(quotes);
        channels.map(move |channel| (id, channel))
    }

    fn book_stale(&mut self, symbol: &str, reason: StaleReason, now: DateTime<Utc>) {
        let Some(id) = self.directory.get(symbol) else {
            return;
        };
        for key in self.of_book(id) {
            let last = self.tracks.get(&key).and_then(|track| track.last);
            let from = match reason {
                // the connection was whole up to its last message
                StaleReason::Disconnected | StaleReason::Silence => self.current.or(last),
                _ => last.or(self.previous),
            };
            self.begin(key, from.unwrap_or(now), GapReason::Stale(reason));
        }
    }

    fn feed(&mut self, event: &FeedEvent<'_>, now: DateTime<Utc>) {
        match event {
            FeedEvent::Quote(quote) if !self.from_books => {
                if let Some(id) = self.directory.get(quote.symbol) {
                    let edges = Edges::of(quote.time, quote.sequence);
                    self.record((id, FeedChannel::Quotes), quote.received_at, edges);
                }
            }
            FeedEvent::Trade(trade) => {
                if let Some(id) = self.directory.get(trade.symbol) {
                    let edges = Edges::of_trade(trade);
                    self.record((id, FeedChannel::Trades), trade.received_at, edges);
                }
            }
            FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change) => {
                if let Some(id) = self.directory.get(change.symbol) {
                    let time = change.time.unwrap_or(change.received_at);
                    let edges = Edges::of(time, change.sequence);
                    for key in self.of_book(id) {
                        self.record(key, change.received_at, edges);
                    }
                }
            }
            FeedEvent::BookStale(stale) => self.book_stale(stale.symbol, stale.reason, now),
            FeedEvent::MessagesLost(_) => self.lost_messages(now),
            _ => {}
        }
    }

    pub(super) fn observe(&mut self, event: &TransportEvent<'_>, now: DateTime<Utc>) {
        match event {
            TransportEvent::Opened { at, .. } => {
                (self.previous, self.current) = (Some(*at), Some(*at));
            }
            TransportEvent::Message(frame) => {
                self.previous = self.current;
                self.current = Some(frame.received_at);
                self.is_answer = false;
            }
            TransportEvent::Answer { .. } => self.is_answer = true,
            TransportEvent::Feed(event) => self.feed(event, now),
            TransportEvent::Refused(ProtocolError::Unreadable(_)) if !self.is_answer => {
                self.lost_message(None, now);
            }
            TransportEvent::Refused(ProtocolError::InvalidField { symbol, .. }) => {
                if let Some(id) = self.directory.get(symbol) {
                    self.lost_message(Some(id), now);
                }
            }
            TransportEvent::Ended(end) => {
                let from = self.current.unwrap_or(now);
                for key in self.keys() {
                    self.begin(key, from, GapReason::Stale(end.stale_reason()));
                }
            }
            _ => {}
        }
    }
}
