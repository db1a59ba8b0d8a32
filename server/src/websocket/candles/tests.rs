use chrono::DateTime;
use rust_decimal::Decimal;
use tickbook::domain::{CandleSource, PriceBasis, SymbolId, Timeframe, fold_ticks};
use tickbook::ingest::fanout::Published;

use super::*;

const KEY: SeriesKey = SeriesKey {
    symbol_id: SymbolId::new(1),
    timeframe: Timeframe::M1,
    basis: PriceBasis::Mid,
};

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 * 60 + seconds)
}

fn tick(seconds: i64, price: i64) -> Tick {
    let price = Decimal::from(price);
    Tick::quote(KEY.symbol_id, time(seconds), price, price + Decimal::ONE)
}

fn candles(ticks: &[Tick], clock: i64) -> Vec<Candle> {
    fold_ticks(ticks, KEY.timeframe, KEY.basis, time(clock)).expect("small numbers")
}

/// The result of a read if the store has these ticks.
fn stored(ticks: &[Tick], clock: i64) -> Found {
    let places = ticks.iter().map(|tick| (tick.tick_time, tick.sequence));
    Found {
        candles: candles(ticks, clock).pop().into_iter().collect(),
        newest: places.max(),
    }
}

/// A series that has read these ticks at second 0.
fn live(ticks: &[Tick]) -> Series {
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    assert!(series.due(now).is_some(), "it reads first");
    series.found(stored(ticks, 0), now, time(0));
    assert_eq!(series.updates(time(0)), candles(ticks, 0));
    read_again(&mut series, ticks, 0);
    assert_eq!(series.updates(time(0)), [], "they are known");
    assert_eq!(series.due(now + SETTLING * 9), None);
    series
}

/// Does the second read of a new series, after which it reads only for a reason.
fn read_again(series: &mut Series, ticks: &[Tick], clock: i64) {
    let now = Instant::now();
    let wanted = series.due(now + SETTLING).expect("it reads twice");
    assert!(wanted.only_changes, "{wanted:?}");
    series.found(stored(ticks, clock), now, time(clock));
    series.start = Start::Complete;
}

#[tokio::test(start_paused = true)]
async fn stored_candle_is_extended_and_closed() {
    let mut ticks = vec![tick(1, 10), tick(5, 12)];
    let mut series = live(&ticks);
    let now = Instant::now();
    for more in [tick(9, 3), tick(9, 20)] {
        // the second one has the next sequence of the same instant
        let sequence = i64::from(more.bid_price == Some(Decimal::from(20)));
        ticks.push(more.with_sequence(sequence));
        series.take(ticks.last().expect("pushed"), now, time(9));
    }
    assert_eq!(series.updates(time(9)), candles(&ticks, 9));
    assert_eq!(series.updates(time(59)), []);
    assert_eq!(series.updates(time(60)), candles(&ticks, 60));
    assert_eq!(series.updates(time(61)), []);
}

#[tokio::test(start_paused = true)]
async fn tick_of_the_next_bucket_starts_a_new_candle() {
    let mut ticks = vec![tick(1, 10)];
    let mut series = live(&ticks);
    let now = Instant::now();
    for more in [tick(30, 7), tick(60, 9), tick(61, 11)] {
        ticks.push(more);
        series.take(ticks.last().expect("pushed"), now, time(58));
    }
    assert_eq!(series.updates(time(58)), candles(&ticks, 58));
    let closed = &candles(&ticks, 60)[..1];
    assert_eq!(series.updates(time(60)), closed);
}

#[tokio::test(start_paused = true)]
async fn ticks_during_a_read_of_the_store_count_once() {
    let ticks = [tick(1, 10), tick(2, 12), tick(3, 14)];
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    series.due(now).expect("it reads first");
    for tick in &ticks {
        series.take(tick, now, time(3));
    }
    // the second tick was already stored when the store was read
    series.found(stored(&ticks[..2], 3), now, time(3));
    assert_eq!(series.updates(time(3)).last(), candles(&ticks, 3).last());
    read_again(&mut series, &ticks, 3);
    assert_eq!(series.updates(time(3)), []);
    assert_eq!(
        series.due(now + SETTLING * 9),
        None,
        "none of them was late"
    );
}

