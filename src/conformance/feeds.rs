//! Conformance: gaps and messages of feeds.
//!
//! Covers `FeedRepository`.

use chrono::{DateTime, TimeDelta, Utc};

use super::samples::{EURUSD, GBPUSD, limit, range, seconds};
use crate::Repositories;
use crate::domain::book::StaleReason;
use crate::domain::{
    FeedChannel, FeedGap, FeedMessage, FeedMessageKey, GapEdge, GapReason, MessageKind, SymbolId,
    TimeRange,
};
use crate::error::RepositoryError;
use crate::repository::{FeedGapQuery, FeedMessageQuery};

const SILENCE: GapReason = GapReason::Stale(StaleReason::Silence);

fn gap(from: i64) -> FeedGap {
    FeedGap::open(
        "kraken",
        EURUSD,
        FeedChannel::Trades,
        seconds(from),
        SILENCE,
    )
}

async fn put(repositories: &Repositories, gaps: &[FeedGap]) -> u64 {
    repositories.feeds.put_gaps(gaps).await.expect("stored")
}

async fn stored(repositories: &Repositories, query: &FeedGapQuery) -> Vec<FeedGap> {
    let page = repositories.feeds.gaps(query).await.expect("read");
    assert_eq!(page.next, None);
    page.items
}

async fn all(repositories: &Repositories) -> Vec<FeedGap> {
    stored(repositories, &FeedGapQuery::default()).await
}

fn message(second: i64, sequence: i64) -> FeedMessage {
    let key = FeedMessageKey::new(seconds(second), sequence);
    let payload = format!("{{\"number\":{second}.{sequence}}}");
    FeedMessage::new("kraken", key, MessageKind::Received, payload)
}

async fn put_messages(repositories: &Repositories, messages: &[FeedMessage]) -> u64 {
    let put = repositories.feeds.put_messages(messages).await;
    put.expect("stored")
}

async fn messages(repositories: &Repositories, source: &str) -> Vec<FeedMessage> {
    let query = FeedMessageQuery::new(source, TimeRange::all());
    let page = repositories.feeds.messages(&query).await.expect("read");
    assert_eq!(page.next, None);
    page.items
}

#[track_caller]
fn assert_invalid<T: std::fmt::Debug>(result: Result<T, RepositoryError>) {
    let is_invalid = matches!(result, Err(RepositoryError::InvalidInput { .. }));
    assert!(is_invalid, "{result:?}");
}

pub async fn every_field_of_a_gap_reads_back(repositories: &Repositories) {
    let stale = StaleReason::ALL.iter().copied().map(GapReason::Stale);
    let mut given = Vec::new();
    for (index, reason) in (0..).zip(stale.chain([GapReason::Stopped])) {
        for channel in FeedChannel::ALL {
            let id = SymbolId::new(1 + index);
            given.push(FeedGap::open("okx", id, *channel, seconds(index), reason));
        }
    }
    given[3] = given[3].clone().closed(seconds(7));
    given[4] = given[4].clone().closed(seconds(7)).filled_at(seconds(9));
    let (last, next) = (
        GapEdge::new(seconds(1), Some(0)),
        GapEdge::new(seconds(8), None),
    );
    given[5] = given[5].clone().closed(seconds(7)).last(last).next(next);
    given[6] = given[6]
        .clone()
        .closed(seconds(7))
        .next(last)
        .failure("Ünder \"'");
    given[7] = given[7].clone().last(next).failure("");
    assert_eq!(put(repositories, &given).await, given.len() as u64);
    assert_eq!(all(repositories).await, given);
}

pub async fn end_is_added_to_an_open_gap(repositories: &Repositories) {
    assert_eq!(put(repositories, &[gap(1)]).await, 1);
    let closed = gap(1).closed(seconds(1));
    assert_eq!(put(repositories, &[closed.clone(), gap(2)]).await, 2);
    assert_eq!(all(repositories).await, [closed, gap(2)]);
}

