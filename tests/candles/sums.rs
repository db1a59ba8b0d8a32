//! Tests that sums of more than 28 digits are the same before and after a refresh, on both editions.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, tick};
use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::domain::{PriceBasis, Tick, Timeframe};

/// 45 ticks of yesterday with the largest volumes on both sides, within four minutes.
fn ticks(history: &TenDayHistory) -> Vec<Tick> {
    let largest: Decimal = "999999999999999.999999999999".parse().expect("a number");
    let start = Timeframe::D1.bucket_start(history.now - TimeDelta::days(1));
    (0..45)
        .map(|number| {
            let minute = [0, 1, 2, 300][number as usize / 12];
            let time = start + TimeDelta::seconds(minute * 60 + number % 12);
            tick(SYMBOLS[0], time, 0, number).with_volumes(largest, largest)
        })
        .collect()
}

#[tokio::test]
async fn long_sums_are_the_same_before_and_after_a_refresh() {
    let mut history = TenDayHistory::empty().await;
    let ticks = ticks(&history);
    history.insert(&ticks).await;
    history.assert_whole(Timeframe::ALL).await;
    if !history.is_community() {
        return;
    }
    for &timeframe in Timeframe::ALL {
        history.execute(&format!(
            "CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, date_trunc('day', now()))"
        ));
    }
    history.assert_whole(Timeframe::ALL).await;
    let days = history.candles(Timeframe::D1, PriceBasis::Mid).await;
    assert_eq!(days[0].volume.to_string(), "89999999999999999.99999999991");
    // the sum is exact in the aggregates
    let exact = "SELECT count(*) AS number FROM ohlc_5m \
                 WHERE mid_volume = 71999999999999999.999999999928";
    assert_eq!(history.number(exact), 1);
    // a minute that changed after the refresh is computed from ticks, among rows of aggregates
    let late = tick(SYMBOLS[0], ticks[0].tick_time, 1, 50).with_bid_volume(Decimal::new(4, 12));
    history.insert(&[late]).await;
    history.assert_whole(Timeframe::ALL).await;
}
