use chrono::DateTime;
use rust_decimal::Decimal;
use tickbook::domain::{PriceBasis, SymbolId, Timeframe, Trade, fold_trades};

use super::*;

const KEY: SeriesKey = SeriesKey {
    symbol_id: SymbolId::new(1),
    timeframe: Timeframe::M1,
    basis: PriceBasis::Trade,
};

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 * 60 + seconds)
}

fn trade(seconds: i64, price: i64) -> Trade {
    Trade::new(
        KEY.symbol_id,
        time(seconds),
        Decimal::from(price),
        Decimal::TWO,
    )
}

fn candles(trades: &[Trade], clock: i64) -> Vec<Candle> {
    fold_trades(trades, KEY.timeframe, time(clock)).expect("small numbers")
}

/// The result of a read of all candles if the store has these trades.
fn stored(trades: &[Trade], clock: i64) -> Found {
    Found {
        candles: candles(trades, clock),
        newest: trades.iter().map(place).max(),
    }
}

/// A series that has read these trades at second 0.
fn live(trades: &[Trade]) -> Series<Trade> {
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    assert!(series.due(now).is_some(), "it reads first");
    series.found(stored(trades, 0), now, time(0));
    series.due(now + SETTLING).expect("it reads twice");
    series.found(stored(trades, 0), now, time(0));
    series.start = Start::Complete;
    series.updates(time(0));
    series
}

fn placeholders(series: &mut Series<Trade>, clock: i64) -> Vec<DateTime<Utc>> {
    let slots = series
        .messages(time(clock))
        .into_iter()
        .map(|(slot, _)| slot);
    let empty = slots.filter(|slot| matches!(slot, CandleSlot::Filled(_)));
    empty.map(|slot| slot.open_time()).collect()
}

#[tokio::test(start_paused = true)]
async fn trades_extend_the_candle_with_their_sums() {
    let mut trades = vec![trade(1, 10)];
    let mut series = live(&trades);
    trades.push(trade(2, 13));
    series.take(&trades[1], Instant::now(), time(2));
    let updates = series.updates(time(2));
    assert_eq!(updates, candles(&trades, 2));
    let sums = updates[0].trade_volumes.expect("a candle of trades");
    assert_eq!(sums.notional.to_string(), "46");
}

#[tokio::test(start_paused = true)]
async fn correction_is_read_at_once() {
    let mut series = live(&[trade(1, 10), trade(61, 12)]);
    let now = Instant::now();
    series.corrected((time(1), 0), false, now);
    let wanted = series.due(now).expect("at once");
    assert_eq!((wanted.from, wanted.stored), (Some(time(0)), None));
    // another one of a later bucket arrives meanwhile
    series.corrected((time(61), 0), false, now);
    let now_stored = [trade(61, 12)];
    series.found(stored(&now_stored, 61), now, time(61));
    assert_eq!(
        placeholders(&mut series, 61),
        [time(0)],
        "its trades were cancelled"
    );
    let wanted = series.due(now).expect("it began before the correction");
    assert_eq!(wanted.from, Some(time(60)));
    series.found(stored(&[trade(61, 99)], 61), now, time(61));
    let updates: Vec<_> = series
        .messages(time(61))
        .into_iter()
        .map(|(slot, _)| slot)
        .collect();
    let expected = candles(&[trade(61, 99)], 61);
    assert_eq!(
        updates,
        expected
            .into_iter()
            .map(CandleSlot::Candle)
            .collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn pending_correction_of_a_seen_trade_awaits_it() {
    let mut series = live(&[trade(1, 10)]);
    let now = Instant::now();
    series.take(&trade(5, 11), now, time(5));
    series.corrected((time(5), 0), true, now);
    let mut reads = 0;
    while let Some(wanted) = series.due(now + SETTLING * 100) {
        if wanted.stored.is_none() {
            break;
        }
        assert_eq!(wanted.stored, Some((time(5), 0)));
        reads += 1;
        series.not_found(wanted, false, now);
    }
    assert_eq!(reads, PENDING_READS + 1, "it may never arrive");
    series.found(stored(&[trade(1, 10)], 5), now, time(5));
    // a trade that was not seen will be corrected when it arrives
    series.corrected((time(50), 0), true, now);
    let wanted = series.due(now).expect("at once");
    assert_eq!(wanted.stored, None);
}

#[tokio::test(start_paused = true)]
async fn emptied_bucket_is_not_closed_later() {
    let mut series = live(&[trade(1, 10)]);
    let now = Instant::now();
    series.take(&trade(61, 12), now, time(30));
    series.updates(time(30));
    series.corrected((time(1), 0), false, now);
    series.due(now).expect("at once");
    series.found(stored(&[trade(61, 12)], 30), now, time(30));
    assert_eq!(placeholders(&mut series, 30), [time(0)]);
    assert_eq!(series.messages(time(60)), []);
}

#[test]
fn candles_beyond_the_first_thousand_are_not_emptied() {
    let minutes = |from: i64, to: i64| (from..to).map(|minute| trade(minute * 60, 1));
    let trades: Vec<_> = minutes(0, 1_000).chain(minutes(3_000, 3_001)).collect();
    let mut buckets = CorrectedBuckets::default();
    buckets.add(time(2_000 * 60));
    buckets.begin_read();
    buckets.end_read(&candles(&trades, 0));
    assert!(buckets.take(KEY, time(0)).is_empty());
    buckets.add(time(-60));
    buckets.begin_read();
    buckets.end_read(&candles(&trades, 0));
    assert!(buckets.is_emptied(time(-60)));
}