#[tokio::test(start_paused = true)]
async fn late_tick_rereads_the_store_from_its_candle() {
    let now = Instant::now();
    let mut series = live(&[tick(200, 10)]);
    let late = tick(10, 9);
    series.take(&late, now, time(200));
    assert_eq!(series.updates(time(200)), []);
    assert_eq!(series.due(now), None, "it is given time to be stored");
    let wanted = series.due(now + SETTLING).expect("read again");
    assert_eq!(wanted.from, Some(time(0)));
    assert_eq!(wanted.stored, Some((late.tick_time, 0)));
    series.not_found(wanted, false, now + SETTLING);
    let again = series.due(now + SETTLING * 2).expect("not stored yet");
    assert_eq!(again, wanted);
    let all = [late, tick(200, 10)];
    let found = Found {
        candles: candles(&all, 200),
        newest: Some((time(200), 0)),
    };
    series.found(found, now, time(200));
    assert_eq!(series.updates(time(200)), candles(&all, 200));
}

#[tokio::test(start_paused = true)]
async fn gap_rereads_the_store_before_ticks_count() {
    let now = Instant::now();
    let mut series = live(&[tick(1, 10)]);
    let missed = |number, tick| Gap::of(&Published::new(number, tick));
    let gap = missed(2, tick(2, 1)).joined(missed(3, tick(3, 2)));
    series.gap(&gap, now);
    series.take(&tick(4, 20), now, time(4));
    assert_eq!(series.updates(time(4)), []);
    let wanted = series.due(now).expect("at once");
    assert_eq!(
        (wanted.from, wanted.stored),
        (Some(time(0)), Some((time(3), 0)))
    );
    let three = [tick(1, 10), tick(2, 1), tick(3, 2)];
    series.found(stored(&three, 4), now, time(4));
    let all = [&three[..], &[tick(4, 20)]].concat();
    assert_eq!(series.updates(time(4)).last(), candles(&all, 4).last());
}

#[tokio::test(start_paused = true)]
async fn gap_during_a_read_repeats_the_read() {
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    series.due(now).expect("it reads first");
    let missed = tick(2, 1);
    let gap = Gap::of(&Published::new(1, missed.clone()));
    series.gap(&gap, now);
    series.found(stored(&[tick(1, 10)], 2), now, time(2));
    series.take(&tick(3, 9), now, time(3));
    series.updates(time(3));
    series.due(now).expect("once more");
    series.found(stored(&[tick(1, 10), missed.clone()], 3), now, time(3));
    let all = [tick(1, 10), missed, tick(3, 9)];
    assert_eq!(series.updates(time(3)).last(), candles(&all, 3).last());
}

#[tokio::test(start_paused = true)]
async fn ticks_beyond_the_buffer_are_read_from_the_store() {
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    series.due(now).expect("it reads first");
    for sequence in 0..=10_000 {
        let tick = tick(1, 10).with_sequence(sequence);
        series.take(&tick, now, time(1));
    }
    series.found(stored(&[], 1), now, time(1));
    let wanted = series.due(now).expect("once more");
    assert_eq!(wanted.stored, Some((time(1), 10_000)));
}

#[tokio::test(start_paused = true)]
async fn ticks_without_the_basis_change_no_candle() {
    let mut ticks = vec![tick(1, 10)];
    let mut series = live(&ticks);
    let now = Instant::now();
    // even if it is late, or would start the next candle
    for one in [tick(5, 99).with_bid(None), tick(0, 99).with_ask(None)] {
        series.take(&one, now, time(5));
    }
    series.take(&tick(61, 99).with_ask(None), now, time(61));
    assert_eq!(series.due(now + SETTLING * 9), None);
    assert_eq!(series.updates(time(5)), []);
    ticks.push(tick(6, 12));
    series.take(&ticks[1], now, time(6));
    assert_eq!(series.updates(time(6)), candles(&ticks, 6));
}

#[tokio::test(start_paused = true)]
async fn imported_candle_is_not_changed_by_ticks() {
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    series.due(now).expect("it reads first");
    let mut found = stored(&[tick(1, 10)], 1);
    found.candles[0].source = CandleSource::Stored("import".to_owned());
    series.found(found, now, time(1));
    series.updates(time(1));
    series.take(&tick(2, 99), now, time(2));
    assert_eq!(series.updates(time(2)), []);
}

