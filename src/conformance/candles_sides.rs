//! Conformance: candles of ticks with absent sides. Each basis uses the ticks that have its price.
//!
//! Covers `OhlcRepository::candles` and `OhlcRepository::latest`, also after deletions.

use chrono::TimeDelta;

use super::clock::now;
use super::samples::{
    EURUSD, Random, candles, dec, insert_new, limit, quote, range, read_candle_pages, seconds,
};
use crate::Repositories;
use crate::domain::{Candle, PriceBasis, SortOrder, Tick, TimeRange, Timeframe, fold_ticks};
use crate::repository::{CandleQuery, delete_ticks};

fn bid(second: i64, sequence: i64, price: &str) -> Tick {
    quote(seconds(second), sequence, price, "0").with_ask(None)
}

fn ask(second: i64, sequence: i64, price: &str) -> Tick {
    quote(seconds(second), sequence, "0", price).with_bid(None)
}

/// Compares every timeframe and basis of EURUSD with the fold of `ticks`, in one page and in several.
async fn assert_all_equal_the_fold(repositories: &Repositories, ticks: &[Tick]) {
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let mut expected = fold_ticks(ticks, timeframe, basis, now()).expect("they fit");
            let read = candles(ohlc, timeframe, basis, TimeRange::all()).await;
            assert_eq!(read, expected, "{timeframe} {basis}");
            let newest = ohlc.latest(EURUSD, timeframe, basis).await;
            assert_eq!(newest.expect("it is read").as_ref(), expected.last());
            expected.reverse();
            let query = CandleQuery {
                order: SortOrder::Descending,
                limit: limit(7),
                ..CandleQuery::new(EURUSD, timeframe, basis, TimeRange::all())
            };
            let pages = read_candle_pages(ohlc, query).await;
            assert_eq!(pages, expected, "{timeframe} {basis} in pages");
        }
    }
}

/// Open, high, low, close, volume and tick count of the only candle.
async fn only(
    repositories: &Repositories,
    timeframe: Timeframe,
    basis: PriceBasis,
) -> Option<String> {
    let ohlc = repositories.ohlc.as_ref();
    let mut all = candles(ohlc, timeframe, basis, TimeRange::all()).await;
    assert!(all.len() < 2, "{all:?}");
    let Candle {
        open,
        high,
        low,
        close,
        volume,
        tick_count,
        ..
    } = all.pop()?;
    Some(format!("{open} {high} {low} {close} {volume} {tick_count}"))
}

pub async fn candles_use_the_ticks_that_have_their_basis(repositories: &Repositories) {
    let ticks = [
        // by the sequence, the first and last bid are not in the same ticks as the first and last ask
        ask(5, 0, "4").with_ask_volume(dec("10")),
        bid(5, 1, "2.5"),
        quote(seconds(5), 2, "1", "2").with_volumes(dec("0.5"), None),
        quote(seconds(5), 3, "3", "1").with_volumes(None, dec("0.25")),
        bid(5, 4, "2").with_bid_volume(dec("100")),
        ask(5, 5, "3"),
    ];
    for tick in ticks.iter().rev() {
        insert_new(repositories.ticks.as_ref(), std::slice::from_ref(tick)).await;
    }
    let expected = [
        (PriceBasis::Bid, "2.5 3 1 2 100.75 4"),
        (PriceBasis::Ask, "4 4 1 3 10.75 4"),
        (PriceBasis::Mid, "1.5 2 1.5 2 0.75 2"),
    ];
    for &timeframe in Timeframe::ALL {
        for (basis, expected) in expected {
            let found = only(repositories, timeframe, basis).await;
            assert_eq!(found.as_deref(), Some(expected), "{timeframe} {basis}");
        }
    }
    assert_all_equal_the_fold(repositories, &ticks).await;
}

pub async fn unknown_volumes_count_as_zero(repositories: &Repositories) {
    let ticks = [
        quote(seconds(0), 0, "1", "2"),
        quote(seconds(1), 0, "1", "2").with_volumes(dec("0"), None),
        bid(2, 0, "1"),
    ];
    insert_new(repositories.ticks.as_ref(), &ticks).await;
    for &timeframe in Timeframe::ALL {
        let found = only(repositories, timeframe, PriceBasis::Bid).await;
        assert_eq!(found.as_deref(), Some("1 1 1 1 0 3"), "{timeframe}");
    }
    assert_all_equal_the_fold(repositories, &ticks).await;
}

pub async fn basis_without_ticks_has_no_candle(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    // 40 days of asks, with a bid before, among and after them; once a side changes within a minute
    let mut all: Vec<Tick> = (0..960).map(|hour| ask(hour * 3_600, 0, "7")).collect();
    insert_new(ticks, &all).await;
    for basis in [PriceBasis::Bid, PriceBasis::Mid] {
        assert_eq!(only(repositories, Timeframe::M1, basis).await, None);
        assert_eq!(only(repositories, Timeframe::D1, basis).await, None);
    }
    assert_all_equal_the_fold(repositories, &all).await;
    for second in [-7, 20 * 86_400 + 5, 45 * 86_400] {
        let late = bid(second, 0, "6");
        insert_new(ticks, std::slice::from_ref(&late)).await;
        all.push(late);
        assert_all_equal_the_fold(repositories, &all).await;
    }
    let ohlc = repositories.ohlc.as_ref();
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = CandleQuery {
            order,
            limit: limit(1),
            ..CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, TimeRange::all())
        };
        let pages = read_candle_pages(ohlc, query).await;
        assert_eq!(pages.len(), 3, "{order:?}");
    }
}

pub async fn random_sides_equal_the_fold(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all = Vec::new();
    for index in 0..1_500 {
        let both = random.tick(seconds(index / 4), index % 4);
        all.push(match random.below(5) {
            0 => both.with_bid(None),
            1 => both.with_ask(None),
            2 => both.with_bid_volume(None),
            _ => both,
        });
    }
    random.shuffle(&mut all);
    for batch in all.chunks(400) {
        insert_new(repositories.ticks.as_ref(), batch).await;
    }
    assert_all_equal_the_fold(repositories, &all).await;
    // some minutes lose one side, some lose all ticks
    for _ in 0..3 {
        let from = random.below(360) as i64;
        let length = 1 + random.below(90) as i64;
        let part = range(seconds(from), seconds(from) + TimeDelta::seconds(length));
        delete_ticks(repositories.ticks.as_ref(), EURUSD, part, |_| ())
            .await
            .expect("ticks are deleted");
        all.retain(|tick| !part.contains(tick.tick_time));
        assert_all_equal_the_fold(repositories, &all).await;
    }
}
