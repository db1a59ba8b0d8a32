//! Conformance: candles of trades.
//!
//! Covers `OhlcRepository` with the basis `Trade`.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::clock::now;
use super::samples::{
    EURUSD, GBPUSD, Random, candles, dec, insert_new, limit, micros, quote, range,
    read_candle_pages, seconds,
};
use super::trades_samples::{insert_new_trades, trade};
use crate::Repositories;
use crate::domain::{
    AggressorSide, Amount, Candle, CandleSlot, CandleSource, GapFill, PageLimit, PriceBasis,
    SortOrder, TimeRange, Timeframe, Trade, TradeVolumes, fold_trades,
};
use crate::repository::{CandleQuery, delete_candles, delete_trades, filled_candles};

const TRADE: PriceBasis = PriceBasis::Trade;

const FOLDED: [&str; 8] = ["1s", "15s", "2m", "3m", "2h", "3d", "1w", "1M"];

fn random_trade(random: &mut Random, time: DateTime<Utc>, sequence: i64) -> Trade {
    let side = match random.below(3) {
        0 => None,
        1 => Some(AggressorSide::Buy),
        _ => Some(AggressorSide::Sell),
    };
    // a quantity must be greater than zero
    let quantity = random.volume() + dec("0.000000000001");
    Trade::new(EURUSD, time, random.price(), quantity)
        .with_sequence(sequence)
        .with_aggressor_side(side)
        .with_block(random.below(9) == 0)
}

/// Trades with different keys within `days` from the start, in any order, with many equal times.
fn random_trades(random: &mut Random, count: usize, days: u64) -> Vec<Trade> {
    let mut trades: Vec<Trade> = Vec::new();
    while trades.len() < count {
        let time = micros(random.below(days * 86_400_000_000) as i64);
        for sequence in 0..=random.below(4) as i64 {
            trades.push(random_trade(random, time, sequence));
        }
    }
    trades.sort_by_key(Trade::key);
    trades.dedup_by_key(|trade| trade.key());
    random.shuffle(&mut trades);
    trades
}

fn fold(trades: &[Trade], timeframe: Timeframe) -> Vec<Candle> {
    fold_trades(trades, timeframe, now()).expect("the numbers fit")
}

fn timeframe(name: &str) -> Timeframe {
    name.parse().expect("a timeframe")
}

async fn read(repositories: &Repositories, timeframe: Timeframe) -> Vec<Candle> {
    let ohlc = repositories.ohlc.as_ref();
    candles(ohlc, timeframe, TRADE, TimeRange::all()).await
}

/// Compares every stored timeframe with the fold of `trades`, as a whole, newest first, and alone.
async fn assert_all_equal_the_fold(repositories: &Repositories, trades: &[Trade]) {
    let ohlc = repositories.ohlc.as_ref();
    for &timeframe in Timeframe::ALL {
        let expected = fold(trades, timeframe);
        assert_eq!(read(repositories, timeframe).await, expected, "{timeframe}");
        let query = CandleQuery::new(EURUSD, timeframe, TRADE, TimeRange::all());
        let mut pages = read_candle_pages(ohlc, query.descending().limit(limit(70))).await;
        pages.reverse();
        assert_eq!(pages, expected, "{timeframe} in pages");
        let newest = ohlc.latest(EURUSD, timeframe, TRADE).await;
        assert_eq!(newest.expect("it is read").as_ref(), expected.last());
    }
}

pub async fn trade_candles_equal_the_fold_of_random_trades(repositories: &Repositories) {
    let mut random = Random::seeded();
    let all = random_trades(&mut random, 500, 3);
    for batch in all.chunks(101) {
        insert_new_trades(repositories.trades.as_ref(), batch).await;
    }
    assert_all_equal_the_fold(repositories, &all).await;
}

