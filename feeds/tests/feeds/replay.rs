//! Replays sessions and records what the protocol reports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::book::{BookSide, LevelCounts, OrderBook, StaleReason};
use tickbook_feeds::{
    Aggressor, BookChange, FeedEvent, Frame, Protocol, ProtocolError, Request, TradeId, VenueQuote,
};

use crate::sessions::{Line, digest};

/// The reports about the book of a symbol.
#[derive(Debug, Default)]
pub(crate) struct BookFacts {
    pub(crate) snapshots: u64,
    pub(crate) snapshot_levels: u64,
    pub(crate) updates: u64,
    pub(crate) counts: LevelCounts,
    /// The times of updates.
    pub(crate) times: Vec<DateTime<Utc>>,
    /// Best bid and best ask after each message, by its number.
    pub(crate) tops: BTreeMap<i64, Top>,
    /// The numbers of all messages.
    pub(crate) sequences: Vec<i64>,
}

/// Price and quantity of the best bid and of the best ask.
pub(crate) type Top = [Option<(Decimal, Decimal)>; 2];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) line: usize,
    pub(crate) id: Option<String>,
    pub(crate) time: DateTime<Utc>,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) aggressor: Aggressor,
    pub(crate) is_replayed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) line: usize,
    pub(crate) time: DateTime<Utc>,
    pub(crate) sequence: Option<i64>,
    pub(crate) bid: Option<(Decimal, Option<Decimal>)>,
    pub(crate) ask: Option<(Decimal, Option<Decimal>)>,
}

/// A fault that the protocol noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) line: usize,
    /// The number of the received frame, from 0.
    pub(crate) frame: usize,
    pub(crate) kind: &'static str,
    /// `None` if the fault concerns the connection.
    pub(crate) symbol: Option<String>,
}

/// The reports of a protocol in a session.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) books: BTreeMap<String, BookFacts>,
    pub(crate) trades: BTreeMap<String, Vec<Trade>>,
    pub(crate) quotes: BTreeMap<String, Vec<Quote>>,
    pub(crate) instruments: usize,
    pub(crate) notices: Vec<Notice>,
    /// Symbols whose snapshots are requested over HTTP.
    fetches: Vec<String>,
    line: usize,
    frame: usize,
}

fn kind(reason: StaleReason) -> &'static str {
    match reason {
        StaleReason::Gap => "sequence",
        StaleReason::Malformed => "parse",
        StaleReason::Disconnected => "close",
        reason => reason.as_str(),
    }
}

/// Best bid and best ask of a valid book.
pub(crate) fn top(book: &OrderBook) -> Top {
    let view = book.view().expect("a valid book");
    [BookSide::Bid, BookSide::Ask].map(|side| {
        let best = view.decimals(side).next();
        best.map(|(price, quantity)| (price.normalize(), quantity.normalize()))
    })
}

/// The canonical text of a whole book.
pub(crate) fn book_text(book: &OrderBook) -> String {
    let view = book.view().expect("a valid book");
    let mut text = String::new();
    for side in [BookSide::Bid, BookSide::Ask] {
        for (price, quantity) in view.decimals(side) {
            text += &format!("{side} {} {}\n", price.normalize(), quantity.normalize());
        }
    }
    text
}

/// The digest of a valid book; `None` for any other book.
pub(crate) fn book_digest(protocol: &dyn Protocol, symbol: &str) -> Option<String> {
    let book = protocol.book(symbol).expect("a known symbol");
    book.state().is_valid().then(|| digest(&book_text(book)))
}

