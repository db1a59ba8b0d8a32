//! Conformance: the newest tick, now and at an instant.
//!
//! Covers `TickRepository::latest`, `TickRepository::latest_of` and `TickRepository::as_of`.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, insert_new, micros, nth_tick, quote, seconds, series,
};
use crate::Repositories;
use crate::domain::{SymbolId, Tick, earliest_time, latest_time};
use crate::error::RepositoryError;
use crate::repository::TickRepository;

async fn latest(repository: &dyn TickRepository, symbol_id: SymbolId) -> Option<Tick> {
    let newest = repository.latest(symbol_id).await;
    newest.expect("the newest tick is read")
}

async fn latest_of(repository: &dyn TickRepository, ids: &[SymbolId]) -> Vec<Tick> {
    let newest = repository.latest_of(ids).await;
    newest.expect("the newest ticks are read")
}

async fn as_of(repository: &dyn TickRepository, at: DateTime<Utc>) -> Option<Tick> {
    let tick = repository.as_of(EURUSD, at).await;
    tick.expect("the tick of an instant is read")
}

pub async fn latest_is_the_last_by_time_and_sequence(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut all = series(EURUSD, 30);
    let newest = all[29].clone();
    all.reverse();
    // a tick that arrives late is not the newest for that reason
    for batch in all.chunks(7) {
        insert_new(ticks, batch).await;
        assert_eq!(latest(ticks, EURUSD).await.as_ref(), Some(&newest));
    }
    let tie = newest.with_sequence(i64::MAX);
    insert_new(ticks, std::slice::from_ref(&tie)).await;
    assert_eq!(latest(ticks, EURUSD).await, Some(tie));
}

pub async fn symbol_without_ticks_has_no_latest(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    assert_eq!(latest(ticks, EURUSD).await, None);
    insert_new(ticks, &series(GBPUSD, 3)).await;
    assert_eq!(latest(ticks, EURUSD).await, None);
    assert_eq!(as_of(ticks, seconds(100)).await, None);
}

pub async fn latest_is_found_at_any_age(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let now = now();
    let times = [
        earliest_time(),
        seconds(0),
        now - TimeDelta::days(40),
        now - TimeDelta::minutes(1),
        now + TimeDelta::days(3),
        latest_time() - TimeDelta::microseconds(1),
    ];
    let mut expected = Vec::new();
    for (symbol, time) in (1..).zip(times) {
        let tick = quote(time, 4, "1", "2").with_symbol_id(SymbolId::new(symbol));
        let tick = tick.normalized().expect("a valid tick");
        insert_new(ticks, std::slice::from_ref(&tick)).await;
        expected.push(tick);
    }
    let ids: Vec<SymbolId> = expected.iter().map(|tick| tick.symbol_id).collect();
    assert_eq!(latest_of(ticks, &ids).await, expected);
    for tick in expected {
        assert_eq!(latest(ticks, tick.symbol_id).await, Some(tick));
    }
}

pub async fn latest_of_leaves_out_symbols_without_ticks(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 3)).await;
    let ids = [EURUSD, GBPUSD, SymbolId::new(-5), SymbolId::new(i64::MAX)];
    assert_eq!(latest_of(ticks, &ids).await, [nth_tick(EURUSD, 2)]);
    assert_eq!(latest_of(ticks, &[GBPUSD]).await, []);
}

pub async fn latest_of_is_sorted_by_symbol_and_names_each_once(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let ids: Vec<SymbolId> = (1..=60).map(SymbolId::new).collect();
    let newest: Vec<Tick> = ids.iter().map(|id| nth_tick(*id, 8)).collect();
    for id in &ids {
        insert_new(ticks, &series(*id, 9)).await;
    }
    let mut asked = [ids.clone(), ids].concat();
    Random::seeded().shuffle(&mut asked);
    assert_eq!(latest_of(ticks, &asked).await, newest);
}

pub async fn latest_of_no_symbols_is_empty(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 3)).await;
    assert_eq!(latest_of(ticks, &[]).await, []);
}

pub async fn latest_of_takes_ten_thousand_symbols_and_no_more(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let last = SymbolId::new(10_000);
    insert_new(ticks, &series(last, 3)).await;
    let mut ids: Vec<SymbolId> = (1..=10_000).map(SymbolId::new).collect();
    assert_eq!(latest_of(ticks, &ids).await, [nth_tick(last, 2)]);
    ids.push(SymbolId::new(10_001));
    let refused = ticks.latest_of(&ids).await;
    assert!(
        matches!(refused, Err(RepositoryError::InvalidInput { .. })),
        "{refused:?}"
    );
}

pub async fn as_of_an_instant_gives_the_last_tick_at_or_before(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 30)).await;
    insert_new(ticks, &series(GBPUSD, 60)).await;
    for (at, index) in [
        // the last of equal times; the instant itself is included
        (seconds(0), 2),
        (micros(1), 2),
        (micros(999_999), 2),
        (seconds(1), 5),
        (seconds(1) + TimeDelta::nanoseconds(1), 5),
        (seconds(2) - TimeDelta::nanoseconds(1), 5),
        (seconds(9), 29),
        (seconds(10), 29),
        (now(), 29),
        (latest_time(), 29),
        (DateTime::<Utc>::MAX_UTC, 29),
    ] {
        assert_eq!(
            as_of(ticks, at).await,
            Some(nth_tick(EURUSD, index)),
            "{at}"
        );
    }
}

pub async fn as_of_before_the_first_tick_is_empty(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    insert_new(ticks, &series(EURUSD, 30)).await;
    for at in [
        micros(-1),
        seconds(-86_400),
        earliest_time(),
        DateTime::<Utc>::MIN_UTC,
    ] {
        assert_eq!(as_of(ticks, at).await, None, "{at}");
    }
}

pub async fn as_of_reaches_back_across_decades(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let given = [
        quote(earliest_time(), 1, "1", "2"),
        quote(seconds(0), i64::MAX, "3", "4"),
        quote(latest_time() - TimeDelta::microseconds(1), 0, "5", "6"),
    ];
    insert_new(ticks, &given).await;
    let [first, second, third] = given.map(Some);
    assert_eq!(as_of(ticks, earliest_time()).await, first);
    assert_eq!(as_of(ticks, micros(-1)).await, first);
    assert_eq!(as_of(ticks, seconds(0)).await, second);
    assert_eq!(as_of(ticks, now()).await, second);
    assert_eq!(as_of(ticks, latest_time()).await, third);
}
