//! The present order books of all feeds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use metrics::{counter, gauge};

use super::event::{BookContent, BookEvent};
use super::message::BookMessage;
use super::watch::{BookWatch, Watchers};
use crate::domain::SymbolId;
use crate::domain::book::{BookSide, EndReason, OrderBook, PriceLevel, StaleReason};
use crate::metrics::ingest::{BOOK_STALE, BOOKS_LIVE};

/// The present order books of all feeds of a program. Clones share them.
///
/// A [`Pipeline`](crate::ingest::feed::Pipeline) that was [given](crate::ingest::feed::PipelineBuilder::books) the
/// books applies the events of its feeds to them. A book is state: readers get the present one, and a
/// [`BookWatch`] says which books have changed.
#[derive(Debug, Clone, Default)]
pub struct LiveBooks(Arc<Hub>);

#[derive(Debug, Default)]
struct Hub {
    books: RwLock<BTreeMap<SymbolId, Arc<Mutex<Entry>>>>,
    watchers: Arc<Watchers>,
    /// The number of sources so far.
    sources: Mutex<u64>,
}

/// Whether the levels of a live book may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveState {
    /// The levels are those of the venue.
    Valid {
        /// The time of the snapshot that made the book valid.
        since: DateTime<Utc>,
    },
    /// The levels are not known until the next snapshot.
    Stale {
        /// Why; [`EndReason::Stopped`] after the end of the feed.
        reason: EndReason,
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl LiveState {
    /// Whether the levels may be used.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// `valid` or `stale`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Stale { .. } => "stale",
        }
    }
}

/// The present book of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveBook {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The name of the feed.
    pub source: Arc<str>,
    /// Whether the levels may be used.
    pub state: LiveState,
    /// The number of changes of this book since the start of the program, over stale times too.
    pub version: u64,
    /// The time of the last message at the venue.
    pub time: DateTime<Utc>,
    /// The time of receipt of the last message.
    pub received_at: DateTime<Utc>,
    /// The number of the last message, if the venue numbers them.
    pub sequence: Option<i64>,
    /// The best bids, the highest price first; empty unless the book is valid.
    pub bids: Vec<PriceLevel>,
    /// The best asks, the lowest price first; empty unless the book is valid.
    pub asks: Vec<PriceLevel>,
}

#[derive(Debug)]
struct Entry {
    /// The source that sends the book; `None` after its end.
    owner: Option<u64>,
    source: Arc<str>,
    book: OrderBook,
    state: LiveState,
    version: u64,
    /// The last message that was applied.
    message: BookMessage,
    received_at: DateTime<Utc>,
}

/// The effect of an event on a live book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    Snapshot,
    Levels,
    Stale(StaleReason),
    /// Levels of a book that is not valid, or a stale book that was stale before.
    Ignored,
    /// The book belongs to another source.
    Foreign,
}

/// A book after an event, for its recorder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BookNow<'a> {
    pub(crate) source: &'a str,
    pub(crate) book: &'a OrderBook,
    /// The last message. The time of a stale book is that since when.
    pub(crate) message: BookMessage,
}

impl LiveBooks {
    /// No books.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The book of a symbol, with at most `depth` levels of each side. `None` if no feed has sent it.
    #[must_use]
    pub fn get(&self, symbol_id: SymbolId, depth: usize) -> Option<LiveBook> {
        let entry = self.entry(symbol_id)?;
        let book = lock(&entry).book(symbol_id, depth);
        Some(book)
    }

    /// All books without their levels, by symbol.
    #[must_use]
    pub fn all(&self) -> Vec<LiveBook> {
        let books = self.0.books.read().unwrap_or_else(PoisonError::into_inner);
        let books = books.iter();
        books
            .map(|(symbol_id, entry)| lock(entry).book(*symbol_id, 0))
            .collect()
    }

    /// A watch that follows no book yet.
    #[must_use]
    pub fn watch(&self) -> BookWatch {
        BookWatch::new(Arc::clone(&self.0.watchers))
    }

    /// A source of books.
    pub(crate) fn source(&self, name: &str) -> BookSource {
        let mut sources = self
            .0
            .sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *sources += 1;
        BookSource {
            live: self.clone(),
            id: *sources,
            name: name.into(),
            newest: None,
        }
    }