impl Replay {
    /// Passes all lines to a protocol. `fetch` answers requests for snapshots over HTTP. `after` runs after
    /// each line and may pass further frames to the protocol.
    pub(crate) fn run<P: Protocol>(
        &mut self,
        protocol: &mut P,
        lines: &[Line],
        mut fetch: impl FnMut(&mut P, &str, &mut dyn FnMut(FeedEvent<'_>)),
        mut after: impl FnMut(&mut P, usize, &mut dyn FnMut(FeedEvent<'_>)),
    ) {
        let mut is_open = false;
        for (at, line) in lines.iter().enumerate() {
            match line {
                Line::Opened => {
                    if is_open {
                        // the connection ended after the previous line
                        self.close(protocol);
                    }
                    is_open = true;
                    protocol.opened();
                }
                Line::Received {
                    at: received_at,
                    text,
                } => {
                    self.line = at + 1;
                    let frame = Frame::new(text, *received_at);
                    let received = protocol.receive(frame, &mut |event| self.event(event));
                    if let Err(error) = received {
                        self.error(&error);
                    }
                    self.frame += 1;
                    for symbol in std::mem::take(&mut self.fetches) {
                        fetch(protocol, &symbol, &mut |event| self.event(event));
                    }
                }
                Line::Answer { .. } | Line::Other => {}
            }
            after(protocol, at + 1, &mut |event| self.event(event));
        }
    }

    /// Passes all lines to a protocol of a venue that sends its snapshots in the session.
    pub(crate) fn of<P: Protocol>(protocol: &mut P, lines: &[Line]) -> Self {
        let mut replay = Self::default();
        let no_fetch = |_: &mut P, symbol: &str, _: &mut dyn FnMut(FeedEvent<'_>)| {
            panic!("fetch of {symbol}");
        };
        replay.run(protocol, lines, no_fetch, |_, _, _| {});
        replay
    }

    /// Ends the connection after the last line.
    pub(crate) fn close(&mut self, protocol: &mut dyn Protocol) {
        let (line, frame) = (self.line, self.frame.saturating_sub(1));
        self.notices.push(Notice {
            line,
            frame,
            kind: "close",
            symbol: None,
        });
        protocol.closed(StaleReason::Disconnected, "closed", &mut |_| {});
    }

    fn error(&mut self, error: &ProtocolError) {
        assert!(matches!(error, ProtocolError::Unreadable(_)), "{error}");
        // its events of single books were recorded before
        let (line, frame) = (self.line, self.frame);
        self.notices.retain(|notice| notice.line != line);
        self.notices.push(Notice {
            line,
            frame,
            kind: "parse",
            symbol: None,
        });
    }

    fn event(&mut self, event: FeedEvent<'_>) {
        match event {
            FeedEvent::BookSnapshot(change) => {
                let facts = self.book(&change);
                facts.snapshots += 1;
                let view = change.book.view().expect("a valid book");
                let levels = [BookSide::Bid, BookSide::Ask].map(|side| view.side(side).len());
                facts.snapshot_levels += levels.iter().sum::<usize>() as u64;
            }
            FeedEvent::BookUpdate(change) => {
                let facts = self.book(&change);
                facts.updates += 1;
                facts.counts.inserted += change.counts.inserted;
                facts.counts.replaced += change.counts.replaced;
                facts.counts.removed += change.counts.removed;
                facts.counts.unknown += change.counts.unknown;
                facts.counts.cut += change.counts.cut;
                facts.times.extend(change.time);
            }
            FeedEvent::BookStale(stale) => self.notices.push(Notice {
                line: self.line,
                frame: self.frame,
                kind: kind(stale.reason),
                symbol: Some(stale.symbol.to_owned()),
            }),
            FeedEvent::Trade(trade) => {
                let trades = self.trades.entry(trade.symbol.to_owned()).or_default();
                trades.push(Trade {
                    line: self.line,
                    id: match trade.id {
                        TradeId::Number(id) => Some(id.to_string()),
                        TradeId::Text(id) => Some(id.to_owned()),
                        _ => None,
                    },
                    time: trade.time,
                    price: trade.price,
                    quantity: trade.quantity,
                    aggressor: trade.aggressor,
                    is_replayed: trade.is_replayed,
                });
            }
            FeedEvent::Quote(quote) => self.quote(&quote),
            FeedEvent::Instrument(_) => self.instruments += 1,
            FeedEvent::Request(Request::FetchSnapshot { symbol }) => {
                self.fetches.push(symbol.to_owned());
            }
            FeedEvent::Request(_) => {}
            event => panic!("{event:?}"),
        }
    }

    fn book(&mut self, change: &BookChange<'_>) -> &mut BookFacts {
        let facts = self.books.entry(change.symbol.to_owned()).or_default();
        if let Some(sequence) = change.sequence {
            facts.tops.insert(sequence, top(change.book));
            facts.sequences.push(sequence);
        }
        facts
    }

    fn quote(&mut self, quote: &VenueQuote<'_>) {
        let quotes = self.quotes.entry(quote.symbol.to_owned()).or_default();
        quotes.push(Quote {
            line: self.line,
            time: quote.time,
            sequence: quote.sequence,
            bid: quote.bid,
            ask: quote.ask,
        });
    }
}