#[tokio::test(start_paused = true)]
async fn series_without_buffer_space_read_the_store() {
    let room = WaitingTicks::new(5);
    let now = Instant::now();
    let mut first = Series::new(KEY, now, &room);
    let mut second = Series::new(KEY, now, &room);
    assert!(first.due(now).is_some() && second.due(now).is_some());
    let ticks: Vec<_> = (1..=4).map(|second| tick(second, second)).collect();
    for tick in &ticks {
        first.take(tick, now, time(9));
    }
    assert_eq!(room.left(), 1);
    for tick in &ticks[..3] {
        second.take(tick, now, time(9));
    }
    // the second series dropped its tick, accepted the third, and reads the missing ones again
    assert_eq!(room.left(), 0);
    second.found(stored(&ticks[..1], 9), now, time(9));
    let again = second.due(now).expect("it lacks ticks");
    assert_eq!(again.stored, Some((time(2), 0)));
    second.found(stored(&ticks[..3], 9), now, time(9));
    let updates = second.updates(time(9));
    assert_eq!(updates.last(), candles(&ticks[..3], 9).last());
    drop((first, second));
    assert_eq!(room.left(), 5);
}

#[tokio::test(start_paused = true)]
async fn late_tick_during_a_read_is_read_again() {
    let now = Instant::now();
    let mut series = live(&[tick(1, 10), tick(30, 12)]);
    series.take(&tick(20, 9), now, time(30));
    series.due(now + SETTLING).expect("for the late tick");
    let mut later = tick(10, 1);
    series.take(&later, now, time(30));
    let first = [tick(1, 10), tick(20, 9), tick(30, 12)];
    series.found(stored(&first, 30), now, time(30));
    let wanted = series.due(now + SETTLING).expect("it may not be stored");
    assert_eq!(wanted.stored, Some((later.tick_time, 0)));
    // of two ticks, the newest stored one arrived later, so both are stored
    series.found(stored(&first, 30), now, time(30));
    series.updates(time(30));
    series.gap(&Gap::of(&Published::new(9, tick(31, 2))), now);
    series.due(now).expect("for the gap");
    later = tick(40, 13);
    for tick in [tick(11, 2), later.clone()] {
        series.take(&tick, now, time(40));
    }
    let all = [&first[..], &[tick(11, 2), later]].concat();
    series.found(stored(&all, 40), now, time(40));
    assert_eq!(series.updates(time(40)).last(), candles(&all, 40).last());
    assert_eq!(series.due(now + SETTLING * 9), None);
}

#[tokio::test(start_paused = true)]
async fn ticks_on_their_way_at_the_start_are_read() {
    let all = [tick(1, 10), tick(2, 3), tick(3, 12)];
    let now = Instant::now();
    // the second tick was published before the series existed, and is not stored yet
    for arrives_during_read in [true, false] {
        let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
        series.due(now).expect("it reads first");
        if arrives_during_read {
            series.take(&all[2], now, time(3));
        }
        series.found(stored(&all[..1], 3), now, time(3));
        if !arrives_during_read {
            series.take(&all[2], now, time(3));
        }
        series.updates(time(3));
        assert_eq!(series.due(now), None);
        let wanted = series.due(now + SETTLING).expect("it reads twice");
        let place = (all[2].tick_time, 0);
        assert_eq!((wanted.from, wanted.stored), (Some(time(0)), Some(place)));
        series.not_found(wanted, false, now);
        series
            .due(now + SETTLING)
            .expect("until the tick is stored");
        series.found(stored(&all, 3), now, time(3));
        assert_eq!(series.updates(time(3)), candles(&all, 3));
        assert_eq!(series.due(now + SETTLING * 9), None);
    }
}

#[tokio::test(start_paused = true)]
async fn tick_after_a_quiet_start_is_awaited_in_store() {
    let all = [tick(1, 10), tick(2, 3), tick(3, 12)];
    let now = Instant::now();
    let mut series = Series::new(KEY, now, &WaitingTicks::new(100_000));
    series.due(now).expect("it reads first");
    series.found(stored(&all[..1], 3), now, time(3));
    series.due(now + SETTLING).expect("it reads twice");
    series.found(stored(&all[..1], 3), now, time(3));
    assert_eq!(series.due(now + SETTLING * 9), None);
    series.take(&all[2], now, time(3));
    let wanted = series.due(now + SETTLING).expect("the first tick");
    assert_eq!(wanted.stored, Some((all[2].tick_time, 0)));
    series.found(stored(&all, 3), now, time(3));
    assert_eq!(series.updates(time(3)).last(), candles(&all, 3).last());
}
