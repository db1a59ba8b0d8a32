//! Gaps in events that are made up.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::book::StaleReason;
use tickbook::domain::{FeedChannel, FeedGap, GapEdge, GapReason, SymbolId};

use super::directory::SymbolDirectory;
use super::gaps::{GapTracker, Stopped};
use crate::error::ProtocolError;
use crate::event::{
    Aggressor, FeedEvent, LostMessages, StaleBook, TradeId, VenueQuote, VenueTrade,
};
use crate::protocol::Frame;
use crate::subscription::{Channel, Subscription};
use crate::transport::{ConnectionEnd, EndReason, TransportEvent};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// A tracker of the symbols A and B, and its gaps.
struct Run {
    tracker: GapTracker,
    now: i64,
    gaps: Vec<FeedGap>,
}

impl Run {
    async fn new(channels: &[Channel], from_books: bool) -> Self {
        let symbols = Repositories::in_memory().symbols;
        let directory = SymbolDirectory::open(&*symbols, "test", ["A", "B"], &[]).await;
        let directory = directory.expect("memory");
        let subscription = Subscription::new(["A", "B"], channels.iter().copied());
        Self {
            tracker: GapTracker::new("test", directory, &subscription, from_books),
            now: 0,
            gaps: Vec::new(),
        }
    }

    fn see(&mut self, event: &TransportEvent<'_>) {
        self.tracker.observe(event, at(self.now));
        for gap in self.tracker.take_changed().into_values() {
            self.gaps.retain(|other| other.key() != gap.key());
            self.gaps.push(gap);
        }
    }

    fn open(&mut self, second: i64) {
        self.now = second;
        let address = "ws://test";
        let at = at(second);
        self.see(&TransportEvent::Opened { address, at });
    }

    fn end(&mut self, second: i64, reason: EndReason) {
        self.now = second;
        self.see(&TransportEvent::Ended(&ConnectionEnd::new(reason, "")));
    }

    fn message(&mut self, second: i64) {
        self.now = second;
        self.see(&TransportEvent::Message(Frame::new("", at(second))));
    }

    fn trade(&mut self, second: i64, symbol: &str) {
        self.trade_with(second, symbol, TradeId::Unknown, 1);
    }

    fn trade_with(&mut self, second: i64, symbol: &str, id: TradeId<'_>, merged: u32) {
        self.message(second);
        self.see(&TransportEvent::Feed(FeedEvent::Trade(VenueTrade {
            symbol,
            time: at(second - 1),
            received_at: at(second),
            price: Decimal::ONE,
            quantity: Decimal::ONE,
            aggressor: Aggressor::Buy,
            id,
            merged,
            is_replayed: false,
        })));
    }

    /// The records beside each gap, by key.
    fn edges(&mut self) -> Vec<(Option<GapEdge>, Option<GapEdge>)> {
        self.gaps.sort_by_key(FeedGap::key);
        let edges = self.gaps.iter().map(|gap| (gap.last, gap.next));
        edges.collect()
    }

    fn quote(&mut self, second: i64, symbol: &str) {
        self.message(second);
        self.see(&TransportEvent::Feed(FeedEvent::Quote(VenueQuote {
            symbol,
            time: at(0),
            received_at: at(second),
            sequence: None,
            bid: None,
            ask: None,
        })));
    }

    fn stale(&mut self, symbol: &str, reason: StaleReason) {
        let detail = "";
        let stale = StaleBook {
            symbol,
            reason,
            detail,
        };
        self.see(&TransportEvent::Feed(FeedEvent::BookStale(stale)));
    }

    fn refused(&mut self, second: i64, error: ProtocolError) {
        self.message(second);
        self.see(&TransportEvent::Refused(&error));
    }