pub async fn end_of_a_gap_and_filled_never_change_back(repositories: &Repositories) {
    let closed = gap(1).closed(seconds(5));
    let filled = closed.clone().filled_at(seconds(8));
    assert_eq!(put(repositories, std::slice::from_ref(&closed)).await, 1);
    let mut other = gap(1).closed(seconds(6));
    other.reason = GapReason::Stopped;
    for unchanged in [gap(1), closed.clone(), other] {
        assert_eq!(put(repositories, &[unchanged]).await, 0);
        assert_eq!(all(repositories).await, std::slice::from_ref(&closed));
    }
    assert_eq!(put(repositories, std::slice::from_ref(&filled)).await, 1);
    let later = closed.clone().filled_at(seconds(9));
    let failed = closed.clone().failure("no history");
    assert_eq!(put(repositories, &[closed, later, failed]).await, 0);
    assert_eq!(all(repositories).await, [filled]);
}

pub async fn record_after_a_gap_is_added_once(repositories: &Repositories) {
    let edge = |second, sequence| GapEdge::new(seconds(second), sequence);
    let closed = gap(1).last(edge(1, Some(3))).closed(seconds(5));
    assert_eq!(put(repositories, std::slice::from_ref(&closed)).await, 1);
    let followed = closed.clone().next(edge(5, None));
    assert_eq!(put(repositories, std::slice::from_ref(&followed)).await, 1);
    let other = closed.clone().last(edge(2, None)).next(edge(6, Some(9)));
    assert_eq!(put(repositories, &[other, closed]).await, 0);
    assert_eq!(all(repositories).await, [followed]);
}

pub async fn later_failure_of_a_gap_counts(repositories: &Repositories) {
    let closed = gap(1).closed(seconds(5));
    let failed = |text: &str| closed.clone().failure(text);
    for text in ["no history", "no answer"] {
        assert_eq!(put(repositories, &[failed(text)]).await, 1);
        assert_eq!(put(repositories, &[failed(text), closed.clone()]).await, 0);
        assert_eq!(all(repositories).await, [failed(text)]);
    }
    // a gap that is filled has none
    let filled = failed("no answer").filled_at(seconds(9));
    assert_eq!(put(repositories, &[filled]).await, 1);
    let filled = closed.clone().filled_at(seconds(9));
    assert_eq!(all(repositories).await, std::slice::from_ref(&filled));
    assert_eq!(put(repositories, &[failed("late")]).await, 0);
    assert_eq!(all(repositories).await, [filled]);
}

pub async fn gaps_of_one_key_in_one_call_are_one(repositories: &Repositories) {
    let closed = gap(1).closed(seconds(5));
    let batch = [gap(1), closed.clone(), gap(1), gap(1).closed(seconds(9))];
    assert_eq!(put(repositories, &batch).await, 1);
    assert_eq!(all(repositories).await, [closed]);
}

pub async fn invalid_gap_stores_none(repositories: &Repositories) {
    let nameless = FeedGap::open("", EURUSD, FeedChannel::Book, seconds(1), SILENCE);
    let long = "x".repeat(51);
    let long = FeedGap::open(long, EURUSD, FeedChannel::Book, seconds(1), SILENCE);
    let mut early = gap(1);
    early.from = DateTime::UNIX_EPOCH - TimeDelta::seconds(1);
    let mut symbol = gap(1);
    symbol.symbol_id = SymbolId::new(0);
    let followed = gap(5).next(GapEdge::new(seconds(5), None));
    let numbered = gap(5).last(GapEdge::new(seconds(5), Some(-1)));
    let explained = gap(5).failure("x".repeat(501));
    for invalid in [
        nameless,
        long,
        early,
        symbol,
        gap(5).closed(seconds(4)),
        followed,
        numbered,
        explained,
        gap(5).filled_at(seconds(5)),
    ] {
        let result = repositories.feeds.put_gaps(&[gap(1), invalid]).await;
        assert_invalid(result);
    }
    assert_eq!(all(repositories).await, []);
}

