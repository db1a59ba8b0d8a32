//! Times in which a feed may have lost records.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::book::StaleReason;
use super::excerpt::excerpt;
use super::invalid_identity::{Identity, InvalidIdentity};
use super::setters::setters;
use super::symbol_id::SymbolId;

/// The largest number of characters of the name of a feed.
const MAX_FEED: usize = 50;

/// The largest number of characters of [`FeedGap::failure`].
const MAX_FAILURE: usize = 500;

/// The kinds of records that a feed delivers of a symbol, in the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FeedChannel {
    /// The order book. `book`
    Book,
    /// Quotes. `quotes`
    Quotes,
    /// Trades. `trades`
    Trades,
}

impl FeedChannel {
    /// All channels.
    pub const ALL: &'static [Self] = &[Self::Book, Self::Quotes, Self::Trades];

    /// The name, as in metrics and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Trades => "trades",
            Self::Book => "book",
        }
    }
}

impl fmt::Display for FeedChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a channel. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid channel {0}: expected quotes, trades or book")]
#[non_exhaustive]
pub struct UnknownFeedChannel(pub String);

impl FromStr for FeedChannel {
    type Err = UnknownFeedChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.iter().copied();
        all.find(|channel| channel.as_str() == text)
            .ok_or_else(|| UnknownFeedChannel(excerpt(text)))
    }
}

/// Why records may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The venue sent nothing, the connection ended, or a message was lost: the reason that a book of the venue
    /// becomes stale with.
    Stale(StaleReason),
    /// The feed did not run. `stopped`
    Stopped,
}

impl GapReason {
    /// The name, as in tables: `stopped`, or the name of a [`StaleReason`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale(reason) => reason.as_str(),
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a reason. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid reason {0}: expected stopped, gap, checksum, crossed, …")]
#[non_exhaustive]
pub struct UnknownGapReason(pub String);

impl FromStr for GapReason {
    type Err = UnknownGapReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stale = StaleReason::ALL.iter().copied().map(Self::Stale);
        let mut all = stale.chain([Self::Stopped]);
        all.find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownGapReason(excerpt(text)))
    }
}

/// Why a gap or a message of a feed cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFeedRow {
    /// The symbol, a time or the sequence.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// The name of the feed is empty or too long. Holds the number of characters.
    #[error("the name of the feed has {0} characters: expected 1 to {MAX_FEED}")]
    Feed(usize),
    /// The end of a gap is before its start.
    #[error("the gap ends at {to}, before its start at {from}")]
    Ends {
        /// The start.
        from: DateTime<Utc>,
        /// The end.
        to: DateTime<Utc>,
    },
    /// The text of a message or of a failure contains the character NUL, which stores refuse.
    #[error("the text contains the character NUL")]
    Nul,
    /// A gap that lasts has a record after it, or is filled.
    #[error("the gap lasts: only a gap with an end can be filled or be followed by a record")]
    Lasts,
    /// The text of a failure is too long. Holds the number of characters.
    #[error("the failure has {0} characters: expected at most {MAX_FAILURE}")]
    Failure(usize),
}

/// The identity of a gap, in the order in which gaps are listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FeedGapKey {
    /// The start.
    pub from: DateTime<Utc>,
    /// The feed.
    pub feed: String,
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The channel.
    pub channel: FeedChannel,
}

impl FeedGapKey {
    /// A key.
    #[must_use]
    pub fn new(
        from: DateTime<Utc>,
        feed: impl Into<String>,
        symbol_id: SymbolId,
        channel: FeedChannel,
    ) -> Self {
        Self {
            from,
            feed: feed.into(),
            symbol_id,
            channel,
        }
    }
}

/// A record beside a gap, as the venue identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GapEdge {
    /// The time of the record at the venue.
    pub time: DateTime<Utc>,
    /// The number that the venue gives the record, if it numbers its records: 0 or more.
    pub sequence: Option<i64>,
}

impl GapEdge {
    /// An edge.
    #[must_use]
    pub fn new(time: DateTime<Utc>, sequence: Option<i64>) -> Self {
        Self { time, sequence }
    }

    fn normalized(self, symbol_id: SymbolId, field: &'static str) -> Result<Self, InvalidFeedRow> {
        let negative = self.sequence.filter(|sequence| *sequence < 0);
        if let Some(sequence) = negative {
            return Err(InvalidIdentity::NegativeSequence(sequence).into());
        }
        let time = time(symbol_id, self.time, field)?;
        Ok(Self { time, ..self })
    }
}

