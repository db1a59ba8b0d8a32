//! Tests of deletes beside inserts in the same range: for each tick one of the two is first, and receipts
//! and candles match the remaining ticks.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::random::Random;
use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, tick};
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{PageLimit, Tick, TickKey, TimeRange, Timeframe};
use tickbook::postgres::refresh_days;
use tickbook::repository::TickQuery;
use tokio::time::sleep;

const ROUNDS: usize = 12;

/// Up to 40 ticks within ten minutes from `start`, many of them at few instants. The price depends on the
/// time, so equal keys have equal content.
fn some(random: &mut Random, start: DateTime<Utc>) -> Vec<Tick> {
    let mut ticks: Vec<_> = (0..1 + random.below(40))
        .map(|_| {
            let second = random.below(600) as i64 / 7 * 7;
            let time = start + TimeDelta::seconds(second);
            tick(SYMBOLS[0], time, random.below(2) as i64, second % 97)
        })
        .collect();
    ticks.sort_by_key(Tick::key);
    ticks.dedup_by_key(|tick| tick.key());
    ticks
}

fn keys<'a>(ticks: impl IntoIterator<Item = &'a Tick>) -> BTreeSet<TickKey> {
    ticks.into_iter().map(Tick::key).collect()
}

async fn stored(history: &TenDayHistory) -> Vec<Tick> {
    let query = TickQuery::new(SYMBOLS[0], TimeRange::all()).limit(PageLimit::MAX);
    let page = history
        .repositories
        .ticks
        .range(&query)
        .await
        .expect("read");
    assert!(page.next.is_none(), "few ticks");
    page.items
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn delete_beside_an_insert_is_before_or_after_it() {
    let mut history = TenDayHistory::empty().await;
    let mut random = Random::seeded();
    for round in 0..ROUNDS {
        // ticks of the last hour are written on another path than old ones
        let age = [TimeDelta::days(3), TimeDelta::minutes(30)][round % 2];
        let start = Timeframe::M1.bucket_start(history.now - age);
        let before = some(&mut random, start);
        let receipt = history.repositories.ticks.insert_batch(&before).await;
        receipt.expect("inserted");
        let before = keys(&stored(&history).await);
        if random.below(2) == 0 {
            let refreshed = refresh_days(&history.db(), BTreeSet::from([start])).await;
            refreshed.expect("refreshed");
        }
        let batch = some(&mut random, start);
        let from = start + TimeDelta::seconds(random.below(400) as i64);
        let length = TimeDelta::seconds(1 + random.below(400) as i64);
        let range = TimeRange::new(from, from + length).expect("ordered");
        // a delete reads before it deletes
        let pauses = [random.below(40_000), random.below(4_000)].map(Duration::from_micros);

        let repository = Arc::clone(&history.repositories.ticks);
        let inserting = tokio::spawn({
            let (repository, batch) = (Arc::clone(&repository), batch.clone());
            async move {
                sleep(pauses[0]).await;
                repository.insert_batch(&batch).await
            }
        });
        let deleting = tokio::spawn(async move {
            sleep(pauses[1]).await;
            repository.delete_range(SYMBOLS[0], range).await
        });
        let inserted = inserting.await.expect("no panic").expect("inserted");
        let deleted = deleting.await.expect("no panic").expect("deleted");
        assert_eq!(deleted.rest, None);

        let left = stored(&history).await;
        let (sent, found) = (keys(&batch), keys(&left));
        let all: BTreeSet<_> = before.union(&sent).copied().collect();
        let (mut gone, mut again) = (0, 0);
        for key in &all {
            let is_left = found.contains(key);
            let (is_met, is_sent) = (range.contains(key.tick_time), sent.contains(key));
            let was_there = before.contains(key);
            assert!(is_left || is_met, "round {round}: {key:?} is lost");
            assert!(
                !is_left || !is_met || is_sent,
                "round {round}: {key:?} stays"
            );
            // the tick was deleted before or after it was sent
            gone += u64::from(is_met && (was_there || !is_left));
            again += u64::from(is_sent && (!was_there || (is_met && is_left)));
        }
        assert!(found.is_subset(&all), "round {round}: from nowhere");
        let case = format!("round {round}: {inserted:?} {deleted:?}");
        assert_eq!(deleted.ticks, gone, "{case}");
        assert_eq!(inserted.inserted, again, "{case}");
        assert_eq!(inserted.inserted + inserted.duplicates, sent.len() as u64);
        history.ticks = left;
        history.assert_whole(Timeframe::ALL).await;
        let refreshed = refresh_days(&history.db(), BTreeSet::from([start])).await;
        refreshed.expect("refreshed");
        history.assert_whole(Timeframe::ALL).await;
    }
}
