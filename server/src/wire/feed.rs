//! Feed statistics in the body of `/health/ready`.

use serde::{Deserialize, Serialize};
use tickbook::ingest::feed::{FeedState, LaneState, PipelineState};
use utoipa::ToSchema;

/// Totals of all feeds since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PipelineBody {
    /// The feeds; empty if only ticks of earlier runs are being stored.
    pub feeds: Vec<FeedBody>,
    /// Whether a feed is running; a replay ends with its last file.
    pub running: bool,
    /// Ticks accepted for storing.
    pub received: u64,
    /// Ticks refused and lost, because memory and spool were full and `spool.on_full` is `error`.
    pub refused: u64,
    /// Ticks newly stored.
    pub inserted: u64,
    /// Ticks that were already stored.
    pub duplicates: u64,
    /// Ticks refused because other content is stored under their key.
    pub conflicts: u64,
    /// Invalid ticks, which can never be stored.
    pub rejected: u64,
    /// Ticks whose bid is above the ask; they are stored as well.
    pub crossed: u64,
    /// Writes that failed and were retried.
    pub retries: u64,
    /// Ticks that wait to be stored.
    pub waiting: u64,
    /// Waiting ticks that are on the disk, which survive the end of the server.
    pub spooled: u64,
    /// Ticks that were held back and wait to be written to the quarantine.
    pub quarantine_waiting: u64,
    /// Health of the persister: up, draining, degraded, saturated, misconfigured or stopping.
    #[schema(example = "up")]
    pub health: String,
    /// The same counts of trades; the others are of ticks.
    pub trades: Option<TradesOfFeedsBody>,
    /// The counts of rows of order books: snapshots, updates and intervals; null if no books are stored.
    pub books: Option<BooksOfFeedsBody>,
}

/// Totals of the rows of order books of all feeds since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BooksOfFeedsBody {
    /// Rows accepted for storing.
    pub received: u64,
    /// Rows refused and lost, because memory and spool were full and `spool.on_full` is `error`. The books of that
    /// time are not known.
    pub refused: u64,
    /// Rows newly stored.
    pub inserted: u64,
    /// Rows that were already stored.
    pub duplicates: u64,
    /// Rows refused because other content is stored under their key.
    pub conflicts: u64,
    /// Invalid rows, which can never be stored.
    pub rejected: u64,
    /// Writes that failed and were retried.
    pub retries: u64,
    /// Rows that wait to be stored.
    pub waiting: u64,
    /// Waiting rows that are on the disk, which survive the end of the server.
    pub spooled: u64,
    /// Health of the persister of books, as that of ticks.
    #[schema(example = "up")]
    pub health: String,
}

impl From<LaneState> for BooksOfFeedsBody {
    fn from(state: LaneState) -> Self {
        let stats = state.stats;
        Self {
            received: stats.received,
            refused: state.refused,
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            retries: stats.retries,
            waiting: state.waiting,
            spooled: state.spooled,
            health: state.health.as_str().to_owned(),
        }
    }
}

/// Totals of the trades of all feeds since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TradesOfFeedsBody {
    /// Trades accepted for storing.
    pub received: u64,
    /// Trades refused and lost, because memory and spool were full and `spool.on_full` is `error`.
    pub refused: u64,
    /// Trades newly stored.
    pub inserted: u64,
    /// Trades that were already stored.
    pub duplicates: u64,
    /// Trades refused because other content is stored under their key.
    pub conflicts: u64,
    /// Invalid trades, which can never be stored.
    pub rejected: u64,
    /// Writes that failed and were retried.
    pub retries: u64,
    /// Trades that wait to be stored.
    pub waiting: u64,
    /// Waiting trades that are on the disk, which survive the end of the server.
    pub spooled: u64,
    /// Trades that were held back and wait to be written to the quarantine.
    pub quarantine_waiting: u64,
    /// Health of the persister of trades, as that of ticks.
    #[schema(example = "up")]
    pub health: String,
}

impl From<LaneState> for TradesOfFeedsBody {
    fn from(state: LaneState) -> Self {
        let stats = state.stats;
        Self {
            received: stats.received,
            refused: state.refused,
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            retries: stats.retries,
            waiting: state.waiting,
            spooled: state.spooled,
            quarantine_waiting: state.quarantine_waiting,
            health: state.health.as_str().to_owned(),
        }
    }
}

/// Totals of one feed since the server started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedBody {
    /// simulated, replay, a venue, or the name of a section `[feeds.NAME]`.
    #[schema(example = "simulated")]
    pub name: String,
    /// running; ended, if it has no more ticks; failed, if it cannot continue (see the log); panicked or
    /// stopped.
    #[schema(example = "running")]
    pub status: String,
    /// Ticks published to the store and all other receivers.
    pub published: u64,
    /// Ticks that a quality rule held back.
    pub held_back: u64,
    /// Trades published to the store and all other receivers.
    pub trades_published: u64,
    /// Trades that a quality rule held back.
    pub trades_held_back: u64,
    /// Events of order books that changed the live books.
    pub book_events: u64,
    /// Events of order books that had no effect, such as changes of a book that is stale.
    pub book_events_ignored: u64,
}

impl From<FeedState> for FeedBody {
    fn from(state: FeedState) -> Self {
        Self {
            name: state.name,
            // without the error, which may contain details such as a path that clients must not see
            status: state.status.as_str().to_owned(),
            published: state.published,
            held_back: state.held_back,
            trades_published: state.trades_published,
            trades_held_back: state.trades_held_back,
            book_events: state.book_events,
            book_events_ignored: state.book_events_ignored,
        }
    }
}

impl From<PipelineState> for PipelineBody {
    fn from(state: PipelineState) -> Self {
        let running = state.is_running();
        let feeds = state.feeds.into_iter().map(Into::into).collect();
        let (trades, books, state) = (state.trades, state.books, state.ticks);
        let stats = state.stats;
        Self {
            running,
            received: stats.received,
            refused: state.refused,
            inserted: stats.inserted,
            duplicates: stats.duplicates,
            conflicts: stats.conflicts,
            rejected: stats.rejected,
            crossed: stats.crossed,
            retries: stats.retries,
            waiting: state.waiting,
            spooled: state.spooled,
            quarantine_waiting: state.quarantine_waiting,
            health: state.health.as_str().to_owned(),
            feeds,
            trades: trades.map(Into::into),
            books: books.map(Into::into),
        }
    }
}
