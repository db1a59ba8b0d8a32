//! Tests of policies of trades: late trades are refreshed, and dropped trades keep their candles.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::domain::{
    AggressorSide, CandleSource, PageLimit, PriceBasis, TimeRange, Timeframe, Trade, fold_trades,
};
use tickbook::postgres::{Edition, apply_policies, maintain, plan_policies, timeseries_state};
use tickbook::repository::CandleQuery;
use tickbook::retention::{PolicyDuration, RetentionPolicies};

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies};

const LATE_DAYS: &str = "SELECT count(*) AS number FROM late_days";
const TRADES: &str = "SELECT count(*) AS number FROM trades";

/// One trade every 23 minutes and 7 seconds of the ten days before now, two in some instants.
fn ten_days(history: &TenDayHistory) -> Vec<Trade> {
    let start = history.now - TimeDelta::days(10);
    let mut trades = Vec::new();
    for number in 0..620 {
        let time = start + TimeDelta::seconds(number * 1_387);
        for sequence in 0..=number % 3 / 2 {
            let price = Decimal::new(1_380_000 + number * 31 % 97, 4);
            let side = AggressorSide::ALL[(number % 2) as usize];
            trades.push(
                Trade::new(SYMBOLS[0], time, price, Decimal::new(1 + number % 7, 3))
                    .with_sequence(sequence)
                    .with_aggressor_side(side),
            );
        }
    }
    trades.retain(|trade| trade.trade_time < history.now);
    trades
}

fn policies(drop_after: PolicyDuration) -> RetentionPolicies {
    let mut policies = short_policies(PolicyDuration::days(30));
    policies.trades.drop_after = Some(drop_after);
    policies.trades.compress_after = Some(PolicyDuration::days(5));
    policies
}

async fn insert(history: &TenDayHistory, trades: &[Trade]) {
    for batch in trades.chunks(500) {
        let receipt = history.repositories.trades.insert_batch(batch).await;
        assert_eq!(receipt.expect("stored").inserted, batch.len() as u64);
    }
}

/// Asserts that every candle equals the fold of `trades`, whatever its source.
async fn assert_whole(history: &TenDayHistory, trades: &[Trade]) {
    for &timeframe in Timeframe::ALL {
        let query = CandleQuery::new(SYMBOLS[0], timeframe, PriceBasis::Trade, TimeRange::all())
            .limit(PageLimit::MAX);
        let page = history.repositories.ohlc.candles(&query).await;
        let candles = page.expect("read").items.into_iter();
        let candles: Vec<_> = candles.map(|it| it.source(CandleSource::Trades)).collect();
        let folded = fold_trades(trades, timeframe, suite::now()).expect("fits");
        assert_eq!(candles, folded, "{timeframe}");
    }
}

#[tokio::test]
async fn dropped_trades_keep_their_candles() {
    let mut history = TenDayHistory::empty().await;
    let trades = ten_days(&history);
    insert(&history, &trades).await;
    assert_whole(&history, &trades).await;
    let policies = policies(PolicyDuration::days(7));
    let plan = plan_policies(&history.db(), &policies)
        .await
        .expect("planned");
    assert!(
        plan.due_drops.iter().any(|it| it.relation == "trades"),
        "{plan:?}"
    );
    apply_policies(&history.db(), &policies)
        .await
        .expect("consistent");
    let report = maintain(&history.db()).await.expect("maintained");
    assert!((2..=3).contains(&report.dropped_trades), "{report:?}");
    assert_eq!((report.dropped_ticks, &*report.left), (0, &[][..]));
    assert!(history.number(TRADES) < trades.len() as i64);
    if history.edition == Edition::Apache {
        let downsampled = "SELECT count(*) AS number FROM ohlc_candles \
            WHERE source = 'downsampled' AND basis = 'trade' AND notional > 0";
        assert_eq!(history.number(downsampled), report.downsampled as i64);
    }
    assert_whole(&history, &trades).await;

    // nothing more is due; trades that are too old are refused, and their time cannot be deleted
    let again = maintain(&history.db()).await.expect("maintained");
    assert_eq!((again.downsampled, again.dropped_trades), (0, 0));
    let old = trades[0].clone().with_sequence(9);
    let receipt = history.repositories.trades.insert_batch(&[old]).await;
    let rejected = receipt.expect("a receipt").rejected;
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0].reason.contains("older than"), "{rejected:?}");
    let first_day = TimeRange::new(trades[0].trade_time, trades[9].trade_time).expect("ordered");
    let deleted = history
        .repositories
        .trades
        .delete_range(SYMBOLS[0], first_day)
        .await;
    deleted.expect_err("the trades of that time were dropped");
    assert_whole(&history, &trades).await;
    let state = timeseries_state(&history.db(), &policies)
        .await
        .expect("read");
    assert!(
        state.trades_complete_from > Some(trades[0].trade_time),
        "{state:?}"
    );
    assert_eq!(
        state
            .complete_from
            .map(|it| it < history.now - TimeDelta::days(20)),
        Some(true)
    );
}

#[tokio::test]
async fn late_trades_are_refreshed_by_the_maintenance() {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return;
    }
    let mut trades = ten_days(&history);
    insert(&history, &trades).await;
    apply_policies(&history.db(), &policies(PolicyDuration::days(20)))
        .await
        .expect("consistent");
    maintain(&history.db()).await.expect("maintained");
    assert_eq!(history.number(LATE_DAYS), 0);
    let late = trades[7].clone().with_sequence(5);
    insert(&history, std::slice::from_ref(&late)).await;
    trades.push(late);
    assert_eq!(history.number(LATE_DAYS), 1);
    assert_whole(&history, &trades).await;
    let report = maintain(&history.db()).await.expect("maintained");
    let of_trades = report
        .refreshed
        .iter()
        .filter(|it| it.input.table() == "trades");
    assert!(of_trades.count() >= 7, "{report:?}");
    assert_eq!(history.number(LATE_DAYS), 0);
    assert_whole(&history, &trades).await;
}
