use chrono::TimeDelta;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

const SYMBOL: SymbolId = SymbolId::new(7);

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

fn later() -> DateTime<Utc> {
    start() + TimeDelta::days(400)
}

fn tick(micros: i64, sequence: i64, bid: i64, ask: i64) -> Tick {
    Tick::quote(
        SYMBOL,
        start() + TimeDelta::microseconds(micros),
        Decimal::new(bid, 5),
        Decimal::new(ask, 12),
    )
    .with_sequence(sequence)
    .with_volumes(Decimal::new(bid.abs(), 3), Decimal::new(ask.abs(), 12))
}

/// Removes a side, a volume, or nothing.
fn sides() -> impl Strategy<Value = fn(Tick) -> Tick> {
    let ways: [fn(Tick) -> Tick; 6] = [
        |tick| tick,
        |tick| tick,
        |tick| tick.with_bid(None),
        |tick| tick.with_ask(None),
        |tick| tick.with_bid_volume(None),
        |tick| tick.with_volumes(None, None),
    ];
    prop::sample::select(ways.to_vec())
}

/// Distinct keys in any order, with many equal times.
fn ticks() -> impl Strategy<Value = Vec<Tick>> {
    let key = (
        0_i64..50,
        prop::sample::select(&[0, 1, (1 << 53) + 1, i64::MAX][..]),
    );
    let prices = (-1_000_000_i64..1_000_000, any::<i32>(), sides());
    proptest::collection::btree_map(key, prices, 1..200)
        .prop_map(|ticks| {
            ticks
                .into_iter()
                .map(|((step, sequence), (bid, ask, sides))| {
                    sides(tick(step * 1_700_000_000, sequence, bid, i64::from(ask)))
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

proptest! {
    #[test]
    fn order_of_arrival_does_not_matter(ticks in ticks(), seed in any::<prop::sample::Index>()) {
        let mut turned = ticks.clone();
        turned.rotate_left(seed.index(ticks.len()));
        turned.reverse();
        for &basis in PriceBasis::OF_TICKS {
            prop_assert_eq!(
                fold_ticks(&ticks, Timeframe::M5, basis, later()),
                fold_ticks(&turned, Timeframe::M5, basis, later())
            );
        }
    }

    #[test]
    fn fold_of_folds_equals_the_fold(ticks in ticks()) {
        for &basis in PriceBasis::OF_TICKS {
            for (index, small) in Timeframe::ALL.iter().copied().enumerate() {
                let smaller = fold_ticks(&ticks, small, basis, later()).expect("fits");
                for large in &Timeframe::ALL[index + 1..] {
                    prop_assert_eq!(
                        fold_candles(&smaller, *large, later()),
                        fold_ticks(&ticks, *large, basis, later())
                    );
                }
            }
        }
    }

    #[test]
    fn candle_follows_from_the_sorted_ticks(ticks in ticks()) {
        let mut sorted = ticks.clone();
        sorted.sort_by_key(Tick::key);
        for candle in fold_ticks(&ticks, Timeframe::H1, PriceBasis::Ask, later()).expect("fits") {
            let inside: Vec<_> = sorted
                .iter()
                .filter(|tick| Timeframe::H1.bucket_start(tick.tick_time) == candle.open_time)
                .filter(|tick| tick.ask_price.is_some())
                .collect();
            let prices = inside.iter().filter_map(|tick| tick.ask_price);
            prop_assert_eq!(Some(candle.open), inside[0].ask_price);
            prop_assert_eq!(Some(candle.close), inside[inside.len() - 1].ask_price);
            prop_assert_eq!(Some(candle.high), prices.clone().max());
            prop_assert_eq!(Some(candle.low), prices.min());
            prop_assert_eq!(candle.tick_count, inside.len() as i64);
            let volumes = inside.iter().flat_map(|tick| [tick.bid_volume, tick.ask_volume]);
            let volume = volumes.flatten().sum();
            prop_assert_eq!(candle.volume, volume);
        }
    }

    #[test]
    fn mid_price_is_exact(bid in any::<i64>(), ask in any::<i64>()) {
        let (bid, ask) = (Decimal::new(bid, 12), Decimal::new(ask, 12));
        let tick = Tick::quote(SYMBOL, start(), bid, ask);
        let mid = tick.price(PriceBasis::Mid).expect("fits");
        prop_assert_eq!(mid * Decimal::TWO, bid + ask);
    }
}

/// The one-minute candle of each basis, as `open high low close volume tick_count`.
fn of_each_basis(ticks: &[Tick]) -> [Option<String>; 3] {
    [PriceBasis::Bid, PriceBasis::Ask, PriceBasis::Mid].map(|basis| {
        let mut candles = fold_ticks(ticks, Timeframe::M1, basis, later()).expect("fits");
        assert!(candles.len() < 2, "{candles:?}");
        candles.pop().map(|it| {
            let [open, high, low, close] = [it.open, it.high, it.low, it.close];
            format!(
                "{open} {high} {low} {close} {} {}",
                it.volume, it.tick_count
            )
        })
    })
}

#[test]
fn basis_uses_the_ticks_that_have_it() {
    let quote = |sequence, bid, ask| {
        Tick::quote(SYMBOL, start(), Decimal::from(bid), Decimal::from(ask)).with_sequence(sequence)
    };
    let (one, two) = (Decimal::ONE, Decimal::TWO);
    let bid_alone = quote(0, 9, 0).with_ask(None).with_bid_volume(one);
    let both = quote(1, 3, 5).with_ask_volume(two);
    let ask_alone = quote(2, 0, 1).with_bid(None);
    let ticks = [ask_alone, both, bid_alone];
    let shown = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned()));
    let expected = ["9 9 3 3 3 2", "5 5 1 1 2 2", "4 4 4 4 2 1"];
    assert_eq!(of_each_basis(&ticks), shown(expected));
    let [bid, ..] = shown(["9 9 9 9 1 1"; 3]);
    assert_eq!(of_each_basis(&ticks[2..]), [bid, None, None]);
    let [ask, ..] = shown(["1 1 1 1 0 1"; 3]);
    assert_eq!(of_each_basis(&ticks[..1]), [None, ask, None]);
}

#[test]
fn ties_are_decided_by_the_sequence() {
    let ticks = [tick(5, 2, 300, 3), tick(5, 0, 100, 1), tick(5, 1, 200, 2)];
    let candles = fold_ticks(&ticks, Timeframe::M1, PriceBasis::Bid, later()).expect("fits");
    assert_eq!(candles.len(), 1);
    assert_eq!(candles[0].open, Decimal::new(100, 5));
    assert_eq!(candles[0].close, Decimal::new(300, 5));
}

#[test]
fn largest_prices_have_an_exact_mid() {
    let largest = Decimal::from_i128_with_scale(999_999_999_999_999_999_999_999_999, 12);
    let below = Decimal::from_i128_with_scale(999_999_999_999_999_999_999_999_998, 12);
    let tick = Tick::quote(SYMBOL, start(), largest, below);
    let mid = tick.price(PriceBasis::Mid).expect("fits");
    assert_eq!(mid.to_string(), "999999999999999.9999999999985");
}

#[test]
fn candle_is_closed_from_its_close_time_on() {
    let ticks = [tick(0, 0, 1, 1)];
    let end = start() + TimeDelta::minutes(1);
    let before = end - TimeDelta::microseconds(1);
    let closed =
        |now| fold_ticks(&ticks, Timeframe::M1, PriceBasis::Bid, now).expect("fits")[0].closed;
    assert!(!closed(before));
    assert!(closed(end));
}

#[test]
fn candles_fold_into_larger_timeframes_only() {
    let ticks = [tick(0, 0, 1, 1)];
    let candles = fold_ticks(&ticks, Timeframe::H1, PriceBasis::Bid, later()).expect("fits");
    for timeframe in [Timeframe::H1, Timeframe::M30] {
        assert!(matches!(
            fold_candles(&candles, timeframe, later()),
            Err(FoldError::NotDivisor { .. })
        ));
    }
}

#[test]
fn symbols_are_kept_apart() {
    let other = tick(0, 0, 5, 5).with_symbol_id(SymbolId::new(8));
    let ticks = [other, tick(0, 0, 1, 1)];
    let candles = fold_ticks(&ticks, Timeframe::D1, PriceBasis::Bid, later()).expect("fits");
    let symbols: Vec<_> = candles
        .iter()
        .map(|candle| candle.symbol_id.get())
        .collect();
    assert_eq!(symbols, [7, 8]);
}
