//! The books of one connection.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tickbook::domain::book::{
    BookError, BookNumberError, BookView, LevelCounts, OrderBook, StaleReason,
};
use tickbook::domain::excerpt;

use crate::error::ProtocolError;
use crate::event::{BookChange, FeedEvent, Request, StaleBook};
use crate::protocol::EventSink;
use crate::wire::Levels;

/// The book of a symbol, and what the protocol knows about it.
#[derive(Debug)]
pub(crate) struct SymbolBook<S> {
    pub(crate) book: OrderBook,
    pub(crate) state: S,
}

/// The books of the symbols of a protocol.
#[derive(Debug)]
pub(crate) struct Books<S> {
    books: BTreeMap<String, SymbolBook<S>>,
    depth: usize,
    /// Whether a symbol that is not in `books` gets a book instead of an error.
    is_open: bool,
}

impl<S: Default> SymbolBook<S> {
    fn new(depth: usize) -> Self {
        Self {
            book: OrderBook::new().with_depth(depth),
            state: S::default(),
        }
    }
}

impl<S: Default> Books<S> {
    pub(crate) fn new<T: Into<String>>(symbols: impl IntoIterator<Item = T>, depth: usize) -> Self {
        let symbols = symbols.into_iter();
        Self {
            books: symbols
                .map(|symbol| (symbol.into(), SymbolBook::new(depth)))
                .collect(),
            depth,
            is_open: false,
        }
    }

    /// Books of all symbols that messages are about.
    pub(crate) fn of_any_symbol(depth: usize) -> Self {
        Self {
            is_open: true,
            ..Self::new::<String>([], depth)
        }
    }

    pub(crate) fn get(&self, symbol: &str) -> Option<&OrderBook> {
        self.books.get(symbol).map(|symbol_book| &symbol_book.book)
    }

    pub(crate) fn get_mut(&mut self, symbol: &str) -> Result<&mut SymbolBook<S>, ProtocolError> {
        if self.is_open && !self.books.contains_key(symbol) {
            let book = SymbolBook::new(self.depth);
            self.books.insert(symbol.to_owned(), book);
        }
        self.books.get_mut(symbol).ok_or_else(|| unknown(symbol))
    }

    /// Checks that a message is about a symbol of the protocol.
    pub(crate) fn check(&self, symbol: &str) -> Result<(), ProtocolError> {
        match self.is_open || self.books.contains_key(symbol) {
            true => Ok(()),
            false => Err(unknown(symbol)),
        }
    }

    pub(crate) fn symbols(&self) -> Vec<&str> {
        self.books.keys().map(String::as_str).collect()
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.books
            .values_mut()
            .map(|symbol_book| &mut symbol_book.state)
    }

    /// Discards all levels and states.
    pub(crate) fn reset(&mut self) {
        for symbol_book in self.books.values_mut() {
            symbol_book.book.reset();
            symbol_book.state = S::default();
        }
    }

    /// Requests what makes the books valid that are not.
    pub(crate) fn request_missing(
        &mut self,
        request: for<'r> fn(&'r str, &mut S) -> Option<Request<'r>>,
        sink: &mut EventSink<'_>,
    ) {
        for (symbol, symbol_book) in &mut self.books {
            if symbol_book.book.state().is_valid() {
                continue;
            }
            if let Some(request) = request(symbol, &mut symbol_book.state) {
                sink(FeedEvent::Request(request));
            }
        }
    }

    /// Makes all valid books stale. `request` changes the state of each of them, and returns the request that
    /// makes the book valid again.
    pub(crate) fn invalidate(
        &mut self,
        reason: StaleReason,
        detail: &str,
        request: for<'r> fn(&'r str, &mut S) -> Option<Request<'r>>,
        sink: &mut EventSink<'_>,
    ) {
        for (symbol, symbol_book) in &mut self.books {
            if !symbol_book.book.invalidate(reason) {
                continue;
            }
            sink(FeedEvent::BookStale(StaleBook {
                symbol,
                reason,
                detail,
            }));
            if let Some(request) = request(symbol, &mut symbol_book.state) {
                sink(FeedEvent::Request(request));
            }
        }
    }
}

/// No request: the transport itself ended the connection, or one request is for all books.
pub(crate) fn no_request<'r, S>(_: &'r str, _: &mut S) -> Option<Request<'r>> {
    None
}

/// The request for a snapshot of venues that send one after each subscription.
pub(crate) fn resubscribe<'r, S>(symbol: &'r str, _: &mut S) -> Option<Request<'r>> {
    Some(Request::Resubscribe { symbol })
}

fn unknown(symbol: &str) -> ProtocolError {
    ProtocolError::UnknownSymbol(excerpt(symbol))
}

/// A message with levels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BookMessage<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) is_snapshot: bool,
    pub(crate) time: Option<DateTime<Utc>>,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) sequence: Option<i64>,
    /// The checksum of the venue, which the check of [`apply`](Self::apply) compares.
    pub(crate) checksum: Option<i64>,
    pub(crate) bids: &'a Levels,
    pub(crate) asks: &'a Levels,
}

/// The reason of a stale book, and its description.
pub(crate) type Fault = (StaleReason, String);

/// The effect of a message on a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Applied,
    /// The book waits for a snapshot.
    Ignored,
    Stale,
}

impl BookMessage<'_> {
    /// Applies the message, checks the book with `check`, and passes the event to `sink`.
    pub(crate) fn apply(
        &self,
        book: &mut OrderBook,
        check: impl FnOnce(BookView<'_>) -> Result<(), Fault>,
        sink: &mut EventSink<'_>,
    ) -> Outcome {
        if !self.is_snapshot && !book.state().is_valid() {
            return Outcome::Ignored;
        }
        let checked = self.change(book).and_then(|counts| {
            book.view().map_or(Ok(()), check)?;
            Ok(counts)
        });
        let counts = match checked {
            Ok(counts) => counts,
            Err((reason, detail)) => {
                stale(book, self.symbol, reason, &detail, sink);
                return Outcome::Stale;
            }
        };
        let change = BookChange {
            symbol: self.symbol,
            time: self.time,
            received_at: self.received_at,
            sequence: self.sequence,
            checksum: self.checksum,
            bids: &self.bids.changes,
            asks: &self.asks.changes,
            counts,
            book,
        };
        sink(match self.is_snapshot {
            true => FeedEvent::BookSnapshot(change),
            false => FeedEvent::BookUpdate(change),
        });
        Outcome::Applied
    }

    fn change(&self, book: &mut OrderBook) -> Result<LevelCounts, Fault> {
        if let Some(error) = self.bids.invalid.or(self.asks.invalid) {
            let reason = match error {
                BookNumberError::TooManyDigits => StaleReason::Overflow,
                _ => StaleReason::Malformed,
            };
            return Err((reason, format!("number of a level {error}")));
        }
        let (bids, asks) = (&self.bids.changes, &self.asks.changes);
        let changed = match self.is_snapshot {
            true => book.load(bids, asks).map(|()| LevelCounts::default()),
            false => book.update(bids, asks),
        };
        changed.map_err(|error: BookError| {
            let reason = error.stale_reason().unwrap_or(StaleReason::Malformed);
            (reason, error.to_string())
        })
    }
}

/// Makes a book stale in any state, and reports it.
pub(crate) fn stale(
    book: &mut OrderBook,
    symbol: &str,
    reason: StaleReason,
    detail: &str,
    sink: &mut EventSink<'_>,
) {
    book.refuse(reason);
    sink(FeedEvent::BookStale(StaleBook {
        symbol,
        reason,
        detail,
    }));
}
