//! The repository of gaps and messages of feeds.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{
    FeedChannel, FeedGap, FeedGapKey, FeedMessage, FeedMessageKey, Page, PageLimit, SymbolId,
    TimeRange, setters,
};
use crate::error::RepositoryError;

/// A query for gaps of feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedGapQuery {
    /// Only gaps of this feed.
    pub feed: Option<String>,
    /// Only gaps of this symbol.
    pub symbol_id: Option<SymbolId>,
    /// Only gaps of this channel.
    pub channel: Option<FeedChannel>,
    /// Only gaps that last, or only those with an end.
    pub open: Option<bool>,
    /// Only gaps whose records were stored later, or only the others.
    pub filled: Option<bool>,
    /// Only gaps that begin in this range.
    pub range: TimeRange,
    /// Only those after this one.
    pub after: Option<FeedGapKey>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl Default for FeedGapQuery {
    /// A query for the first 500 of all gaps.
    fn default() -> Self {
        Self {
            feed: None,
            symbol_id: None,
            channel: None,
            open: None,
            filled: None,
            range: TimeRange::all(),
            after: None,
            limit: PageLimit::default(),
        }
    }
}

setters!(FeedGapQuery {
    set {
        /// Returns only gaps that begin in this range.
        range: TimeRange,
        /// Sets the largest number of a page.
        limit: PageLimit,
    }
    into {
        /// Returns only gaps of this symbol.
        symbol_id: Option<SymbolId>,
        /// Returns only gaps of this channel.
        channel: Option<FeedChannel>,
        /// Returns only gaps that last (`true`), or only those with an end (`false`).
        open: Option<bool>,
        /// Returns only gaps whose records were stored later (`true`), or only the others (`false`).
        filled: Option<bool>,
        /// Continues after the page that had this `next`.
        after: Option<FeedGapKey>,
    }
    some {
        /// Returns only gaps of this feed.
        feed: String,
    }
});

/// A query for the messages of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedMessageQuery {
    /// The source.
    pub source: String,
    /// The range of times of receipt; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only those after this one.
    pub after: Option<FeedMessageKey>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl FeedMessageQuery {
    /// The first 500 messages of a source in a range.
    #[must_use]
    pub fn new(source: impl Into<String>, range: TimeRange) -> Self {
        Self {
            source: source.into(),
            range,
            after: None,
            limit: PageLimit::default(),
        }
    }
}

setters!(FeedMessageQuery {
    set {
        /// Sets the largest number of a page.
        limit: PageLimit,
    }
    into {
        /// Continues after the page that had this `next`.
        after: Option<FeedMessageKey>,
    }
});

/// Stores what feeds lost, and the messages that they received.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tickbook::Repositories;
/// use tickbook::domain::{FeedChannel, FeedGap, GapReason, SymbolId};
/// use tickbook::repository::FeedGapQuery;
///
/// let feeds = Repositories::in_memory().feeds;
/// let from = "2024-05-01T12:00:00Z".parse()?;
/// let (symbol, trades) = (SymbolId::new(1), FeedChannel::Trades);
/// let gap = FeedGap::open("kraken", symbol, trades, from, GapReason::Stopped);
/// assert_eq!(feeds.put_gaps(&[gap.clone()]).await?, 1);
/// // the same gap, with its end
/// let gap = gap.closed("2024-05-01T12:00:05Z".parse()?);
/// assert_eq!(feeds.put_gaps(&[gap.clone()]).await?, 1);
/// assert_eq!(feeds.gaps(&FeedGapQuery::default()).await?.items, [gap]);
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FeedRepository: Debug + Send + Sync + 'static {
    /// Stores gaps, all or none. A gap with the key of a stored one adds what that lacks of the end, of the record
    /// after it and of the time of filling, and replaces its failure; a filled gap has no failure. Nothing else of a
    /// stored gap changes. Returns the number of gaps that are new or changed. Each key counts at most once.
    ///
    /// # Errors
    /// `InvalidInput` for an invalid gap, and failures of the store, after which the call may be repeated.
    async fn put_gaps(&self, gaps: &[FeedGap]) -> Result<u64, RepositoryError>;

    /// Returns a page of gaps, by ascending [key](FeedGapKey).
    ///
    /// # Errors
    /// Failures of the store.
    async fn gaps(
        &self,
        query: &FeedGapQuery,
    ) -> Result<Page<FeedGap, FeedGapKey>, RepositoryError>;

    /// Stores messages, all or none. A message with the source and key of a stored one is left out. Returns the
    /// number of new messages.
    ///
    /// # Errors
    /// `InvalidInput` for an invalid message, and failures of the store, after which the call may be repeated.
    async fn put_messages(&self, messages: &[FeedMessage]) -> Result<u64, RepositoryError>;

    /// Returns a page of messages of a source, by ascending [key](FeedMessageKey).
    ///
    /// # Errors
    /// Failures of the store.
    async fn messages(
        &self,
        query: &FeedMessageQuery,
    ) -> Result<Page<FeedMessage, FeedMessageKey>, RepositoryError>;

    /// Drops messages of all sources that were received before `time`. The store may keep those of the last hour
    /// before it.
    ///
    /// # Errors
    /// Failures of the store, after which the call may be repeated.
    async fn drop_messages(&self, time: DateTime<Utc>) -> Result<(), RepositoryError>;
}

/// The gaps in their stored form, one for each key.
pub(crate) fn merged_gaps(
    gaps: &[FeedGap],
) -> Result<BTreeMap<FeedGapKey, FeedGap>, RepositoryError> {
    let mut merged: BTreeMap<FeedGapKey, FeedGap> = BTreeMap::new();
    for gap in gaps {
        let gap = gap.normalized().map_err(RepositoryError::invalid)?;
        let gap = match merged.remove(&gap.key()) {
            Some(earlier) => earlier.with_later(&gap),
            None => gap,
        };
        merged.insert(gap.key(), gap);
    }
    Ok(merged)
}

/// The messages in their stored form.
pub(crate) fn normalized_messages(
    messages: &[FeedMessage],
) -> Result<Vec<FeedMessage>, RepositoryError> {
    let messages = messages.iter().cloned().map(FeedMessage::normalized);
    let messages = messages.collect::<Result<_, _>>();
    messages.map_err(RepositoryError::invalid)
}