/// Gaps that differ in one part of the key each, in their order.
fn of_all_keys() -> Vec<FeedGap> {
    let mut gaps = Vec::new();
    for from in [1, 2] {
        for feed in ["Binance", "kraken", "kraken-2", "kraken_2"] {
            for id in [EURUSD, GBPUSD] {
                for channel in FeedChannel::ALL {
                    gaps.push(FeedGap::open(feed, id, *channel, seconds(from), SILENCE));
                }
            }
        }
    }
    gaps
}

pub async fn gaps_are_listed_by_their_keys(repositories: &Repositories) {
    let expected = of_all_keys();
    let mut given = expected.clone();
    given.reverse();
    assert_eq!(put(repositories, &given).await, given.len() as u64);
    assert_eq!(all(repositories).await, expected);
}

pub async fn pages_of_gaps_neither_skip_nor_repeat(repositories: &Repositories) {
    let expected = of_all_keys();
    put(repositories, &expected).await;
    for size in [1, 5, 47, 48, 49] {
        let mut query = FeedGapQuery::default().limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = repositories.feeds.gaps(&query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            assert!(page.next.is_none() || page.next != query.after, "advances");
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "pages of {size}");
    }
}

/// Filters of the state and the channel, each alone and some together.
fn states() -> [(Option<bool>, Option<bool>, Option<FeedChannel>); 8] {
    let (yes, no) = (Some(true), Some(false));
    let trades = Some(FeedChannel::Trades);
    [
        (None, None, None),
        (yes, None, None),
        (no, None, None),
        (None, yes, None),
        (None, no, None),
        (None, None, trades),
        (no, no, trades),
        (yes, yes, None),
    ]
}

pub async fn gaps_are_found_by_feed_symbol_and_state(repositories: &Repositories) {
    let mut gaps = of_all_keys();
    for gap in gaps.iter_mut().step_by(3) {
        *gap = gap.clone().closed(seconds(9));
    }
    for gap in gaps.iter_mut().step_by(6) {
        *gap = gap.clone().filled_at(seconds(9));
    }
    put(repositories, &gaps).await;
    let is_in = |gap: &FeedGap, range: TimeRange| range.contains(gap.from);
    for feed in [None, Some("kraken"), Some("none")] {
        for id in [None, Some(GBPUSD), Some(SymbolId::new(9))] {
            for (open, filled, channel) in states() {
                for times in [TimeRange::all(), range(seconds(1), seconds(2))] {
                    let mut query = FeedGapQuery::default().range(times).open(open);
                    query = query.filled(filled).channel(channel);
                    query.feed = feed.map(str::to_owned);
                    query.symbol_id = id;
                    let expected = gaps.iter().filter(|gap| {
                        feed.is_none_or(|feed| gap.feed == feed)
                            && id.is_none_or(|id| gap.symbol_id == id)
                            && open.is_none_or(|open| gap.to.is_none() == open)
                            && filled.is_none_or(|filled| gap.filled_at.is_some() == filled)
                            && channel.is_none_or(|channel| gap.channel == channel)
                            && is_in(gap, times)
                    });
                    let expected: Vec<_> = expected.cloned().collect();
                    assert_eq!(stored(repositories, &query).await, expected, "{query:?}");
                }
            }
        }
    }
}

pub async fn every_field_of_a_message_reads_back(repositories: &Repositories) {
    let texts = [
        "",
        "{}",
        "wss://ws.kraken.com/v2",
        "a\nb\u{1F980}\\\"'\u{7f}",
    ];
    let kinds = MessageKind::ALL.iter().cycle();
    let given: Vec<_> = (0..)
        .zip(texts.into_iter().zip(kinds))
        .map(|(sequence, (payload, kind))| {
            let key = FeedMessageKey::new(seconds(1), sequence);
            FeedMessage::new("kraken", key, *kind, payload)
        })
        .collect();
    assert_eq!(put_messages(repositories, &given).await, 4);
    assert_eq!(messages(repositories, "kraken").await, given);
}

