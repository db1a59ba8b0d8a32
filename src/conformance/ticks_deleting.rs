//! Conformance: deletion of ticks, and the candles of the remaining ticks.
//!
//! Covers `TickRepository::delete_range` and `deletable`, and the candles after them.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, candles, insert_new, micros, nth_tick, range, seconds, series, start,
    stored,
};
use crate::Repositories;
use crate::domain::{
    Candle, CandleSource, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use crate::repository::{DeletedTicks, TimeSpan, deletable_ticks, delete_ticks};

async fn delete(
    repositories: &Repositories,
    symbol_id: SymbolId,
    range: TimeRange,
) -> DeletedTicks {
    let ticks = repositories.ticks.as_ref();
    let deleted = delete_ticks(ticks, symbol_id, range, |_| ()).await;
    deleted.expect("ticks are deleted")
}

/// Asserts that every candle of EURUSD is the fold of `ticks`.
async fn assert_folds(repositories: &Repositories, ticks: &[Tick]) {
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let ohlc = repositories.ohlc.as_ref();
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            let folded = fold_ticks(ticks, timeframe, basis, now()).expect("the numbers fit");
            assert_eq!(read, folded, "{timeframe} {basis}");
        }
    }
}

pub async fn delete_removes_the_half_open_range(repositories: &Repositories) {
    let all = series(EURUSD, 600);
    insert_new(repositories.ticks.as_ref(), &all).await;
    let deleted = delete(repositories, EURUSD, range(seconds(50), seconds(70))).await;
    assert_eq!(deleted.ticks, 60);
    assert_eq!(deleted.span, Some(TimeSpan::new(seconds(50), seconds(69))));
    let left: Vec<Tick> = [&all[..150], &all[210..]].concat();
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, left);
    assert_folds(repositories, &left).await;
}

pub async fn ticks_of_other_symbols_stay(repositories: &Repositories) {
    let others = series(GBPUSD, 90);
    insert_new(repositories.ticks.as_ref(), &others).await;
    insert_new(repositories.ticks.as_ref(), &series(EURUSD, 90)).await;
    assert_eq!(
        delete(repositories, EURUSD, TimeRange::all()).await.ticks,
        90
    );
    assert_eq!(stored(repositories.ticks.as_ref(), GBPUSD).await, others);
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await, []);
    assert_folds(repositories, &[]).await;
}

pub async fn delete_without_ticks_succeeds(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &series(EURUSD, 9)).await;
    let nothing = DeletedTicks::default();
    for (symbol_id, range) in [
        (GBPUSD, TimeRange::all()),
        (EURUSD, range(seconds(1), seconds(1))),
        (EURUSD, range(seconds(3), seconds(9_999_999))),
    ] {
        let counted = deletable_ticks(repositories.ticks.as_ref(), symbol_id, range).await;
        assert_eq!(counted.expect("counted"), nothing);
        assert_eq!(delete(repositories, symbol_id, range).await, nothing);
    }
    assert_eq!(stored(repositories.ticks.as_ref(), EURUSD).await.len(), 9);
}

pub async fn part_covers_one_day_and_names_the_rest(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let day = TimeDelta::days(1);
    let all: Vec<Tick> = [0, 1, 5]
        .map(|days| {
            let tick_time = seconds(36_000) + day * days;
            nth_tick(EURUSD, 0).with_tick_time(tick_time)
        })
        .into();
    insert_new(ticks, &all).await;
    let whole = range(seconds(-9_999), start() + day * 9);
    let first = ticks.delete_range(EURUSD, whole).await.expect("deleted");
    assert_eq!((first.ticks, first.candles.total()), (1, 7));
    assert_eq!(first.rest, Some(range(start() + day, whole.end())));
    assert_eq!(stored(ticks, EURUSD).await, all[1..]);
    // days without ticks are not parts
    let rest = first.rest.expect("some");
    let mut parts = 0;
    let deleted = delete_ticks(ticks, EURUSD, rest, |part| parts += part.ticks).await;
    assert_eq!((deleted.expect("deleted").ticks, parts), (2, 2));
    assert_eq!(stored(ticks, EURUSD).await, []);
}

pub async fn deletable_ticks_equal_the_deleted_ones(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = Random::seeded().ticks(800, 4);
    insert_new(ticks, &all).await;
    let part = range(micros(7_777_777_777), micros(250_000_000_000));
    let counted = deletable_ticks(ticks, EURUSD, part).await.expect("counted");
    assert_eq!(stored(ticks, EURUSD).await, all, "counting changes nothing");
    let inside: Vec<_> = all
        .iter()
        .filter(|tick| part.contains(tick.tick_time))
        .collect();
    assert_eq!(counted.ticks, inside.len() as u64);
    for (timeframe, count) in counted.candles.iter() {
        let mut opens: Vec<_> = inside
            .iter()
            .map(|tick| timeframe.bucket_start(tick.tick_time))
            .collect();
        opens.dedup();
        assert_eq!(count, opens.len() as u64, "{timeframe}");
    }
    assert_eq!(delete(repositories, EURUSD, part).await, counted);
}

pub async fn deleted_ticks_may_be_stored_again(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = Random::seeded().ticks(600, 2);
    insert_new(ticks, &all).await;
    let part = range(micros(20_000_000_000), micros(120_000_000_000));
    let deleted = delete(repositories, EURUSD, part).await;
    let again: Vec<_> = all
        .iter()
        .filter(|tick| part.contains(tick.tick_time))
        .cloned()
        .collect();
    assert_eq!(deleted.ticks, again.len() as u64);
    insert_new(ticks, &again).await;
    assert_eq!(stored(ticks, EURUSD).await, all);
    assert_folds(repositories, &all).await;
}

pub async fn stored_candles_survive_a_delete_of_ticks(repositories: &Repositories) {
    insert_new(repositories.ticks.as_ref(), &series(EURUSD, 900)).await;
    let stored = Candle {
        closed: true,
        source: CandleSource::Stored("import".to_owned()),
        ..fold_ticks(&series(EURUSD, 9), Timeframe::M1, PriceBasis::Bid, now())
            .expect("the numbers fit")
            .remove(0)
    };
    let ohlc = repositories.ohlc.as_ref();
    let upserted = ohlc.upsert_candles(std::slice::from_ref(&stored)).await;
    assert_eq!(upserted.expect("stored"), 1);
    delete(repositories, EURUSD, TimeRange::all()).await;
    let read = candles(ohlc, Timeframe::M1, PriceBasis::Bid, TimeRange::all()).await;
    assert_eq!(read, [stored]);
}

pub async fn random_deletes_leave_the_fold_of_the_rest(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let mut random = Random::seeded();
    let mut left = random.ticks(900, 3);
    insert_new(ticks, &left).await;
    for _ in 0..6 {
        let from = random.below(3 * 86_400_000_000) as i64;
        // within a minute, within hours, over days
        let width = [50_000_000, 7_200_000_000, 100_000_000_000][random.below(3) as usize];
        let part = range(micros(from), micros(from + random.below(width) as i64));
        let before = left.len();
        left.retain(|tick| !part.contains(tick.tick_time));
        let deleted = delete(repositories, EURUSD, part).await;
        assert_eq!(deleted.ticks, (before - left.len()) as u64);
        assert_eq!(stored(ticks, EURUSD).await, left);
        assert_folds(repositories, &left).await;
    }
}
