//! Tests of deletes of more ticks than one transaction deletes.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::collections::BTreeSet;

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, tick};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use tickbook::domain::{TimeRange, Timeframe};
use tickbook::postgres::refresh_days;
use tickbook::repository::{deletable_ticks, delete_ticks};

/// A number of ticks in one minute that exceeds the ticks of one part.
const IN_ONE_MINUTE: i64 = 50_010;

/// `count` ticks of the first symbol from `start` on.
async fn insert(history: &mut TenDayHistory, start: DateTime<Utc>, count: i64, apart: TimeDelta) {
    let mut ticks = Vec::new();
    let mut time = start;
    for number in 0..count {
        ticks.push(tick(SYMBOLS[0], time, 0, number % 97));
        time += apart;
    }
    for batch in ticks.chunks(20_000) {
        let receipt = history.repositories.ticks.insert_batch(batch).await;
        assert_eq!(receipt.expect("inserted").inserted, batch.len() as u64);
    }
    history.ticks.extend(ticks);
}

#[tokio::test]
async fn many_ticks_are_deleted_in_parts_of_whole_minutes() {
    let mut history = TenDayHistory::empty().await;
    let day = (history.now - TimeDelta::days(3))
        .duration_trunc(TimeDelta::days(1))
        .expect("a day");
    let (from, to) = (day + TimeDelta::hours(10), day + TimeDelta::hours(14));
    insert(
        &mut history,
        from,
        IN_ONE_MINUTE,
        TimeDelta::milliseconds(1),
    )
    .await;
    // 500 ticks in each minute
    let hour = day + TimeDelta::hours(11);
    insert(&mut history, hour, 50_500, TimeDelta::milliseconds(120)).await;
    // ticks that stay: around the range, and of another symbol
    for time in [from - TimeDelta::microseconds(1), to] {
        history.insert(&[tick(SYMBOLS[0], time, 0, 5)]).await;
    }
    let others = [tick(SYMBOLS[1], from, 0, 7), tick(SYMBOLS[1], hour, 0, 7)];
    history.insert(&others).await;
    let refreshed = refresh_days(&history.db(), BTreeSet::from([day])).await;
    refreshed.expect("refreshed");

    let range = TimeRange::new(from, to).expect("ordered");
    let ticks = &*history.repositories.ticks;
    let counted = deletable_ticks(ticks, SYMBOLS[0], range).await;
    let mut parts = Vec::new();
    let deleted = delete_ticks(ticks, SYMBOLS[0], range, |part| {
        parts.push((part.ticks, part.rest.map(|rest| rest.start())));
    });
    let deleted = deleted.await.expect("deleted");
    assert_eq!(deleted, counted.expect("counted"));
    let minutes = |count| Some(hour + TimeDelta::minutes(count));
    let first = from + TimeDelta::minutes(1);
    let expected = [
        (IN_ONE_MINUTE as u64, Some(first)),
        (50_000, minutes(100)),
        (500, None),
    ];
    assert_eq!(parts, expected);
    assert_eq!(deleted.candles.get(Timeframe::M1), 102, "{deleted:?}");

    history
        .ticks
        .retain(|tick| tick.symbol_id != SYMBOLS[0] || !range.contains(tick.tick_time));
    history.assert_whole(Timeframe::ALL).await;
}
