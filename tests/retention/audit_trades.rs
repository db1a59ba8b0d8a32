//! Tests of the audit of candles of trades: wrong stored candles and wrong rows are found, and rows are repaired.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use chrono::TimeDelta;
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::audit::{AuditSettings, FindingKind, MaterializedCandles, Repair, audit_trades};
use tickbook::domain::{
    AggressorSide, CandleSource, PriceBasis, SymbolId, TimeRange, Timeframe, Trade, fold_trades,
};
use tickbook::postgres::{PgCandleRefresh, PgMaterializedCandles};
use tickbook::repository::CandleQuery;

use crate::support::audit_run::AuditRun;
use crate::support::ten_day_history::TenDayHistory;

const SYMBOL: SymbolId = SymbolId::new(7);

/// One trade every 37 seconds of two hours, some days ago.
fn trades() -> Vec<Trade> {
    let start = Timeframe::D1.bucket_start(suite::now() - TimeDelta::days(2));
    (0..195)
        .map(|number| {
            let time = start + TimeDelta::seconds(number * 37);
            let (price, side) = (1_000 + number * 7 % 31, (number % 2) as usize);
            Trade::new(
                SYMBOL,
                time,
                Decimal::new(price, 2),
                Decimal::new(1 + number % 5, 1),
            )
            .with_aggressor_side(AggressorSide::ALL[side])
        })
        .collect()
}

async fn audit(
    repositories: &Repositories,
    materialized: Option<&dyn MaterializedCandles>,
    repair: Option<Repair<'_>>,
) -> AuditRun {
    let settings = AuditSettings::new(TimeRange::all(), suite::now());
    let (trades, ohlc) = (&*repositories.trades, &*repositories.ohlc);
    let mut run = AuditRun::default();
    let summary = audit_trades(
        trades,
        ohlc,
        materialized,
        SYMBOL,
        &settings,
        repair,
        &mut run,
    )
    .await;
    run.summary = summary.expect("audited");
    run
}

#[tokio::test]
async fn stored_trade_candle_with_another_sum_is_found() {
    let repositories = Repositories::in_memory();
    let trades = trades();
    repositories
        .trades
        .insert_batch(&trades)
        .await
        .expect("stored");
    let run = audit(&repositories, None, None).await;
    assert_eq!((run.findings.len(), run.summary.trades), (0, 195));
    assert!(run.summary.candles > 120, "{:?}", run.summary);

    let mut minutes = fold_trades(&trades, Timeframe::M1, suite::now()).expect("fits");
    let mut wrong = minutes
        .remove(3)
        .source(CandleSource::Stored("import".to_owned()));
    let sums = wrong.trade_volumes.as_mut().expect("a candle of trades");
    sums.buy_volume = Decimal::ZERO;
    repositories
        .ohlc
        .upsert_candles(&[wrong])
        .await
        .expect("stored");
    let run = audit(&repositories, None, None).await;
    // the minute, and the larger candles that are computed from it
    assert_eq!(run.kinds(), [FindingKind::StoredCandleDiffers; 7]);
    let text = run.findings[0].problem.to_string();
    assert!(text.contains("buy_volume is 0, its trades give"), "{text}");
}

#[tokio::test]
async fn wrong_row_of_trades_is_found_and_repaired() {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return;
    }
    let trades = trades();
    let stored = history.repositories.trades.insert_batch(&trades).await;
    stored.expect("stored");
    for &timeframe in Timeframe::ALL {
        history.execute(&format!(
            "CALL refresh_continuous_aggregate('trade_ohlc_{timeframe}', NULL, now() - INTERVAL '1 day')"
        ));
    }
    let rows = PgMaterializedCandles::new(history.db());
    let run = audit(&history.repositories, Some(&rows), None).await;
    assert_eq!(run.kinds(), []);
    let name = history.text(
        "SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) \
         AS name FROM timescaledb_information.continuous_aggregates \
         WHERE view_schema = current_schema() AND view_name = 'trade_ohlc_1m'",
    );
    history.execute(&format!(
        "SET session_replication_role = replica; \
         UPDATE {name} SET notional = notional + 1 \
         WHERE open_time = (SELECT min(open_time) FROM {name}); \
         SET session_replication_role = DEFAULT"
    ));
    let run = audit(&history.repositories, Some(&rows), None).await;
    assert!(!run.kinds().is_empty());
    let text = run.findings[0].problem.to_string();
    assert!(text.contains("notional is"), "{text}");
    let refresh = PgCandleRefresh::new(history.db());
    let repair = Repair::new(Some(&refresh));
    let run = audit(&history.repositories, Some(&rows), Some(repair)).await;
    assert!(run.all_mended(), "{:?}", run.findings);
    let query = CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Trade, TimeRange::all());
    let page = history
        .repositories
        .ohlc
        .candles(&query)
        .await
        .expect("read");
    let folded = fold_trades(&trades, Timeframe::M1, suite::now()).expect("fits");
    assert_eq!(page.items, folded);
}
