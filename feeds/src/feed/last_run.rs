//! The state that the last run of a feed has left.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tickbook::domain::{
    FeedChannel, FeedGap, GapEdge, PageLimit, SortOrder, SymbolId, TimeRange, latest_time,
};
use tickbook::repository::{
    BookSnapshotQuery, BookUpdateQuery, FeedGapQuery, TickQuery, TradeQuery,
};
use tickbook::{Repositories, RepositoryError};
use tokio::time::timeout;

use super::gaps::{GapTracker, Stopped};

/// How long a feed waits for the state of its last run. Records do not wait longer.
const PREPARATION: Duration = Duration::from_secs(5);

/// The number of symbols and channels that are read at once.
const AT_ONCE: usize = 8;

/// One symbol and channel.
type Key = (SymbolId, FeedChannel);

/// The state that the last run of a feed has left.
#[derive(Debug, Default)]
struct LastRun {
    /// The gaps that last.
    open: Vec<FeedGap>,
    /// The gaps that stored records have followed, which the last run has not stored.
    ended: Vec<FeedGap>,
    /// The gaps of trades that have an end, but no trade after it.
    unfollowed: Vec<FeedGap>,
    /// The last stored record of each symbol and channel.
    stopped: Vec<(Key, Stopped)>,
}

/// Tells a tracker which gaps the last run has left, and since when the feed did not run.
///
/// A run that was killed has lost what was not durable. Everything that is stored now was, so the gap since the last
/// run begins with the last stored record.
pub(super) async fn prepare(feed: &str, tracker: &mut GapTracker, repositories: &Repositories) {
    let read = timeout(PREPARATION, last_run(feed, tracker.keys(), repositories));
    match read.await {
        Ok(Ok(left)) => {
            tracker.ended(left.ended);
            tracker.resume(left.open);
            tracker.follow(left.unfollowed);
            for (key, stopped) in left.stopped {
                tracker.stopped(key, stopped);
            }
        }
        Ok(Err(error)) => {
            tracing::warn!(feed, %error, "the gap since the last run of the feed is not known");
        }
        Err(_) => tracing::warn!(feed, "the gap since the last run of the feed is not known"),
    }
}

async fn all(
    repositories: &Repositories,
    query: FeedGapQuery,
) -> Result<Vec<FeedGap>, RepositoryError> {
    let mut query = query.limit(PageLimit::MAX);
    let mut gaps = Vec::new();
    loop {
        let page = repositories.feeds.gaps(&query).await?;
        gaps.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok(gaps),
        }
    }
}

/// The first stored record after a gap, and when it was received. The last run may have stored it without the end of
/// the gap.
async fn first_after(
    gap: &FeedGap,
    repositories: &Repositories,
) -> Result<Option<(DateTime<Utc>, GapEdge)>, RepositoryError> {
    let Some(last) = gap.last else {
        return Ok(None);
    };
    let Ok(range) = TimeRange::new(last.time, TimeRange::all().end()) else {
        return Ok(None);
    };
    match gap.channel {
        FeedChannel::Trades => {
            let query = TradeQuery::new(gap.symbol_id, range).limit(PageLimit::MAX);
            let trades = repositories.trades.range(&query).await?.items;
            let next = trades.into_iter().find(|trade| match last.sequence {
                Some(sequence) => trade.sequence > sequence,
                None => trade.trade_time > last.time,
            });
            Ok(next.map(|trade| {
                let edge = GapEdge::new(trade.trade_time, Some(trade.sequence));
                (trade.received_at.unwrap_or(trade.trade_time), edge)
            }))
        }
        FeedChannel::Quotes => {
            let mut query = TickQuery::new(gap.symbol_id, range);
            query.limit = PageLimit::MAX;
            let ticks = repositories.ticks.range(&query).await?.items;
            let mut next = ticks.into_iter().map(|tick| {
                let received_at = tick.received_at.unwrap_or(tick.tick_time);
                (received_at, GapEdge::new(tick.tick_time, None))
            });
            Ok(next.find(|(received_at, _)| *received_at > gap.from))
        }
        _ => {
            let after = last.time + TimeDelta::microseconds(1);
            let Ok(range) = TimeRange::new(after, range.end()) else {
                return Ok(None);
            };
            let next = row(gap.symbol_id, range, SortOrder::Ascending, repositories).await?;
            Ok(next.map(|time| (time, GapEdge::new(time, None))))
        }
    }
}

