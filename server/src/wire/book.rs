//! Order books in responses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tickbook::domain::book::{BookInterval, BookSnapshot, PriceLevel};
use tickbook::domain::{BookCursor, Page, SymbolId};
use tickbook::ingest::book::{LiveBook, LiveState};
use tickbook::repository::{BookIntervalQuery, BookSnapshotQuery};
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::time::TimeText;
use crate::cursor::RangeCursorText as _;

/// A price and the quantity offered at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelBody(pub DecimalText, pub DecimalText);

impl From<PriceLevel> for LevelBody {
    fn from(level: PriceLevel) -> Self {
        Self(DecimalText(level.price), DecimalText(level.quantity))
    }
}

pub(crate) fn levels(levels: Vec<PriceLevel>) -> Vec<LevelBody> {
    levels.into_iter().map(Into::into).collect()
}

/// Whether the levels of a book are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BookStateText {
    /// The levels are those of the venue. Empty lists mean that there was no liquidity.
    Valid,
    /// The feed waits for the next snapshot of the venue; `reason` says why.
    Stale,
    /// No feed of this server sends the book; or, with `at`, the book of that instant is not stored.
    Unknown,
}

/// The order book of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "state": "valid", "reason": null, "since": "2014-05-01T00:00:00.000000Z",
    "time": "2014-05-01T00:00:00.292000Z", "sequence": 8812345, "source": "kraken", "depth": 2,
    "bids": [["452.13", "1.5"], ["452.1", "20"]], "asks": [["452.2", "3"], ["452.21", "0.7"]]
}))]
pub struct BookBody {
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// Whether the levels are known.
    pub state: BookStateText,
    /// Why the levels are not known: gap, checksum, crossed, silence, overflow, malformed, disconnected, stopped (the
    /// feed or the recording ended) or deleted (stored rows were deleted); null for a valid book, and if nothing was
    /// recorded.
    #[schema(example = "gap")]
    pub reason: Option<String>,
    /// Since when the book has this state; null if nothing was recorded.
    pub since: Option<TimeText>,
    /// Time of the last message that the levels include; null unless the book is valid.
    pub time: Option<TimeText>,
    /// Number of that message at the venue, or its position within the instant; null unless the book is valid, and
    /// for a live book of a venue without numbers.
    pub sequence: Option<i64>,
    /// The feed; null if the book is unknown.
    #[schema(example = "kraken")]
    pub source: Option<String>,
    /// Maximum number of levels of each side in this response. A side with fewer levels is complete. It is the smaller
    /// one of the parameter and the number of stored levels.
    #[schema(example = 20)]
    pub depth: u32,
    /// Price and quantity of the bids, the highest price first; null unless the book is valid.
    #[schema(value_type = Option<Vec<Vec<String>>>, example = json!([["452.13", "1.5"]]))]
    pub bids: Option<Vec<LevelBody>>,
    /// Price and quantity of the asks, the lowest price first; null unless the book is valid.
    #[schema(value_type = Option<Vec<Vec<String>>>, example = json!([["452.2", "3"]]))]
    pub asks: Option<Vec<LevelBody>>,
}

/// A depth, which is at most 1,000.
fn depth_number(depth: usize) -> u32 {
    u32::try_from(depth).unwrap_or(u32::MAX)
}

impl BookBody {
    fn unknown(symbol_id: SymbolId, depth: usize) -> Self {
        Self {
            symbol_id: symbol_id.get(),
            state: BookStateText::Unknown,
            reason: None,
            since: None,
            time: None,
            sequence: None,
            source: None,
            depth: depth_number(depth),
            bids: None,
            asks: None,
        }
    }

    /// The present book of the feeds.
    #[must_use]
    pub fn live(symbol_id: SymbolId, book: Option<LiveBook>, depth: usize) -> Self {
        let body = Self::unknown(symbol_id, depth);
        let Some(book) = book else {
            return body;
        };
        let source = Some(book.source.to_string());
        match book.state {
            LiveState::Stale { reason, since, .. } => Self {
                state: BookStateText::Stale,
                reason: Some(reason.as_str().to_owned()),
                since: Some(TimeText(since)),
                source,
                ..body
            },
            LiveState::Valid { since } => Self {
                state: BookStateText::Valid,
                since: Some(TimeText(since)),
                time: Some(TimeText(book.time)),
                sequence: book.sequence,
                source,
                bids: Some(levels(book.bids)),
                asks: Some(levels(book.asks)),
                ..body
            },
            _ => body,
        }
    }

