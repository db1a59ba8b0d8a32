//! Events of a transport as records of the library.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::book::{BookSide, OrderBook};
use tickbook::domain::{AggressorSide, SymbolId, Tick, Trade};
use tickbook::ingest::book::BookEvent;
use tickbook::ingest::feed::{FeedError, FeedOutput};

use super::directory::SymbolDirectory;
use crate::event::{Aggressor, BookChange, FeedEvent, TradeId, VenueQuote, VenueTrade};
use crate::transport::TransportEvent;

/// A record, or the beginning of another source of records.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Record {
    /// A connection was opened: what follows may repeat what an earlier connection brought.
    Source,
    /// A tick, and its number at the venue.
    Tick(Tick, Option<i64>),
    /// A trade, and its number at the venue.
    Trade(Trade, Option<i64>),
    /// A change of an order book.
    Book(BookEvent),
}

/// Price and quantity of the best bid and of the best ask.
type Top = [Option<(Decimal, Decimal)>; 2];

/// Converts events. Events of symbols that the directory does not have are left out.
#[derive(Debug)]
pub struct Records {
    directory: SymbolDirectory,
    /// Whether quotes are the changes of the best levels of books.
    from_books: bool,
    /// Whether the changes of books are records.
    has_books: bool,
    /// The best levels of each valid book.
    tops: BTreeMap<SymbolId, Top>,
}

/// The best levels of a valid book.
fn top(book: &OrderBook) -> Option<Top> {
    let view = book.view()?;
    Some([BookSide::Bid, BookSide::Ask].map(|side| view.decimals(side).next()))
}

fn tick(id: SymbolId, quote: &VenueQuote<'_>) -> Tick {
    let volume = |side: Option<(Decimal, Option<Decimal>)>| side.and_then(|(_, quantity)| quantity);
    Tick::new(id, quote.time)
        .with_bid(quote.bid.map(|(price, _)| price))
        .with_ask(quote.ask.map(|(price, _)| price))
        .with_bid_volume(volume(quote.bid))
        .with_ask_volume(volume(quote.ask))
        .with_received_at(quote.received_at)
}

/// A trade as a record.
pub(super) fn trade(id: SymbolId, trade: &VenueTrade<'_>) -> Record {
    let side = match trade.aggressor {
        Aggressor::Buy => AggressorSide::Buy,
        Aggressor::Sell => AggressorSide::Sell,
    };
    let record = Trade::new(id, trade.time, trade.price, trade.quantity)
        .with_aggressor_side(side)
        .with_received_at(trade.received_at);
    match trade.id {
        // the sequence of a trade is never negative
        TradeId::Number(number @ 0..) => Record::Trade(record, Some(number)),
        TradeId::Number(number) => Record::Trade(record.with_trade_id(number.to_string()), None),
        TradeId::Text(text) => Record::Trade(record.with_trade_id(text.to_owned()), None),
        TradeId::Unknown => Record::Trade(record, None),
    }
}

/// The time of a message about a book.
fn time(change: &BookChange<'_>) -> DateTime<Utc> {
    change.time.unwrap_or(change.received_at)
}

fn book(change: &BookChange<'_>, event: BookEvent) -> Record {
    let event = event.with_received_at(change.received_at);
    let event = event.with_sequence(change.sequence);
    Record::Book(event.with_checksum(change.checksum))
}

/// Sends a record to the output of a feed.
///
/// # Errors
/// The pipeline is stopping.
pub(super) async fn send(output: &mut FeedOutput, record: Record) -> Result<(), FeedError> {
    match record {
        Record::Source => output.begin_source(),
        Record::Tick(tick, sequence) => output.send(tick, sequence).await?,
        Record::Trade(trade, sequence) if output.accepts_trades() => {
            output.send_trade(trade, sequence).await?;
        }
        Record::Book(event) if output.accepts_books() => output.send_book(event).await?,
        // the pipeline has no use for them
        Record::Trade(..) | Record::Book(_) => {}
    }
    Ok(())
}