/// Every one-minute bucket has many trades and many equal times.
pub async fn folded_trade_candles_equal_the_fold(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut all: Vec<Trade> = (0..900)
        .map(|index| random_trade(&mut random, seconds(index / 3), index % 3))
        .collect();
    all.extend(random_trades(&mut random, 60, 40).into_iter().map(|trade| {
        let later = trade.trade_time + TimeDelta::days(1);
        trade.with_trade_time(later)
    }));
    insert_new_trades(repositories.trades.as_ref(), &all).await;
    for name in FOLDED {
        let timeframe = timeframe(name);
        let query = CandleQuery::new(EURUSD, timeframe, TRADE, TimeRange::all());
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let query = query.order(order).limit(limit(37));
            let mut pages = read_candle_pages(repositories.ohlc.as_ref(), query).await;
            if order == SortOrder::Descending {
                pages.reverse();
            }
            assert_eq!(pages, fold(&all, timeframe), "{name} {order:?}");
        }
    }
}

pub async fn late_trade_changes_its_candle(repositories: &Repositories) {
    let mut all = vec![
        trade(seconds(10), 5, "1.5", "2").with_aggressor_side(AggressorSide::Buy),
        trade(seconds(50), 0, "1.7", "1"),
    ];
    insert_new_trades(repositories.trades.as_ref(), &all).await;
    assert_all_equal_the_fold(repositories, &all).await;
    let late = [
        trade(seconds(10), 4, "1.4", "0.5"),
        trade(seconds(50), 1, "1.6", "7").with_aggressor_side(AggressorSide::Buy),
    ];
    insert_new_trades(repositories.trades.as_ref(), &late).await;
    all.extend(late);
    assert_all_equal_the_fold(repositories, &all).await;
    let minute = &read(repositories, Timeframe::M1).await[0];
    assert_eq!([minute.open, minute.close], [dec("1.4"), dec("1.6")]);
    let volumes = minute.trade_volumes.expect("a candle of trades");
    assert_eq!((minute.volume, volumes.buy_volume), (dec("10.5"), dec("9")));
    assert_eq!(volumes.notional.to_string(), "16.6");
    assert_eq!(minute.vwap(), Some(dec("1.580952381")));
    assert_eq!(
        (minute.tick_count, &minute.source),
        (4, &CandleSource::Trades)
    );
}

/// The largest trades need more digits than a decimal has.
pub async fn notional_of_the_largest_trades_is_exact(repositories: &Repositories) {
    let most = "999999999999999.999999999999";
    let all: Vec<_> = (0..33)
        .map(|index| {
            let price = if index % 4 == 3 {
                "-0.000000000001"
            } else {
                most
            };
            trade(seconds(index * 40), 0, price, most).with_aggressor_side(AggressorSide::Buy)
        })
        .collect();
    insert_new_trades(repositories.trades.as_ref(), &all).await;
    assert_all_equal_the_fold(repositories, &all).await;
    let hour = &read(repositories, Timeframe::H1).await[0];
    let volumes = hour.trade_volumes.expect("a candle of trades");
    let expected = all.iter().fold(Amount::ZERO, |sum, trade| {
        let amount = Amount::of(trade.price, trade.quantity).expect("fits");
        sum.checked_add(amount).expect("fits")
    });
    assert_eq!(volumes.notional, expected);
    assert_eq!(volumes.buy_volume, hour.volume, "both are rounded alike");
}

pub async fn ticks_and_trades_have_candles_of_their_own(repositories: &Repositories) {
    let tick = quote(seconds(5), 0, "1.1", "1.3");
    insert_new(repositories.ticks.as_ref(), &[tick]).await;
    assert_eq!(read(repositories, Timeframe::M1).await, []);
    let other = trade(seconds(7), 0, "9", "1").with_symbol_id(GBPUSD);
    let own = trade(seconds(70), 0, "1.2", "3");
    insert_new_trades(repositories.trades.as_ref(), &[other, own.clone()]).await;
    assert_all_equal_the_fold(repositories, &[own]).await;
    let bids = candles(
        repositories.ohlc.as_ref(),
        Timeframe::D1,
        PriceBasis::Bid,
        TimeRange::all(),
    )
    .await;
    assert_eq!(bids.len(), 1);
    assert_eq!((bids[0].close, bids[0].trade_volumes), (dec("1.1"), None));
}