/// The time of the first or last stored row of a book in a range.
async fn row(
    id: SymbolId,
    range: TimeRange,
    order: SortOrder,
    repositories: &Repositories,
) -> Result<Option<DateTime<Utc>>, RepositoryError> {
    let one = PageLimit::new(1).map_err(RepositoryError::invalid)?;
    let snapshots = BookSnapshotQuery::new(id, range).order(order).depth(1);
    let snapshots = snapshots.limit(one);
    let snapshots = repositories.books.snapshots(&snapshots);
    let updates = BookUpdateQuery::new(id, range).order(order).limit(one);
    let updates = repositories.books.updates(&updates);
    let (snapshots, updates) = tokio::try_join!(snapshots, updates)?;
    let snapshot = snapshots.items.first().map(|row| row.snapshot_time);
    let update = updates.items.first().map(|row| row.update_time);
    let times = snapshot.into_iter().chain(update);
    Ok(match order {
        SortOrder::Ascending => times.min(),
        SortOrder::Descending => times.max(),
    })
}

/// The last stored record, and when it was received.
async fn last_stored(
    (id, channel): Key,
    repositories: &Repositories,
) -> Result<Option<(DateTime<Utc>, GapEdge)>, RepositoryError> {
    Ok(match channel {
        FeedChannel::Quotes => {
            let latest = repositories.ticks.latest(id).await?;
            latest.map(|tick| {
                let received_at = tick.received_at.unwrap_or(tick.tick_time);
                (received_at, GapEdge::new(tick.tick_time, None))
            })
        }
        FeedChannel::Trades => {
            let latest = repositories.trades.latest(id).await?;
            latest.map(|trade| {
                let received_at = trade.received_at.unwrap_or(trade.trade_time);
                let number = Some(trade.sequence);
                (received_at, GapEdge::new(trade.trade_time, number))
            })
        }
        _ => {
            let last = row(id, TimeRange::all(), SortOrder::Descending, repositories).await?;
            // rows of books have no time of receipt
            last.map(|time| (time, GapEdge::new(time, None)))
        }
    })
}

/// The first time from `from` on at which no gap of the symbol and channel starts, since gaps are identified by their
/// starts: a run that received nothing but known records has ended the gap that starts with the last record.
async fn free_start(
    feed: &str,
    (id, channel): Key,
    from: DateTime<Utc>,
    repositories: &Repositories,
) -> Result<DateTime<Utc>, RepositoryError> {
    let end = (from + TimeDelta::seconds(1)).min(latest_time());
    let range = TimeRange::new(from, end).map_err(RepositoryError::invalid)?;
    let query = FeedGapQuery::default().feed(feed).range(range);
    let gaps = all(repositories, query.symbol_id(id).channel(channel)).await?;
    let mut start = from;
    for gap in gaps {
        if gap.from == start {
            start += TimeDelta::microseconds(1);
        }
    }
    Ok(start)
}

/// The last stored record of a symbol and channel, if there is one.
async fn stopped(
    feed: &str,
    key: Key,
    repositories: &Repositories,
) -> Result<Option<(Key, Stopped)>, RepositoryError> {
    let Some((received_at, edge)) = last_stored(key, repositories).await? else {
        return Ok(None);
    };
    let stopped = Stopped {
        received_at,
        start: free_start(feed, key, received_at, repositories).await?,
        edge,
    };
    Ok(Some((key, stopped)))
}

async fn last_run(
    feed: &str,
    keys: Vec<Key>,
    repositories: &Repositories,
) -> Result<LastRun, RepositoryError> {
    let of_feed = FeedGapQuery::default().feed(feed);
    let mut left = LastRun::default();
    for gap in all(repositories, of_feed.clone().open(true)).await? {
        match first_after(&gap, repositories).await? {
            Some((received_at, next)) => {
                let to = received_at.max(gap.from);
                left.ended.push(gap.closed(to).next(next));
            }
            None => left.open.push(gap),
        }
    }
    let ended = of_feed.channel(FeedChannel::Trades).open(false);
    let ended = all(repositories, ended.filled(false)).await?;
    for gap in ended.into_iter().filter(|gap| gap.next.is_none()) {
        match first_after(&gap, repositories).await? {
            Some((_, next)) => left.ended.push(gap.next(next)),
            None => left.unfollowed.push(gap),
        }
    }
    let stopped = futures_util::stream::iter(keys)
        .map(|key| stopped(feed, key, repositories))
        .buffer_unordered(AT_ONCE);
    let stopped: Vec<_> = stopped.try_collect().await?;
    left.stopped = stopped.into_iter().flatten().collect();
    Ok(left)
}