impl Records {
    /// Converts the events of the symbols of `directory`. `from_books` is
    /// [`Venue::has_quotes_in_books`](crate::Venue::has_quotes_in_books).
    #[must_use]
    pub fn new(directory: SymbolDirectory, from_books: bool) -> Self {
        Self {
            directory,
            from_books,
            has_books: false,
            tops: BTreeMap::new(),
        }
    }

    /// Also converts the changes of books.
    #[must_use]
    pub fn with_books(mut self, has_books: bool) -> Self {
        self.has_books = has_books;
        self
    }

    /// Adds the records of an event to `waiting`. `now` is the time at which a book becomes stale.
    pub fn add(
        &mut self,
        event: &TransportEvent<'_>,
        now: DateTime<Utc>,
        waiting: &mut VecDeque<Record>,
    ) {
        match event {
            TransportEvent::Opened { .. } => self.opened(waiting),
            TransportEvent::Feed(event) => self.feed(event, now, waiting),
            _ => {}
        }
    }

    /// Adds the records of an event of a replay to `waiting`. A book becomes stale at `last`, the time of the last
    /// message.
    #[cfg(feature = "replay")]
    pub fn add_of_session(
        &mut self,
        event: &crate::session::SessionEvent<'_>,
        last: DateTime<Utc>,
        waiting: &mut VecDeque<Record>,
    ) {
        use crate::session::SessionEvent;
        match event {
            SessionEvent::Opened { .. } => self.opened(waiting),
            SessionEvent::Feed(event) => self.feed(event, last, waiting),
            SessionEvent::Received { .. } | SessionEvent::Ended => {}
        }
    }

    fn opened(&mut self, waiting: &mut VecDeque<Record>) {
        self.tops.clear();
        waiting.push_back(Record::Source);
    }

    fn feed(&mut self, event: &FeedEvent<'_>, now: DateTime<Utc>, waiting: &mut VecDeque<Record>) {
        let id = match event {
            FeedEvent::Quote(quote) => self.directory.get(quote.symbol),
            FeedEvent::Trade(trade) => self.directory.get(trade.symbol),
            FeedEvent::BookSnapshot(change) | FeedEvent::BookUpdate(change) => {
                self.directory.get(change.symbol)
            }
            FeedEvent::BookStale(stale) => self.directory.get(stale.symbol),
            _ => None,
        };
        let Some(id) = id else {
            return;
        };
        match event {
            FeedEvent::Quote(quote) if !self.from_books => {
                waiting.push_back(Record::Tick(tick(id, quote), quote.sequence));
            }
            FeedEvent::Trade(it) => waiting.push_back(trade(id, it)),
            FeedEvent::BookSnapshot(change) => {
                if self.has_books {
                    let event = BookEvent::snapshot(id, time(change), change.book);
                    waiting.push_back(book(change, event));
                }
                waiting.extend(self.change(id, change));
            }
            FeedEvent::BookUpdate(change) => {
                if self.has_books {
                    let event = BookEvent::levels(id, time(change), change.bids, change.asks);
                    waiting.push_back(book(change, event));
                }
                waiting.extend(self.change(id, change));
            }
            FeedEvent::BookStale(stale) => {
                self.tops.remove(&id);
                if self.has_books {
                    waiting.push_back(Record::Book(BookEvent::stale(id, now, stale.reason)));
                }
            }
            _ => {}
        }
    }

    /// The quote of a change of the best levels. A snapshot without a time gives none; the next update does.
    fn change(&mut self, id: SymbolId, change: &BookChange<'_>) -> Option<Record> {
        let time = change.time.filter(|_| self.from_books)?;
        let top = top(change.book)?;
        if self.tops.insert(id, top) == Some(top) {
            return None;
        }
        let [bid, ask] = top;
        let known = |side: Option<(Decimal, Decimal)>| {
            side.map(|(price, quantity)| (price.normalize(), Some(quantity.normalize())))
        };
        let quote = VenueQuote {
            symbol: change.symbol,
            time,
            received_at: change.received_at,
            sequence: change.sequence,
            bid: known(bid),
            ask: known(ask),
        };
        Some(Record::Tick(tick(id, &quote), quote.sequence))
    }
}