    /// Calls `visit` with the book of a symbol if it is valid. No event is applied to it meanwhile.
    pub(crate) fn visit_valid(&self, symbol_id: SymbolId, visit: impl FnOnce(BookNow<'_>)) {
        if let Some(entry) = self.entry(symbol_id) {
            let entry = lock(&entry);
            if entry.state.is_valid() {
                visit(entry.now());
            }
        }
    }

    fn entry(&self, symbol_id: SymbolId) -> Option<Arc<Mutex<Entry>>> {
        let books = self.0.books.read().unwrap_or_else(PoisonError::into_inner);
        books.get(&symbol_id).map(Arc::clone)
    }

    fn entry_or_insert(&self, event: &BookEvent, source: &BookSource) -> Arc<Mutex<Entry>> {
        if let Some(entry) = self.entry(event.symbol_id) {
            return entry;
        }
        let mut books = self.0.books.write().unwrap_or_else(PoisonError::into_inner);
        let entry = books.entry(event.symbol_id).or_insert_with(|| {
            count_state("stale", 1.0);
            Arc::new(Mutex::new(Entry::new(event, source)))
        });
        Arc::clone(entry)
    }
}

fn lock(entry: &Mutex<Entry>) -> MutexGuard<'_, Entry> {
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_state(state: &'static str, by: f64) {
    gauge!(BOOKS_LIVE, "state" => state).increment(by);
}

/// One feed as a source of books. Books belong to the source that sent them first, until it ends.
#[derive(Debug)]
pub(crate) struct BookSource {
    live: LiveBooks,
    id: u64,
    name: Arc<str>,
    /// The newest time of receipt.
    newest: Option<DateTime<Utc>>,
}

impl BookSource {
    /// Applies an event, and calls `record` with the book and the effect before any other event is applied to it.
    pub(crate) fn apply(
        &mut self,
        event: BookEvent,
        record: impl FnOnce(BookNow<'_>, Applied),
    ) -> Applied {
        let entry = self.live.entry_or_insert(&event, self);
        let symbol_id = event.symbol_id;
        self.newest = self.newest.max(Some(event.received_at));
        let applied = {
            let mut entry = lock(&entry);
            if *entry.owner.get_or_insert(self.id) != self.id {
                return Applied::Foreign;
            }
            let applied = entry.apply(event, &self.name);
            if applied != Applied::Ignored {
                record(entry.now(), applied);
            }
            applied
        };
        if applied != Applied::Ignored {
            self.live.0.watchers.mark(symbol_id);
        }
        applied
    }

    /// Makes all books of this source stale, and calls `record` with the symbol of each and the time.
    pub(crate) fn end(&mut self, mut record: impl FnMut(SymbolId, DateTime<Utc>)) {
        let Some(newest) = self.newest else {
            return;
        };
        let books = self.live.0.books.read();
        let books: Vec<_> = {
            let books = books.unwrap_or_else(PoisonError::into_inner);
            let books = books.iter();
            books.map(|(id, entry)| (*id, Arc::clone(entry))).collect()
        };
        for (symbol_id, entry) in books {
            let mut entry = lock(&entry);
            if entry.owner != Some(self.id) {
                continue;
            }
            entry.owner = None;
            if entry.become_stale(EndReason::Stopped, newest) {
                entry.version += 1;
                record(symbol_id, newest);
                self.live.0.watchers.mark(symbol_id);
            }
        }
    }
}

impl Entry {
    /// A book that has no snapshot yet.
    fn new(event: &BookEvent, source: &BookSource) -> Self {
        let reason = match event.content {
            BookContent::Stale(reason) => reason,
            _ => StaleReason::Disconnected,
        };
        Self {
            owner: Some(source.id),
            source: Arc::clone(&source.name),
            book: OrderBook::new(),
            state: LiveState::Stale {
                reason: EndReason::Stale(reason),
                since: event.time,
            },
            version: 0,
            message: BookMessage::update(event.time).with_sequence(event.sequence),
            received_at: event.received_at,
        }
    }

    fn apply(&mut self, event: BookEvent, source: &Arc<str>) -> Applied {
        let time = event.time;
        let applied = match event.content {
            BookContent::Snapshot(book) if book.state().is_valid() => {
                self.book = *book;
                self.become_valid(time);
                Applied::Snapshot
            }
            BookContent::Levels { bids, asks } if self.state.is_valid() => {
                match self.book.update(&bids, &asks) {
                    Ok(_) => Applied::Levels,
                    Err(error) => {
                        let reason = error.stale_reason().unwrap_or(StaleReason::Malformed);
                        self.stale(reason, time)
                    }
                }
            }
            BookContent::Stale(reason) => self.stale(reason, time),
            BookContent::Snapshot(_) | BookContent::Levels { .. } => Applied::Ignored,
        };
        if matches!(applied, Applied::Snapshot | Applied::Levels) {
            self.source = Arc::clone(source);
            self.received_at = event.received_at;
            self.message = BookMessage {
                is_snapshot: applied == Applied::Snapshot,
                time,
                sequence: event.sequence,
                checksum: event.checksum,
            };
        }
        if applied != Applied::Ignored {
            self.version += 1;
        }
        applied
    }

    fn stale(&mut self, reason: StaleReason, time: DateTime<Utc>) -> Applied {
        match self.become_stale(EndReason::Stale(reason), time) {
            true => Applied::Stale(reason),
            false => Applied::Ignored,
        }
    }

    fn become_valid(&mut self, since: DateTime<Utc>) {
        if !self.state.is_valid() {
            self.state = LiveState::Valid { since };
            count_state("stale", -1.0);
            count_state("valid", 1.0);
        }
    }

    /// Returns whether the book was valid.
    fn become_stale(&mut self, reason: EndReason, since: DateTime<Utc>) -> bool {
        if !self.state.is_valid() {
            return false;
        }
        if let EndReason::Stale(reason) = reason {
            self.book.refuse(reason);
        }
        self.state = LiveState::Stale { reason, since };
        count_state("valid", -1.0);
        count_state("stale", 1.0);
        counter!(BOOK_STALE, "reason" => reason.as_str()).increment(1);
        true
    }

    fn now(&self) -> BookNow<'_> {
        let time = match self.state {
            LiveState::Valid { .. } => self.message.time,
            LiveState::Stale { since, .. } => since,
        };
        BookNow {
            source: &self.source,
            book: &self.book,
            message: BookMessage {
                time,
                ..self.message
            },
        }
    }

    fn book(&self, symbol_id: SymbolId, depth: usize) -> LiveBook {
        let levels = |side| -> Vec<PriceLevel> {
            let view = self.book.view().filter(|_| self.state.is_valid());
            let levels = view.map(|view| view.decimals(side).take(depth));
            levels
                .into_iter()
                .flatten()
                .map(|(price, quantity)| PriceLevel::new(price, quantity))
                .collect()
        };
        LiveBook {
            symbol_id,
            source: Arc::clone(&self.source),
            state: self.state,
            version: self.version,
            time: self.message.time,
            received_at: self.received_at,
            sequence: self.message.sequence,
            bids: levels(BookSide::Bid),
            asks: levels(BookSide::Ask),
        }
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
