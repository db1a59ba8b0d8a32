//! The order books that a client follows, as they were last sent to it.
//!
//! A client gets a snapshot of each book, then what changed since the last message, however much that is. So a slow
//! client gets fewer messages, and nothing waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use metrics::counter;
use tickbook::domain::SymbolId;
use tickbook::domain::book::{BookSide, PriceLevel, level_changes};
use tickbook::ingest::book::{BookWatch, LiveBook, LiveBooks, LiveState};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::book_messages::{BookMessage, BookUpdateMessage, ResyncMessage};
use super::messages::Message;
use crate::metrics::BOOK_CHANGES_MERGED;
use crate::wire::{TimeText, levels};

/// Maximum number of levels of each side that one client follows, over all of its books.
const LEVELS_OF_CLIENT: usize = 50_000;

/// Remaining room for the levels of each side that all clients follow. Clones share it.
#[derive(Debug, Clone)]
pub struct BookLevels {
    left: Arc<Semaphore>,
    max: usize,
}

impl BookLevels {
    pub(super) fn new(max: usize) -> Self {
        let left = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self { left, max }
    }

    fn take(&self, levels: usize) -> Option<OwnedSemaphorePermit> {
        let levels = u32::try_from(levels).ok()?;
        Arc::clone(&self.left).try_acquire_many_owned(levels).ok()
    }
}

/// The books that one client follows.
#[derive(Debug)]
pub(super) struct FollowedBooks {
    live: LiveBooks,
    watch: BookWatch,
    sent: BTreeMap<SymbolId, SentBook>,
    /// The depth of books that are followed when they appear.
    every: Option<usize>,
    /// A book that appeared was not followed, and the client knows.
    is_full: bool,
    room: BookLevels,
}

/// A followed book.
#[derive(Debug)]
struct SentBook {
    depth: usize,
    shown: Shown,
    _room: OwnedSemaphorePermit,
}

/// A client's knowledge of a book.
#[derive(Debug)]
enum Shown {
    Nothing,
    /// That its levels are not known.
    Unknown,
    Levels(SentLevels),
}

#[derive(Debug)]
struct SentLevels {
    /// The version of the last message.
    version: u64,
    /// The last version, whose levels within the depth may equal those of the last message.
    seen: u64,
    since: DateTime<Utc>,
    bids: Vec<PriceLevel>,
    asks: Vec<PriceLevel>,
}

