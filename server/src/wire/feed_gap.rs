//! Gaps of feeds in the body of `GET /api/v1/feeds/{name}/gaps`.

use serde::{Deserialize, Serialize};
use tickbook::domain::{FeedGap, GapEdge};
use utoipa::ToSchema;

use super::time::TimeText;

/// A time in which a feed may have lost records of a symbol and channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "feed": "kraken", "symbol_id": 1, "channel": "trades", "from": "2026-11-29T12:00:00.250000Z",
    "to": "2026-11-29T12:00:04.125000Z", "reason": "disconnected",
    "last": {"time": "2026-11-29T12:00:00.200000Z", "sequence": 8812345},
    "next": {"time": "2026-11-29T12:00:04.000000Z", "sequence": 8812360},
    "filled_at": "2026-11-29T12:00:05.500000Z", "failure": null
}))]
pub struct FeedGapBody {
    /// The feed.
    #[schema(example = "kraken")]
    pub feed: String,
    /// The symbol.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// `quotes`, `trades` or `book`.
    #[schema(example = "trades")]
    pub channel: String,
    /// When the last record before the loss was received.
    pub from: TimeText,
    /// When the first record after the loss was received; null while the loss lasts.
    pub to: Option<TimeText>,
    /// What happened: gap, checksum, crossed, silence, overflow, malformed, disconnected or stopped.
    #[schema(example = "disconnected")]
    pub reason: String,
    /// The last record before the loss; null if it is not known.
    pub last: Option<GapEdgeBody>,
    /// The first record after the loss; null if it is not known, or has not arrived.
    pub next: Option<GapEdgeBody>,
    /// When the lost trades were stored; null if they were not. Quotes and order books are never stored later.
    pub filled_at: Option<TimeText>,
    /// Why the lost trades could not be stored, at the last attempt.
    pub failure: Option<String>,
}

/// A record beside a gap, as the venue identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapEdgeBody {
    /// The time of the record at the venue.
    pub time: TimeText,
    /// The number of the record at the venue; null if the venue gives none.
    #[schema(example = 8_812_345)]
    pub sequence: Option<i64>,
}

impl From<GapEdge> for GapEdgeBody {
    fn from(edge: GapEdge) -> Self {
        Self {
            time: TimeText(edge.time),
            sequence: edge.sequence,
        }
    }
}

impl From<FeedGap> for FeedGapBody {
    fn from(gap: FeedGap) -> Self {
        Self {
            feed: gap.feed,
            symbol_id: gap.symbol_id.get(),
            channel: gap.channel.as_str().to_owned(),
            from: TimeText(gap.from),
            to: gap.to.map(TimeText),
            reason: gap.reason.as_str().to_owned(),
            last: gap.last.map(Into::into),
            next: gap.next.map(Into::into),
            filled_at: gap.filled_at.map(TimeText),
            failure: gap.failure,
        }
    }
}

/// A page of gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedGapList {
    /// The gaps, by their start.
    pub data: Vec<FeedGapBody>,
    /// Continues after this page; null if it is the last one.
    pub next_cursor: Option<String>,
}