    /// A stored book.
    #[must_use]
    pub fn stored(mut book: BookSnapshot, depth: usize) -> Self {
        book.cut(depth);
        Self {
            state: BookStateText::Valid,
            since: Some(TimeText(book.valid_since)),
            time: Some(TimeText(book.snapshot_time)),
            sequence: Some(book.sequence),
            source: Some(book.source),
            bids: Some(levels(book.bids)),
            asks: Some(levels(book.asks)),
            ..Self::unknown(book.symbol_id, book.depth)
        }
    }

    /// A book that is not stored for the instant `at`. `last` is the last interval that begins by then.
    #[must_use]
    pub fn not_stored(symbol_id: SymbolId, last: Option<BookInterval>, at: DateTime<Utc>) -> Self {
        let end = last.and_then(|last| last.end).filter(|end| end.at <= at);
        Self {
            reason: end.map(|end| end.reason.as_str().to_owned()),
            since: end.map(|end| TimeText(end.at)),
            ..Self::unknown(symbol_id, 0)
        }
    }
}

/// The best levels of an order book at one instant, as they were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "snapshot_time": "2014-05-01T00:00:00.292000Z", "sequence": 8812345, "source": "kraken",
    "valid_since": "2014-05-01T00:00:00.000000Z", "checksum": null, "depth": 2,
    "bids": [["452.13", "1.5"], ["452.1", "20"]], "asks": [["452.2", "3"]]
}))]
pub struct BookSnapshotBody {
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// Time of the last message that the book includes.
    pub snapshot_time: TimeText,
    /// Number of that message at the venue, or its position within the instant.
    #[schema(example = 8812345)]
    pub sequence: i64,
    /// The feed.
    #[schema(example = "kraken")]
    pub source: String,
    /// Since when the book was valid without interruption.
    pub valid_since: TimeText,
    /// Checksum of the venue; null without one.
    pub checksum: Option<i64>,
    /// Maximum number of levels of each side. A side with fewer levels is complete.
    #[schema(example = 20)]
    pub depth: u32,
    /// Price and quantity of the bids, the highest price first.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["452.13", "1.5"]]))]
    pub bids: Vec<LevelBody>,
    /// Price and quantity of the asks, the lowest price first.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["452.2", "3"]]))]
    pub asks: Vec<LevelBody>,
}

impl From<BookSnapshot> for BookSnapshotBody {
    fn from(book: BookSnapshot) -> Self {
        Self {
            symbol_id: book.symbol_id.get(),
            snapshot_time: TimeText(book.snapshot_time),
            sequence: book.sequence,
            source: book.source,
            valid_since: TimeText(book.valid_since),
            checksum: book.checksum,
            depth: depth_number(book.depth),
            bids: levels(book.bids),
            asks: levels(book.asks),
        }
    }
}

/// A page of snapshots, by ascending `(snapshot_time, sequence)` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BookSnapshotList {
    /// The snapshots.
    pub data: Vec<BookSnapshotBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl BookSnapshotList {
    /// The page for `query`.
    #[must_use]
    pub fn new(page: Page<BookSnapshot, BookCursor>, query: &BookSnapshotQuery) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next
                .map(|cursor| cursor.encode(query.symbol_id, query.range, query.order)),
        }
    }
}

/// An interval in which an order book was valid without interruption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "valid_from": "2014-05-01T00:00:00.000000Z", "valid_to": "2014-05-01T00:12:03.500000Z",
    "reason": "gap"
}))]
pub struct BookIntervalBody {
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// The start, inclusive.
    pub valid_from: TimeText,
    /// The end, exclusive; null while the book is valid.
    pub valid_to: Option<TimeText>,
    /// Why it ended, as in BookBody; null while the book is valid.
    #[schema(example = "gap")]
    pub reason: Option<String>,
}

impl From<BookInterval> for BookIntervalBody {
    fn from(interval: BookInterval) -> Self {
        let end = interval.end;
        Self {
            symbol_id: interval.symbol_id.get(),
            valid_from: TimeText(interval.valid_from),
            valid_to: end.map(|end| TimeText(end.at)),
            reason: end.map(|end| end.reason.as_str().to_owned()),
        }
    }
}

/// A page of intervals, by ascending `valid_from` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BookIntervalList {
    /// The intervals.
    pub data: Vec<BookIntervalBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl BookIntervalList {
    /// The page for `query`.
    #[must_use]
    pub fn new(page: Page<BookInterval, DateTime<Utc>>, query: &BookIntervalQuery) -> Self {
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next
                .map(|cursor| cursor.encode(query.symbol_id, query.range, query.order)),
        }
    }
}