/// A time in which a feed may have lost records of one symbol and channel. What the feed received before and after
/// it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FeedGap {
    /// The name of the feed, 1 to 50 characters.
    pub feed: String,
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The channel.
    pub channel: FeedChannel,
    /// The start: the time of receipt of the last record before the loss.
    pub from: DateTime<Utc>,
    /// The end: the time of receipt of the first record after the loss. `None` while the loss lasts.
    pub to: Option<DateTime<Utc>>,
    /// The reason.
    pub reason: GapReason,
    /// The last record before the loss; `None` if it is not known.
    pub last: Option<GapEdge>,
    /// The first record after the loss; `None` if it is not known, or has not arrived.
    pub next: Option<GapEdge>,
    /// When the lost records were stored; `None` if they were not.
    pub filled_at: Option<DateTime<Utc>>,
    /// Why the lost records could not be stored, at the last attempt. At most 500 characters.
    pub failure: Option<String>,
}

impl FeedGap {
    /// A gap that lasts.
    #[must_use]
    pub fn open(
        feed: impl Into<String>,
        symbol_id: SymbolId,
        channel: FeedChannel,
        from: DateTime<Utc>,
        reason: GapReason,
    ) -> Self {
        Self {
            feed: feed.into(),
            symbol_id,
            channel,
            from,
            to: None,
            reason,
            last: None,
            next: None,
            filled_at: None,
            failure: None,
        }
    }

    /// Returns this gap with an end.
    #[must_use]
    pub fn closed(mut self, to: DateTime<Utc>) -> Self {
        self.to = Some(to);
        self
    }

    /// The identity.
    #[must_use]
    pub fn key(&self) -> FeedGapKey {
        FeedGapKey::new(self.from, self.feed.clone(), self.symbol_id, self.channel)
    }

    /// Returns the gap with times in whole microseconds.
    ///
    /// # Errors
    /// A symbol id below 1, a time before 1970 or from 2100 on, a leap second, a name of another length, or an end
    /// before the start.
    pub fn normalized(&self) -> Result<Self, InvalidFeedRow> {
        let name = check_feed(&self.feed)?;
        let from = time(self.symbol_id, self.from, "gap_from")?;
        let to = self.to.map(|to| time(self.symbol_id, to, "gap_to"));
        let to = to.transpose()?;
        if let Some(to) = to.filter(|to| *to < from) {
            return Err(InvalidFeedRow::Ends { from, to });
        }
        if to.is_none() && (self.next.is_some() || self.filled_at.is_some()) {
            return Err(InvalidFeedRow::Lasts);
        }
        let failure = self.failure.as_deref().unwrap_or_default();
        if failure.contains('\0') {
            return Err(InvalidFeedRow::Nul);
        }
        let length = failure.chars().count();
        if length > MAX_FAILURE {
            return Err(InvalidFeedRow::Failure(length));
        }
        let edge = |edge: Option<GapEdge>, field| {
            let edge = edge.map(|edge| edge.normalized(self.symbol_id, field));
            edge.transpose()
        };
        let filled_at = self.filled_at;
        let filled_at = filled_at.map(|at| time(self.symbol_id, at, "filled_at"));
        Ok(Self {
            feed: name,
            from,
            to,
            last: edge(self.last, "last_time")?,
            next: edge(self.next, "next_time")?,
            filled_at: filled_at.transpose()?,
            failure: self.failure.clone().filter(|_| self.filled_at.is_none()),
            ..self.clone()
        })
    }

    /// What is stored of this stored gap after `given`, which has the same key, is stored: the end, the record after
    /// it and the time of filling never change back. The later failure counts, and a filled gap has none.
    #[must_use]
    pub fn with_later(mut self, given: &Self) -> Self {
        self.to = self.to.or(given.to);
        self.next = self.next.or(given.next);
        self.filled_at = self.filled_at.or(given.filled_at);
        self.failure = match self.filled_at {
            Some(_) => None,
            None => given.failure.clone().or(self.failure),
        };
        self
    }
}

setters!(FeedGap {
    into {
        /// Sets the last record before the loss.
        last: Option<GapEdge>,
        /// Sets the first record after the loss.
        next: Option<GapEdge>,
        /// Sets when the lost records were stored.
        filled_at: Option<DateTime<Utc>>,
    }
    some {
        /// Sets why the lost records could not be stored.
        failure: String,
    }
});

pub(super) fn check_feed(feed: &str) -> Result<String, InvalidFeedRow> {
    match feed.chars().count() {
        1..=MAX_FEED => Ok(feed.to_owned()),
        length => Err(InvalidFeedRow::Feed(length)),
    }
}

pub(super) fn time(
    symbol_id: SymbolId,
    time: DateTime<Utc>,
    field: &'static str,
) -> Result<DateTime<Utc>, InvalidFeedRow> {
    let identity = Identity {
        symbol_id,
        time,
        received_at: None,
        sequence: 0,
        occurrence: None,
    };
    Ok(identity.normalized(field, "gaps")?.time)
}

#[cfg(test)]
mod tests;
