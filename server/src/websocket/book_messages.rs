//! Messages about order books.

use serde::Serialize;

use crate::wire::{LevelBody, TimeText};

/// The levels of a book.
#[derive(Debug, Serialize)]
pub(super) struct BookMessage {
    pub(super) symbol_id: i64,
    /// The number of changes of the live book.
    pub(super) version: u64,
    /// Since when the book is valid.
    pub(super) since: TimeText,
    pub(super) time: TimeText,
    /// The number of the message at the venue.
    pub(super) sequence: Option<i64>,
    pub(super) depth: usize,
    pub(super) bids: Vec<LevelBody>,
    pub(super) asks: Vec<LevelBody>,
}

/// The changes of a book since the message with the version `previous`; quantity 0 removes a level.
#[derive(Debug, Serialize)]
pub(super) struct BookUpdateMessage {
    pub(super) symbol_id: i64,
    pub(super) version: u64,
    pub(super) previous: u64,
    pub(super) time: TimeText,
    pub(super) sequence: Option<i64>,
    pub(super) bids: Vec<LevelBody>,
    pub(super) asks: Vec<LevelBody>,
}

/// The levels of a book are not known until its next message.
#[derive(Debug, Serialize)]
pub(super) struct ResyncMessage {
    pub(super) symbol_id: i64,
    pub(super) reason: &'static str,
    pub(super) since: Option<TimeText>,
}
