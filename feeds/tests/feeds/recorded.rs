//! The books of recorded sessions, stored by a recorder and read back at each instant.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use tickbook::Clock;
use tickbook::domain::SymbolId;
use tickbook::domain::book::{BookSnapshot, OrderBook};
use tickbook::ingest::BookRecord;
use tickbook::ingest::book::{BookRecorder, RecorderConfig};
use tickbook::memory::InMemoryOrderBookRepository;
use tickbook::repository::OrderBookRepository;
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::CoinbaseExchange;
use tickbook_feeds::kraken::KrakenV1;
use tickbook_feeds::okx::Okx;
use tickbook_feeds::{BookChange, FeedEvent, Frame, Protocol, Request};

use crate::binance::snapshots;
use crate::oracle::symbols;
use crate::sessions::{self, Line};

/// A symbol with its recorder, its records, and the book after the last message of each instant.
struct Recorded {
    symbol_id: SymbolId,
    recorder: BookRecorder,
    records: Vec<BookRecord>,
    /// The live book, cut to the depth, by the time of its record.
    books: BTreeMap<DateTime<Utc>, BookSnapshot>,
}

/// The recorders of the symbols of a session.
struct Desk {
    depth: usize,
    symbols: BTreeMap<String, Recorded>,
    /// The time of receipt of the last message.
    now: Arc<Mutex<DateTime<Utc>>>,
    fetches: VecDeque<String>,
}

impl Desk {
    fn new(depth: usize) -> Self {
        Self {
            depth,
            symbols: BTreeMap::new(),
            now: Arc::new(Mutex::new(DateTime::UNIX_EPOCH)),
            fetches: VecDeque::new(),
        }
    }

    fn recorded(&mut self, symbol: &str) -> &mut Recorded {
        let now = Arc::clone(&self.now);
        let clock = Clock::new(move || *now.lock().expect("no panic"));
        let id = SymbolId::new(1 + self.symbols.len() as i64);
        let config = RecorderConfig::default().updates(true).depth(self.depth);
        let symbol = self.symbols.entry(symbol.to_owned());
        symbol.or_insert_with(|| Recorded {
            symbol_id: id,
            recorder: BookRecorder::new(id, "session", config, clock),
            records: Vec::new(),
            books: BTreeMap::new(),
        })
    }

    fn change(&mut self, change: &BookChange<'_>, is_snapshot: bool) {
        *self.now.lock().expect("no panic") = change.received_at;
        let depth = self.depth;
        let recorded = self.recorded(change.symbol);
        let time = change.time.unwrap_or(change.received_at);
        let (book, sequence) = (change.book, change.sequence);
        let records = match is_snapshot {
            true => recorded.recorder.on_snapshot(book, time, sequence),
            false => recorded.recorder.on_update(book, time, sequence),
        };
        if let Some(time) = records.iter().map(time_of).max() {
            let id = recorded.symbol_id;
            recorded.books.insert(time, live(id, book, time, depth));
        }
        recorded.records.extend(records);
    }

    fn event(&mut self, event: FeedEvent<'_>) {
        match event {
            FeedEvent::BookSnapshot(change) => self.change(&change, true),
            FeedEvent::BookUpdate(change) => self.change(&change, false),
            FeedEvent::BookStale(stale) => panic!("{stale:?}"),
            FeedEvent::Request(Request::FetchSnapshot { symbol }) => {
                self.fetches.push_back(symbol.to_owned());
            }
            _ => {}
        }
    }