pub async fn messages_sent_again_are_left_out(repositories: &Repositories) {
    let given = [message(1, 0), message(1, 1)];
    assert_eq!(put_messages(repositories, &given).await, 2);
    let mut other = message(1, 1);
    other.payload = "other".to_owned();
    let batch = [message(1, 0), other, message(2, 0), message(2, 0)];
    assert_eq!(put_messages(repositories, &batch).await, 1);
    let expected = [message(1, 0), message(1, 1), message(2, 0)];
    assert_eq!(messages(repositories, "kraken").await, expected);
}

pub async fn invalid_message_stores_none(repositories: &Repositories) {
    let mut nameless = message(1, 0);
    nameless.source = String::new();
    let mut nul = message(1, 0);
    nul.payload = "a\0b".to_owned();
    let mut future = message(1, 0);
    future.received_at = DateTime::<Utc>::MAX_UTC;
    for invalid in [nameless, nul, future, message(1, -1)] {
        let batch = [message(5, 0), invalid];
        assert_invalid(repositories.feeds.put_messages(&batch).await);
    }
    assert_eq!(messages(repositories, "kraken").await, []);
}

pub async fn messages_of_a_source_are_in_their_order(repositories: &Repositories) {
    let mut other = message(1, 7);
    other.source = "okx".to_owned();
    let given = [message(2, 0), message(1, 1), other.clone(), message(1, 0)];
    assert_eq!(put_messages(repositories, &given).await, 4);
    let expected = [message(1, 0), message(1, 1), message(2, 0)];
    assert_eq!(messages(repositories, "kraken").await, expected);
    assert_eq!(messages(repositories, "okx").await, [other]);
    let times = range(seconds(1), seconds(2));
    let query = FeedMessageQuery::new("kraken", times);
    let page = repositories.feeds.messages(&query).await.expect("read");
    assert_eq!(page.items, expected[..2]);
}

pub async fn pages_of_messages_neither_skip_nor_repeat(repositories: &Repositories) {
    let given: Vec<_> = (0..30).map(|it| message(it / 7, it % 7)).collect();
    put_messages(repositories, &given).await;
    let times = range(seconds(1), seconds(4));
    for size in [1, 4, 20, 21, 22] {
        let mut query = FeedMessageQuery::new("kraken", times).limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = repositories.feeds.messages(&query).await.expect("read");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            assert!(page.next.is_none() || page.next != query.after, "advances");
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, given[7..28], "pages of {size}");
    }
}

pub async fn dropped_messages_are_the_older_ones(repositories: &Repositories) {
    const HOUR: i64 = 3_600;
    let given: Vec<_> = (0..5).map(|hour| message(hour * HOUR, 0)).collect();
    put_messages(repositories, &given).await;
    let feeds = &repositories.feeds;
    feeds.drop_messages(seconds(0)).await.expect("nothing");
    assert_eq!(messages(repositories, "kraken").await, given);
    feeds
        .drop_messages(seconds(3 * HOUR))
        .await
        .expect("dropped");
    let left = messages(repositories, "kraken").await;
    assert!(left.ends_with(&given[3..]), "{left:?}");
    // those of the last hour before it may be kept
    assert!(left.len() <= 3, "{left:?}");
}

pub async fn empty_batches_of_feeds_do_nothing(repositories: &Repositories) {
    assert_eq!(put(repositories, &[]).await, 0);
    assert_eq!(put_messages(repositories, &[]).await, 0);
    assert_eq!(all(repositories).await, []);
    assert_eq!(messages(repositories, "kraken").await, []);
}
