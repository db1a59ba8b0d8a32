//! Conformance: instants outside of the supported times, near the limits of `DateTime` and elsewhere.
//!
//! Covers all methods of `TickRepository` and `OhlcRepository` that take a time.

use chrono::{DateTime, TimeDelta, Utc};

use super::samples::{EURUSD, Random, dec, insert, insert_new, range, read_pages, seconds, series};
use crate::Repositories;
use crate::domain::{
    Candle, CandleCursor, CandleSlot, CandleSource, GapFill, PriceBasis, SortOrder, Tick,
    TickCursor, TimeRange, Timeframe, earliest_time, latest_time,
};
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, TickQuery, filled_candles};

const ORDERS: [SortOrder; 2] = [SortOrder::Ascending, SortOrder::Descending];

/// Both limits of `DateTime`, times within a day of them, and others.
fn wild_times(random: &mut Random, count: usize) -> Vec<DateTime<Utc>> {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let mut times = vec![first, last];
    while times.len() < count {
        let micros = TimeDelta::microseconds(random.below(86_400_000_000) as i64);
        let anywhere = random.below(u64::MAX).cast_signed();
        let time = match random.below(3) {
            0 => first.checked_add_signed(micros),
            1 => last.checked_sub_signed(micros),
            _ => DateTime::from_timestamp_micros(anywhere),
        };
        let kept = earliest_time()..latest_time();
        times.extend(time.filter(|time| !kept.contains(time)));
    }
    times
}

pub async fn cursors_beyond_all_time_give_all_or_nothing(repositories: &Repositories) {
    let all = series(EURUSD, 600);
    insert_new(repositories.ticks.as_ref(), &all).await;
    let mut random = Random::seeded();
    for time in wild_times(&mut random, 12) {
        for order in ORDERS {
            // nothing is after the end
            let is_before = (time < earliest_time()) == (order == SortOrder::Ascending);
            let query = TickQuery {
                order,
                after: Some(TickCursor {
                    tick_time: time,
                    sequence: random.below(1 << 63) as i64,
                }),
                ..TickQuery::new(EURUSD, TimeRange::all())
            };
            let read = read_pages(repositories.ticks.as_ref(), query).await;
            let expected = if is_before { all.len() } else { 0 };
            assert_eq!(read.len(), expected, "{time} {order:?}");
            for (timeframe, fill) in [
                (Timeframe::M1, GapFill::Omit),
                (Timeframe::M5, GapFill::Flat),
                (Timeframe::D1, GapFill::Null),
                (Timeframe::D1, GapFill::PreviousClose),
            ] {
                let query = CandleQuery {
                    order,
                    after: Some(CandleCursor { open_time: time }),
                    ..CandleQuery::new(EURUSD, timeframe, PriceBasis::Bid, TimeRange::all())
                };
                let ohlc = repositories.ohlc.as_ref();
                let page = filled_candles(ohlc, &query, fill, seconds(1_000)).await;
                let slots: Vec<CandleSlot> = page.expect("a page is read").items;
                assert_eq!(slots.is_empty(), !is_before, "{time} {order:?} {fill:?}");
            }
        }
    }
}

pub async fn wild_times_are_refused(repositories: &Repositories) {
    let (ticks, ohlc) = (repositories.ticks.as_ref(), repositories.ohlc.as_ref());
    let mut random = Random::seeded();
    let times = wild_times(&mut random, 60);
    let wild: Vec<Tick> = times
        .iter()
        .map(|time| {
            random
                .tick(*time, 0)
                .with_received_at((random.below(2) == 0).then_some(*time))
        })
        .collect();
    assert_eq!(insert(ticks, &wild).await.rejected.len(), wild.len());
    let received: Vec<Tick> = times
        .iter()
        .map(|time| random.tick(seconds(0), 0).with_received_at(Some(*time)))
        .collect();
    let receipt = insert(ticks, &received).await;
    assert_eq!(receipt.rejected.len(), received.len());
    for time in times {
        let timeframe = Timeframe::ALL[random.below(7) as usize];
        let candle = Candle {
            symbol_id: EURUSD,
            timeframe,
            basis: PriceBasis::Bid,
            open_time: timeframe.bucket_start(time),
            open: dec("1"),
            high: dec("1"),
            low: dec("1"),
            close: dec("1"),
            volume: dec("0"),
            tick_count: 0,
            trade_volumes: None,
            closed: false,
            source: CandleSource::Stored("test".to_owned()),
        };
        let stored = ohlc.upsert_candles(&[candle]).await;
        let is_refused = matches!(stored, Err(RepositoryError::InvalidInput { .. }));
        assert!(is_refused, "{time}: {stored:?}");
    }
}

pub async fn wild_bounds_act_as_the_nearest_valid_time(repositories: &Repositories) {
    let ticks = repositories.ticks.as_ref();
    let all = series(EURUSD, 60);
    insert_new(ticks, &all).await;
    let mut random = Random::seeded();
    for time in wild_times(&mut random, 30) {
        let last = ticks.as_of(EURUSD, time).await.expect("it is read");
        let expected = all.last().filter(|_| time >= latest_time()).cloned();
        assert_eq!(last, expected, "{time}");
        let (start, end) = match time < earliest_time() {
            true => (time, seconds(1)),
            false => (seconds(1), time),
        };
        let count = ticks.count(EURUSD, range(start, end)).await;
        let expected = if time < earliest_time() { 3 } else { 57 };
        assert_eq!(count.expect("it is counted"), expected, "{time}");
    }
}