pub async fn random_deletes_leave_the_fold_of_other_trades(repositories: &Repositories) {
    let mut random = Random::seeded();
    let mut left = random_trades(&mut random, 200, 2);
    insert_new_trades(repositories.trades.as_ref(), &left).await;
    for _ in 0..4 {
        let from = micros(random.below(2 * 86_400_000_000) as i64);
        let length = TimeDelta::seconds(random.below(20_000) as i64);
        let doomed = range(from, from + length);
        delete_trades(repositories.trades.as_ref(), EURUSD, doomed, |_| ())
            .await
            .expect("deleted");
        left.retain(|trade| !doomed.contains(trade.trade_time));
        assert_all_equal_the_fold(repositories, &left).await;
    }
    let all = TimeRange::all();
    delete_trades(repositories.trades.as_ref(), EURUSD, all, |_| ())
        .await
        .expect("deleted");
    assert_all_equal_the_fold(repositories, &[]).await;
}

/// A stored candle of `minute` with the volume 4.
fn stored(minute: i64, volumes: Option<(&str, &str)>) -> Candle {
    let volumes = volumes.map(|(buy_volume, notional)| {
        TradeVolumes::new(dec(buy_volume), notional.parse().expect("an amount"))
    });
    let prices = ["5", "7", "4", "6"].map(dec);
    Candle::new(EURUSD, Timeframe::M1, TRADE, seconds(minute * 60), prices)
        .volume(dec("4"))
        .tick_count(2)
        .trade_volumes(volumes)
        .source(CandleSource::Stored("import".to_owned()))
}

async fn upsert(repositories: &Repositories, candles: &[Candle]) {
    let stored = repositories.ohlc.upsert_candles(candles).await;
    assert_eq!(stored.expect("stored"), candles.len() as u64);
}

pub async fn stored_trade_candles_read_back(repositories: &Repositories) {
    let amounts = [
        "22.5",
        "-0.000000000000000000000001",
        "9999999999999999999999999999999999.999999999999999999999999",
        "0",
    ];
    let mut all: Vec<_> = (0..4)
        .zip(amounts)
        .map(|(minute, amount)| stored(minute, Some(("1.25", amount))))
        .collect();
    all.push(stored(7, None));
    upsert(repositories, &all).await;
    let trades = [
        trade(seconds(1), 0, "1", "1"),
        trade(seconds(305), 0, "2", "1"),
    ];
    insert_new_trades(repositories.trades.as_ref(), &trades).await;
    all.insert(4, fold(&trades[1..], Timeframe::M1).remove(0));
    assert_eq!(read(repositories, Timeframe::M1).await, all);
    for invalid in [
        stored(0, Some(("4.1", "1"))),
        stored(0, Some(("-1", "1"))),
        stored(0, Some(("1", "10000000000000000000000000000000000"))),
        Candle {
            basis: PriceBasis::Bid,
            ..stored(0, Some(("1", "1")))
        },
    ] {
        let refused = repositories.ohlc.upsert_candles(&[invalid]).await;
        refused.expect_err("an invalid candle");
    }
    assert_eq!(read(repositories, Timeframe::M1).await, all);
}