    /// Symbol, channel, start, end and reason of each gap, by key.
    #[track_caller]
    fn expect(&mut self, expected: &[(i64, FeedChannel, i64, Option<i64>, GapReason)]) {
        let seconds = |time: DateTime<Utc>| time.timestamp();
        self.gaps.sort_by_key(FeedGap::key);
        let found = self.gaps.iter().map(|gap| {
            assert_eq!((&*gap.feed, gap.filled_at), ("test", None));
            let (from, to) = (seconds(gap.from), gap.to.map(seconds));
            (gap.symbol_id.get(), gap.channel, from, to, gap.reason)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

const DISCONNECTED: GapReason = GapReason::Stale(StaleReason::Disconnected);
const MALFORMED: GapReason = GapReason::Stale(StaleReason::Malformed);
const TRADES: FeedChannel = FeedChannel::Trades;
const QUOTES: FeedChannel = FeedChannel::Quotes;
const BOOK: FeedChannel = FeedChannel::Book;

#[tokio::test]
async fn end_of_a_connection_begins_gaps_of_all() {
    let mut run = Run::new(&[Channel::Trades], false).await;
    run.open(1);
    run.trade(2, "A");
    run.message(5);
    run.expect(&[]);
    run.end(7, EndReason::Closed);
    // up to the last message everything has arrived
    let open = [
        (1, TRADES, 5, None, DISCONNECTED),
        (2, TRADES, 5, None, DISCONNECTED),
    ];
    run.expect(&open);
    assert_eq!(run.tracker.counts(), (2, 2));
    // the next connection ends without a record
    run.open(8);
    run.end(9, EndReason::Silence);
    run.expect(&open);
    run.open(10);
    run.trade(11, "B");
    run.expect(&[open[0], (2, TRADES, 5, Some(11), DISCONNECTED)]);
    run.trade(15, "A");
    run.trade(16, "A");
    run.expect(&[
        (1, TRADES, 5, Some(15), DISCONNECTED),
        (2, TRADES, 5, Some(11), DISCONNECTED),
    ]);
    assert_eq!(run.tracker.counts(), (2, 0));
}

#[tokio::test]
async fn silence_is_a_reason_of_its_own() {
    let mut run = Run::new(&[Channel::Quotes], false).await;
    run.open(1);
    run.end(40, EndReason::Silence);
    let silence = GapReason::Stale(StaleReason::Silence);
    run.expect(&[(1, QUOTES, 1, None, silence), (2, QUOTES, 1, None, silence)]);
}

#[tokio::test]
async fn stale_book_is_a_gap_of_the_book_alone() {
    let channels = [Channel::Quotes, Channel::Trades, Channel::Book(10)];
    let mut run = Run::new(&channels, false).await;
    run.open(1);
    run.quote(2, "A");
    run.message(3);
    run.message(4);
    run.stale("A", StaleReason::Checksum);
    let checksum = GapReason::Stale(StaleReason::Checksum);
    // the message of second 4 was not applied
    run.expect(&[(1, BOOK, 3, None, checksum)]);
    run.quote(5, "A");
    run.trade(6, "A");
    run.expect(&[(1, BOOK, 3, None, checksum)]);
}

#[tokio::test]
async fn quotes_of_a_stale_book_are_lost_with_it() {
    let mut run = Run::new(&[Channel::Quotes, Channel::Trades], true).await;
    run.open(1);
    run.message(2);
    run.message(3);
    run.stale("B", StaleReason::Gap);
    let gap = GapReason::Stale(StaleReason::Gap);
    // without a subscribed book there is no gap of one
    run.expect(&[(2, QUOTES, 2, None, gap)]);
}

#[tokio::test]
async fn unreadable_message_may_be_of_any_symbol() {
    let mut run = Run::new(&[Channel::Trades, Channel::Book(10)], false).await;
    run.open(1);
    run.trade(2, "A");
    run.refused(4, ProtocolError::Unreadable(String::new()));
    run.expect(&[
        (1, TRADES, 2, Some(4), MALFORMED),
        (2, TRADES, 2, Some(4), MALFORMED),
    ]);
    let invalid = ProtocolError::InvalidField {
        symbol: "B".to_owned(),
        field: "price",
        detail: String::new(),
    };
    run.refused(6, invalid);
    run.expect(&[
        (1, TRADES, 2, Some(4), MALFORMED),
        (2, TRADES, 2, Some(4), MALFORMED),
        (2, TRADES, 4, Some(6), MALFORMED),
    ]);
}

#[tokio::test]
async fn unreadable_answer_loses_no_trades() {
    let mut run = Run::new(&[Channel::Trades], false).await;
    run.open(1);
    run.message(2);
    let (address, body) = ("http://test", Frame::new("{", at(3)));
    run.see(&TransportEvent::Answer { address, body });
    let error = ProtocolError::Unreadable(String::new());
    run.see(&TransportEvent::Refused(&error));
    run.expect(&[]);
}

#[tokio::test]
async fn gap_of_an_earlier_run_ends_with_a_record() {
    let mut run = Run::new(&[Channel::Trades], false).await;
    let symbol = SymbolId::new(1);
    let left = FeedGap::open("test", symbol, TRADES, at(3), DISCONNECTED);
    let later = FeedGap::open("test", symbol, TRADES, at(4), GapReason::Stopped);
    run.tracker.resume(vec![later, left]);
    let stopped = |second| Stopped {
        received_at: at(second),
        start: at(second),
        edge: GapEdge::new(at(1), Some(7)),
    };
    run.tracker.stopped((symbol, TRADES), stopped(5));
    run.tracker.stopped((SymbolId::new(2), TRADES), stopped(6));
    run.open(9);
    run.trade(10, "A");
    run.trade(11, "B");
    run.expect(&[
        (1, TRADES, 3, Some(10), DISCONNECTED),
        (1, TRADES, 4, Some(10), GapReason::Stopped),
        (2, TRADES, 6, Some(11), GapReason::Stopped),
    ]);
}

#[tokio::test]
async fn clock_that_was_set_back_gives_no_negative_gap() {
    let mut run = Run::new(&[Channel::Trades], false).await;
    run.open(5);
    run.end(6, EndReason::Failed);
    run.open(2);
    run.trade(3, "A");
    run.expect(&[
        (1, TRADES, 5, Some(5), DISCONNECTED),
        (2, TRADES, 5, None, DISCONNECTED),
    ]);
}

#[tokio::test]
async fn lost_messages_of_a_session_open_gaps() {
    let mut run = Run::new(&[Channel::Quotes, Channel::Book(10)], false).await;
    run.open(1);
    run.quote(2, "A");
    run.quote(3, "B");
    run.now = 5;
    let lost = LostMessages {
        count: 2,
        noticed_at: at(5),
        detail: "",
    };
    run.see(&TransportEvent::Feed(FeedEvent::MessagesLost(lost)));
    run.quote(7, "B");
    let gap = GapReason::Stale(StaleReason::Gap);
    // the protocol reports the books
    run.expect(&[
        (1, FeedChannel::Quotes, 3, None, gap),
        (2, FeedChannel::Quotes, 3, Some(7), gap),
    ]);
}

#[tokio::test]
async fn gap_has_the_trades_beside_it() {
    let edge = |second: i64, number| Some(GapEdge::new(at(second), number));
    let mut run = Run::new(&[Channel::Trades], false).await;
    run.open(1);
    run.trade_with(3, "A", TradeId::Number(7), 1);
    // the venue may repeat an older trade
    run.trade_with(4, "A", TradeId::Number(6), 1);
    run.trade_with(4, "B", TradeId::Text("x"), 1);
    run.end(5, EndReason::Closed);
    run.open(6);
    // three trades in one: 10, 11 and 12
    run.trade_with(8, "A", TradeId::Number(12), 3);
    run.trade_with(9, "B", TradeId::Number(-1), 1);
    run.end(10, EndReason::Closed);
    let expected = [
        (edge(2, Some(7)), edge(7, Some(10))),
        (edge(3, None), edge(8, None)),
        (edge(7, Some(12)), None),
        (edge(8, None), None),
    ];
    assert_eq!(run.edges(), expected);
}

#[tokio::test]
async fn gap_that_ends_without_a_record_gets_the_next() {
    let edge = |second: i64, number| Some(GapEdge::new(at(second), Some(number)));
    let mut run = Run::new(&[Channel::Trades], false).await;
    run.open(1);
    run.trade_with(2, "A", TradeId::Number(7), 1);
    run.refused(4, ProtocolError::Unreadable(String::new()));
    let malformed = [
        (1, TRADES, 2, Some(4), MALFORMED),
        (2, TRADES, 2, Some(4), MALFORMED),
    ];
    run.expect(&malformed);
    assert_eq!(run.edges(), [(edge(1, 7), None), (None, None)]);
    run.trade_with(6, "A", TradeId::Number(9), 1);
    run.trade_with(7, "A", TradeId::Number(10), 1);
    run.expect(&malformed);
    assert_eq!(run.edges(), [(edge(1, 7), edge(5, 9)), (None, None)]);
    // also one of an earlier run
    let mut later = Run::new(&[Channel::Trades], false).await;
    let left = run.gaps.pop().expect("the gap of B");
    later.tracker.follow(vec![left]);
    later.open(9);
    later.trade_with(10, "B", TradeId::Number(3), 1);
    later.expect(&[malformed[1]]);
    assert_eq!(later.edges(), [(None, edge(9, 3))]);
}

#[tokio::test]
async fn renewed_connection_leaves_no_gap() {
    let mut run = Run::new(&[Channel::Trades, Channel::Book(10)], false).await;
    run.open(1);
    run.trade(2, "A");
    run.now = 3;
    let address = "ws://test";
    let at = at(3);
    run.see(&TransportEvent::Renewed { address, at });
    run.trade(4, "B");
    run.expect(&[]);
    run.end(5, EndReason::Closed);
    assert_eq!(run.tracker.counts(), (4, 4));
}
