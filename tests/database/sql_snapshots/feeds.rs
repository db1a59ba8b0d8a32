//! One or several calls of each method of the repository of feeds.

use chrono::TimeDelta;
use tickbook::domain::{
    FeedChannel, FeedGap, FeedMessage, FeedMessageKey, GapReason, MessageKind, PageLimit, SymbolId,
};
use tickbook::repository::{FeedGapQuery, FeedMessageQuery, FeedRepository as _};

use super::Recording;
use super::data::{QUOTED, Site, day, range};

fn gap(symbol: SymbolId, minute: i64) -> FeedGap {
    let from = day(0) + TimeDelta::minutes(minute);
    FeedGap::open(
        "kraken",
        symbol,
        FeedChannel::Trades,
        from,
        GapReason::Stopped,
    )
}

fn messages(of_day: i64, count: i64) -> Vec<FeedMessage> {
    let message = |second: i64| {
        let key = FeedMessageKey::new(day(of_day) + TimeDelta::seconds(second), 0);
        FeedMessage::new("kraken", key, MessageKind::Received, "{}")
    };
    (0..count).map(message).collect()
}

/// Stores some gaps, and the messages of three hours.
pub(super) async fn fill(site: &Site) {
    let gaps: Vec<_> = (0..1_000)
        .map(|minute| gap(QUOTED, minute).closed(day(1)))
        .collect();
    site.feeds.put_gaps(&gaps).await.expect("stored");
    let messages = messages(1, 3 * 3_600);
    site.feeds.put_messages(&messages).await.expect("stored");
}

pub(super) async fn feeds(site: &Site, recording: &mut Recording) {
    let feeds = &site.feeds;
    let limit = PageLimit::new(100).expect("a valid limit");
    let query = FeedGapQuery::default().limit(limit);
    feeds.gaps(&query).await.expect("read");
    recording.add("feeds.gaps", "all");
    let after = gap(QUOTED, 500).key();
    let query = query.feed("kraken").symbol_id(QUOTED).after(after);
    let query = query.channel(FeedChannel::Trades).open(false).filled(false);
    feeds.gaps(&query).await.expect("read");
    recording.add(
        "feeds.gaps",
        "of a feed, symbol, channel and state, after a gap",
    );
    let new = gap(QUOTED, 2_000);
    feeds
        .put_gaps(std::slice::from_ref(&new))
        .await
        .expect("stored");
    recording.add("feeds.put_gaps", "an open gap");
    feeds.put_gaps(&[new.closed(day(2))]).await.expect("stored");
    recording.add("feeds.put_gaps", "the end of a gap");
    let query = FeedMessageQuery::new("kraken", range(day(1), day(2))).limit(limit);
    feeds.messages(&query).await.expect("read");
    recording.add("feeds.messages", "a day");
    let after = FeedMessageKey::new(day(1) + TimeDelta::seconds(5_000), 0);
    feeds.messages(&query.after(after)).await.expect("read");
    recording.add("feeds.messages", "a day, after a message");
    feeds.put_messages(&messages(2, 20)).await.expect("stored");
    recording.add("feeds.put_messages", "20 new messages");
    feeds.drop_messages(day(1)).await.expect("dropped");
    recording.add("feeds.drop_messages", "a time before all messages");
}