pub async fn larger_trade_candles_add_up_stored_ones(repositories: &Repositories) {
    upsert(repositories, &[stored(0, Some(("1", "22")))]).await;
    let trades = [
        trade(seconds(30), 0, "1", "100"),
        trade(seconds(61), 0, "8", "0.5").with_aggressor_side(AggressorSide::Buy),
    ];
    insert_new_trades(repositories.trades.as_ref(), &trades).await;
    for timeframe in [Timeframe::M5, Timeframe::D1, "3m".parse().expect("valid")] {
        let whole = &read(repositories, timeframe).await[0];
        assert_eq!(
            [whole.open, whole.high, whole.low, whole.close],
            ["5", "8", "4", "8"].map(dec)
        );
        let volumes = whole.trade_volumes.expect("all parts have sums");
        assert_eq!((whole.volume, volumes.buy_volume), (dec("4.5"), dec("1.5")));
        assert_eq!(
            (volumes.notional.to_string().as_str(), whole.tick_count),
            ("26", 3)
        );
        assert_eq!(whole.source, CandleSource::RolledUp);
    }
    // the sums of a candle of which one part is unknown are unknown
    upsert(repositories, &[stored(2, None)]).await;
    for timeframe in [Timeframe::M5, Timeframe::H1, "4m".parse().expect("valid")] {
        let whole = &read(repositories, timeframe).await[0];
        assert_eq!((whole.volume, whole.trade_volumes), (dec("8.5"), None));
        assert_eq!(whole.vwap(), None);
    }
    // parts of one timeframe alone
    upsert(
        repositories,
        &[stored(60, None), stored(61, Some(("1", "2")))],
    )
    .await;
    let hour = &read(repositories, Timeframe::H1).await[1];
    assert_eq!((hour.volume, hour.trade_volumes), (dec("8"), None));
}

pub async fn trades_prevent_a_restore_of_their_buckets(repositories: &Repositories) {
    insert_new(
        repositories.ticks.as_ref(),
        &[quote(seconds(65), 0, "1", "2")],
    )
    .await;
    let trades = [trade(seconds(5), 0, "1", "1")];
    insert_new_trades(repositories.trades.as_ref(), &trades).await;
    let given = [stored(0, Some(("1", "20"))), stored(1, Some(("1", "20")))];
    let restored = repositories.ohlc.restore_candles(&given).await;
    let restored = restored.expect("restored");
    assert_eq!((restored.stored, restored.known), (1, 1));
    let source = CandleSource::Stored(CandleSource::DOWNSAMPLED.to_owned());
    let mut expected = fold(&trades, Timeframe::M1);
    expected.push(given[1].clone().source(source));
    assert_eq!(read(repositories, Timeframe::M1).await, expected);
}

pub async fn stored_trade_candles_are_deleted(repositories: &Repositories) {
    upsert(
        repositories,
        &[stored(0, None), stored(1, Some(("1", "20")))],
    )
    .await;
    let trades = [
        trade(seconds(5), 0, "1", "1"),
        trade(seconds(300), 0, "1", "1"),
    ];
    insert_new_trades(repositories.trades.as_ref(), &trades).await;
    let day = range(seconds(0), seconds(86_400));
    let deleted = delete_candles(repositories.ohlc.as_ref(), EURUSD, None, day, |_| ())
        .await
        .expect("deleted");
    assert_eq!((deleted.candles.total(), deleted.of_ticks), (2, 2));
    assert_all_equal_the_fold(repositories, &trades).await;
}

pub async fn gaps_between_trade_candles_are_filled(repositories: &Repositories) {
    let trades = [
        trade(seconds(5), 0, "3", "1"),
        trade(seconds(185), 0, "4", "2"),
    ];
    insert_new_trades(repositories.trades.as_ref(), &trades).await;
    let query = CandleQuery::new(EURUSD, Timeframe::M1, TRADE, TimeRange::all());
    let ohlc = repositories.ohlc.as_ref();
    let page = filled_candles(ohlc, &query.limit(PageLimit::MAX), GapFill::Flat, now()).await;
    let slots = page.expect("read").items;
    let closes: Vec<_> = slots
        .iter()
        .map(|slot| match slot {
            CandleSlot::Candle(candle) => Some(candle.close),
            CandleSlot::Filled(filled) => filled.close,
        })
        .collect();
    let expected = ["3", "3", "3", "4"].map(|price| Some(dec(price)));
    assert_eq!(closes, expected);
    assert!(slots.iter().all(|slot| match slot {
        CandleSlot::Candle(candle) => candle.volume > Decimal::ZERO,
        CandleSlot::Filled(filled) => filled.basis == TRADE,
    }));
}