impl FollowedBooks {
    pub(super) fn new(live: LiveBooks, room: BookLevels) -> Self {
        Self {
            watch: live.watch(),
            live,
            sent: BTreeMap::new(),
            every: None,
            is_full: false,
            room,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len() + usize::from(self.every.is_some())
    }

    /// Follows books with `depth` levels of each side, all or none of them. A book that is followed already begins
    /// again with a snapshot.
    ///
    /// # Errors
    /// There is no room for so many levels.
    pub(super) fn follow(&mut self, symbols: &[SymbolId], depth: usize) -> Result<(), String> {
        let others = self.sent.iter().filter(|(id, _)| !symbols.contains(id));
        let others: usize = others.map(|(_, sent)| sent.depth).sum();
        if others + symbols.len() * depth > LEVELS_OF_CLIENT {
            return Err(format!(
                "a connection follows at most {LEVELS_OF_CLIENT} levels of books: use a smaller depth, or open \
                 another one"
            ));
        }
        let room: Option<Vec<_>> = symbols.iter().map(|_| self.room.take(depth)).collect();
        let Some(room) = room else {
            let max = self.room.max;
            return Err(format!(
                "all clients together follow at most {max} levels of books: use a smaller depth, or try again later"
            ));
        };
        for (symbol_id, room) in symbols.iter().copied().zip(room) {
            let sent = SentBook {
                depth,
                shown: Shown::Nothing,
                _room: room,
            };
            self.sent.insert(symbol_id, sent);
        }
        self.watch.follow(symbols);
        Ok(())
    }

    /// Follows all present books, and those that appear later while there is room.
    ///
    /// # Errors
    /// There is no room for the levels of the present books.
    pub(super) fn follow_every(&mut self, depth: usize) -> Result<(), String> {
        // before the present books are listed, so that none is missed
        self.watch.follow_every(true);
        let present: Vec<_> = self.live.all().iter().map(|book| book.symbol_id).collect();
        let followed = self.follow(&present, depth);
        if followed.is_ok() {
            self.every = Some(depth);
            self.is_full = false;
        } else {
            self.watch.follow_every(self.every.is_some());
        }
        followed
    }

    pub(super) fn unfollow_every(&mut self) {
        self.every = None;
        self.watch.follow_every(false);
        let symbols: Vec<_> = self.sent.keys().copied().collect();
        self.unfollow(&symbols);
    }

    /// Follows a book that has appeared, if the client follows all books.
    ///
    /// # Errors
    /// There is no room for its levels. Later books are left out without an error.
    pub(super) fn add(&mut self, symbol_id: SymbolId) -> Result<(), String> {
        let Some(depth) = self.every.filter(|_| !self.sent.contains_key(&symbol_id)) else {
            return Ok(());
        };
        self.follow(&[symbol_id], depth).or_else(|reason| {
            if std::mem::replace(&mut self.is_full, true) {
                return Ok(());
            }
            Err(format!(
                "the book of symbol {symbol_id}, and of others that appear later, are not sent: {reason}"
            ))
        })
    }

    pub(super) fn unfollow(&mut self, symbols: &[SymbolId]) {
        for symbol_id in symbols {
            self.sent.remove(symbol_id);
        }
        self.watch.unfollow(symbols);
    }

    /// Waits for changed books. If cancelled, no change is lost.
    pub(super) async fn changed(&mut self) -> Vec<SymbolId> {
        self.watch.changed().await
    }

    /// The message that tells the client the present state of a book; `None` if it knows it.
    pub(super) fn message(&mut self, symbol_id: SymbolId) -> Option<Message> {
        let sent = self.sent.get_mut(&symbol_id)?;
        let Some(book) = self.live.get(symbol_id, sent.depth) else {
            return sent.unknown(symbol_id, "unknown", None);
        };
        match book.state {
            LiveState::Valid { since } => sent.levels(book, since),
            LiveState::Stale { reason, since, .. } => {
                sent.unknown(symbol_id, reason.as_str(), Some(since))
            }
            _ => sent.unknown(symbol_id, "unknown", None),
        }
    }
}

impl SentBook {
    fn unknown(
        &mut self,
        symbol_id: SymbolId,
        reason: &'static str,
        since: Option<DateTime<Utc>>,
    ) -> Option<Message> {
        if let Shown::Unknown = self.shown {
            return None;
        }
        self.shown = Shown::Unknown;
        Some(Message::Resync(ResyncMessage {
            symbol_id: symbol_id.get(),
            reason,
            since: since.map(TimeText),
        }))
    }

    /// A snapshot, or what changed since the last message if that is shorter.
    fn levels(&mut self, book: LiveBook, since: DateTime<Utc>) -> Option<Message> {
        let new = SentLevels {
            version: book.version,
            seen: book.version,
            since,
            bids: book.bids,
            asks: book.asks,
        };
        let update = match &mut self.shown {
            // after a stale time the client gets a snapshot, even if it did not see that time
            Shown::Levels(old) if old.since == since => {
                count_merged(new.version.saturating_sub(old.seen));
                let bids = level_changes(BookSide::Bid, &old.bids, &new.bids);
                let asks = level_changes(BookSide::Ask, &old.asks, &new.asks);
                let changes = bids.len() + asks.len();
                if changes == 0 {
                    old.seen = new.version;
                    return None;
                }
                let is_shorter = changes < new.bids.len() + new.asks.len();
                is_shorter.then_some((old.version, bids, asks))
            }
            _ => None,
        };
        let symbol_id = book.symbol_id.get();
        let (time, sequence, version) = (TimeText(book.time), book.sequence, new.version);
        let message = match update {
            Some((previous, bids, asks)) => Message::BookUpdate(BookUpdateMessage {
                symbol_id,
                version,
                previous,
                time,
                sequence,
                bids: levels(bids),
                asks: levels(asks),
            }),
            None => Message::Book(BookMessage {
                symbol_id,
                version,
                since: TimeText(since),
                time,
                sequence,
                depth: self.depth,
                bids: levels(new.bids.clone()),
                asks: levels(new.asks.clone()),
            }),
        };
        self.shown = Shown::Levels(new);
        Some(message)
    }
}

/// Counts the changes that one message has besides the first.
fn count_merged(changes: u64) {
    if changes > 1 {
        counter!(BOOK_CHANGES_MERGED).increment(changes - 1);
    }
}