    fn run<P: Protocol>(
        mut self,
        protocol: &mut P,
        lines: &[Line],
        mut fetch: impl FnMut(&mut P, &str, &mut dyn FnMut(FeedEvent<'_>)),
    ) -> Self {
        for line in lines {
            match line {
                Line::Opened => protocol.opened(),
                Line::Received { at, text } => {
                    let frame = Frame::new(text, *at);
                    let received = protocol.receive(frame, &mut |event| self.event(event));
                    received.expect("a readable message");
                    while let Some(symbol) = self.fetches.pop_front() {
                        fetch(protocol, &symbol, &mut |event| self.event(event));
                    }
                }
                Line::Answer { .. } | Line::Other => {}
            }
        }
        self
    }

    /// Stores all records and compares the stored book of each instant with the live one.
    async fn check(self, name: &str, least: usize) {
        let books = InMemoryOrderBookRepository::new();
        let mut checked = 0;
        for (symbol, recorded) in self.symbols {
            store(&books, &recorded.records).await;
            for (time, live) in recorded.books {
                let found = books.book_at(live.symbol_id, time).await.expect("read");
                let found = found.unwrap_or_else(|| panic!("{name} {symbol} at {time}"));
                assert_eq!(found.bids, live.bids, "{name} {symbol} at {time}");
                assert_eq!(found.asks, live.asks, "{name} {symbol} at {time}");
                checked += 1;
            }
        }
        assert!(checked >= least, "{name}: {checked} instants");
    }
}

fn time_of(record: &BookRecord) -> DateTime<Utc> {
    match record {
        BookRecord::Snapshot(snapshot) => snapshot.snapshot_time,
        BookRecord::Update(update) => update.update_time,
        BookRecord::Interval(interval) => interval.valid_from,
        other => panic!("{other:?}"),
    }
}

/// The live book in the form in which it is stored.
fn live(symbol_id: SymbolId, book: &OrderBook, time: DateTime<Utc>, depth: usize) -> BookSnapshot {
    let view = book.view().expect("a valid book");
    let live = BookSnapshot::new(symbol_id, time, "live").with_view(view, depth);
    live.normalized().expect("a book that can be stored")
}

async fn store(books: &InMemoryOrderBookRepository, records: &[BookRecord]) {
    let (mut intervals, mut updates, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match record {
            BookRecord::Interval(interval) => intervals.push(*interval),
            BookRecord::Update(update) => updates.push(update.clone()),
            BookRecord::Snapshot(snapshot) => snapshots.push(snapshot.clone()),
            other => panic!("{other:?}"),
        }
    }
    let receipt = books.put_intervals(&intervals).await.expect("stored");
    assert_eq!(receipt.inserted, intervals.len() as u64);
    let receipt = books.insert_updates(&updates).await.expect("stored");
    assert_eq!(receipt.inserted, updates.len() as u64);
    let receipt = books.insert_snapshots(&snapshots).await.expect("stored");
    assert_eq!(receipt.inserted, snapshots.len() as u64);
}

fn no_fetch<P>(_: &mut P, symbol: &str, _: &mut dyn FnMut(FeedEvent<'_>)) {
    panic!("fetch of {symbol}");
}

/// The depth of a usual recorder, and that of a whole book.
const DEPTHS: [usize; 2] = [20, 1_000];

#[tokio::test]
async fn stored_kraken_books_equal_the_live_ones() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "kraken");
    let lines = sessions::lines(&folder.join("kraken/book.ws.gz"));
    for depth in DEPTHS {
        let mut protocol = KrakenV1::new(symbols(&expected), 1_000);
        let desk = Desk::new(depth).run(&mut protocol, &lines, no_fetch);
        desk.check("kraken", 1_000).await;
    }
}

#[tokio::test]
async fn stored_okx_books_equal_the_live_ones() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "okx");
    let lines = sessions::lines(&folder.join("okx/public.ws.gz"));
    for depth in DEPTHS {
        let mut protocol = Okx::new(symbols(&expected));
        let desk = Desk::new(depth).run(&mut protocol, &lines, no_fetch);
        desk.check("okx", 100).await;
    }
}

#[tokio::test]
async fn stored_coinbase_books_equal_the_live_ones() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "coinbase");
    let lines = sessions::lines(&folder.join("coinbase/level2-ticker-matches.ws.gz"));
    for depth in DEPTHS {
        let mut protocol = CoinbaseExchange::new(symbols(&expected));
        let desk = Desk::new(depth).run(&mut protocol, &lines, no_fetch);
        desk.check("coinbase", 1_000).await;
    }
}

#[tokio::test]
async fn stored_binance_books_equal_the_live_ones() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "binance");
    let lines = sessions::lines(&folder.join("binance/streams.ws.gz"));
    for depth in DEPTHS {
        let mut protocol = BinanceSpot::new(symbols(&expected));
        let mut snapshots = snapshots(&folder.join("binance/depth.http.gz"));
        let fetch =
            |protocol: &mut BinanceSpot, symbol: &str, sink: &mut dyn FnMut(FeedEvent<'_>)| {
                let (at, body) = snapshots
                    .get_mut(symbol)
                    .and_then(VecDeque::pop_front)
                    .expect("a snapshot");
                let body = Frame::new(&body, at);
                protocol.snapshot(symbol, body, sink).expect("a snapshot");
            };
        let desk = Desk::new(depth).run(&mut protocol, &lines, fetch);
        desk.check("binance", 20).await;
    }
}
