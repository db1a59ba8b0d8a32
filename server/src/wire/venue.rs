//! The state of feeds in the body of `GET /api/v1/feeds`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tickbook_feeds::feed::VenueState;
use utoipa::ToSchema;

use super::feed::FeedBody;
use super::time::TimeText;

/// The state of a feed since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedStateBody {
    /// The counts of the feed.
    #[serde(flatten)]
    pub feed: FeedBody,
    /// The connection to the venue; null for feeds without a venue.
    pub venue: Option<VenueBody>,
}

/// The connection of a feed to a venue, with counts since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VenueBody {
    /// `connected`; `disconnected` between two attempts to connect.
    #[schema(example = "connected")]
    pub connection: String,
    /// When the connection was opened, or when the last one ended; null before the first attempt.
    pub since: Option<TimeText>,
    /// When the last message arrived.
    pub last_message_at: Option<TimeText>,
    /// How long ago the last message arrived, in milliseconds.
    #[schema(example = 120)]
    pub last_message_age_ms: Option<i64>,
    /// Messages that arrived.
    pub messages: u64,
    /// Messages and snapshots that were not applied.
    pub refused: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Attempts that opened no connection.
    pub failed_attempts: u64,
    /// Ends of connections by reason: planned, silence, lost, closed or failed.
    pub ends: BTreeMap<String, u64>,
    /// Snapshots of books that could not be fetched.
    pub failed_snapshots: u64,
    /// Times that a book became stale.
    pub stale_books: u64,
    /// Times in which records of a symbol and channel may be lost.
    pub gaps: u64,
    /// Those that last.
    pub open_gaps: u64,
    /// Gaps whose trades were stored later, also gaps of earlier runs.
    pub filled_gaps: u64,
    /// Trades that were stored to fill gaps.
    pub filled_trades: u64,
    /// The subscribed books.
    pub books: Vec<VenueBookBody>,
}

/// The state of a book of a venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VenueBookBody {
    /// The symbol, as the venue names it.
    #[schema(example = "BTC/USD")]
    pub symbol: String,
    /// `syncing`, `valid` or `stale: <reason>`.
    #[schema(example = "valid")]
    pub state: String,
    /// When the book got this state; null before the first connection.
    pub since: Option<TimeText>,
}

/// The states of all feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedList {
    /// The feeds, in the order of their start.
    pub data: Vec<FeedStateBody>,
    /// Always null: all feeds are in one page.
    pub next_cursor: Option<String>,
}

impl VenueBody {
    /// The state at the time `now`.
    #[must_use]
    pub fn new(state: VenueState, now: DateTime<Utc>) -> Self {
        let age = |at: DateTime<Utc>| (now - at).num_milliseconds().max(0);
        let ends = state.ends.into_iter();
        let books = state.books.into_iter();
        Self {
            connection: match state.is_connected {
                true => "connected",
                false => "disconnected",
            }
            .to_owned(),
            since: state.since.map(TimeText),
            last_message_at: state.last_message_at.map(TimeText),
            last_message_age_ms: state.last_message_at.map(age),
            messages: state.messages,
            refused: state.refused,
            connections: state.connections,
            failed_attempts: state.failed_attempts,
            ends: ends
                .map(|(reason, count)| (reason.as_str().to_owned(), count))
                .collect(),
            failed_snapshots: state.failed_snapshots,
            stale_books: state.stale_books,
            gaps: state.gaps,
            open_gaps: state.open_gaps,
            filled_gaps: state.filled_gaps,
            filled_trades: state.filled_trades,
            books: books
                .map(|(symbol, book)| VenueBookBody {
                    symbol,
                    state: book.state.to_string(),
                    since: book.since.map(TimeText),
                })
                .collect(),
        }
    }
}
