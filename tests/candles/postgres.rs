//! Tests of candles of continuous aggregates, and of ticks if there are no aggregates.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use chrono::TimeDelta;
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SortOrder, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::postgres::{self, Edition};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated, start};

/// Some ticks on each of several days that are days, months or years apart.
fn scattered_ticks() -> Vec<Tick> {
    let days = [0, 1, 2, 3, 30, 31, 400, 401, 2_000];
    let seconds = [0, 1, 59, 60, 61, 299, 300, 3_600, 40_000, 86_399];
    let mut ticks = Vec::new();
    for (index, day) in days.into_iter().enumerate() {
        for second in seconds {
            for sequence in 0..2 {
                let number = ticks.len() as i64 * 7 % 31 + index as i64;
                let time = start() + TimeDelta::days(day) + TimeDelta::seconds(second);
                let bid = Decimal::new(1_380_000_000_000 + number, 12);
                ticks.push(
                    Tick::quote(SYMBOL, time, bid, bid + Decimal::new(number, 11))
                        .with_sequence(sequence)
                        .with_bid_volume(Decimal::new(number, 12)),
                );
            }
        }
    }
    ticks
}

async fn pages(
    repositories: &Repositories,
    timeframe: Timeframe,
    basis: PriceBasis,
    order: SortOrder,
    limit: u32,
) -> Vec<Candle> {
    let mut query = CandleQuery::new(SYMBOL, timeframe, basis, TimeRange::all())
        .order(order)
        .limit(PageLimit::new(limit).expect("in range"));
    let mut candles = Vec::new();
    loop {
        let page = repositories.ohlc.candles(&query).await.expect("a page");
        candles.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return candles,
        }
    }
}

async fn assert_equal_to_the_fold(repositories: &Repositories, ticks: &[Tick]) {
    for &timeframe in Timeframe::ALL {
        for &basis in PriceBasis::OF_TICKS {
            let mut expected = fold_ticks(ticks, timeframe, basis, suite::now()).expect("fits");
            for limit in [7, 500] {
                let read = pages(repositories, timeframe, basis, SortOrder::Ascending, limit);
                assert_eq!(read.await, expected, "{timeframe} {basis} by {limit}");
            }
            let read = pages(repositories, timeframe, basis, SortOrder::Descending, 11);
            expected.reverse();
            assert_eq!(read.await, expected, "{timeframe} {basis} descending");
        }
    }
}

/// Creates the candle relations. Returns whether they are continuous aggregates.
async fn with_relations(pools: &DatabasePools) -> bool {
    let report = postgres::apply_aggregates(&pools.timeseries())
        .await
        .expect("candle relations");
    report.edition == Edition::Community
}

/// Refreshes twice, since some errors appear only at the second refresh.
fn refresh(schemas: &ScratchSchemas) {
    let mut connection = schemas.connection(Database::Timeseries);
    for _ in 0..2 {
        for &timeframe in Timeframe::ALL {
            let call = format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, NULL)");
            diesel::sql_query(call)
                .execute(&mut connection)
                .expect("refreshed");
        }
    }
}

#[tokio::test]
async fn pages_across_years_equal_the_fold() {
    let (schemas, pools) = migrated().await;
    let repositories = Repositories::postgres(&pools);
    let ticks = scattered_ticks();
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    assert_equal_to_the_fold(&repositories, &ticks).await;

    let aggregates = with_relations(&pools).await;
    // new repositories, which have not cached the relations yet
    let repositories = Repositories::postgres(&pools);
    assert_equal_to_the_fold(&repositories, &ticks).await;
    if aggregates {
        refresh(&schemas);
        assert_equal_to_the_fold(&repositories, &ticks).await;
    }
}

#[tokio::test]
async fn late_ticks_are_in_their_candles_before_any_refresh() {
    let (schemas, pools) = migrated().await;
    let aggregates = with_relations(&pools).await;
    let repositories = Repositories::postgres(&pools);
    let (early, late): (Vec<_>, Vec<_>) = scattered_ticks()
        .into_iter()
        .enumerate()
        .partition(|(index, _)| index % 3 > 0);
    let only = |ticks: Vec<(usize, Tick)>| ticks.into_iter().map(|(_, tick)| tick).collect();
    let (mut ticks, late): (Vec<Tick>, Vec<Tick>) = (only(early), only(late));
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    if aggregates {
        refresh(&schemas);
    }
    for late in late.chunks(late.len() / 2) {
        let receipt = repositories.ticks.insert_batch(late).await;
        assert_eq!(receipt.expect("inserted").inserted, late.len() as u64);
        ticks.extend_from_slice(late);
        assert_equal_to_the_fold(&repositories, &ticks).await;
        if aggregates {
            // the five-minute candles then lag behind the one-minute candles
            schemas
                .connection(Database::Timeseries)
                .batch_execute("CALL refresh_continuous_aggregate('ohlc_1m', NULL, NULL)")
                .expect("refreshed");
            assert_equal_to_the_fold(&repositories, &ticks).await;
        }
    }
}

#[tokio::test]
async fn ticks_older_than_any_refresh_are_in_their_candles() {
    let (schemas, pools) = migrated().await;
    let aggregates = with_relations(&pools).await;
    let repositories = Repositories::postgres(&pools);
    let ticks = scattered_ticks();
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    if aggregates {
        for &timeframe in Timeframe::ALL {
            let from = start() + TimeDelta::days(30);
            schemas
                .connection(Database::Timeseries)
                .batch_execute(&format!(
                    "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', NULL)"
                ))
                .expect("refreshed");
        }
    }
    assert_equal_to_the_fold(&repositories, &ticks).await;
}

#[tokio::test]
async fn candles_are_read_without_a_dropped_relation() {
    let (schemas, pools) = migrated().await;
    let aggregates = with_relations(&pools).await;
    let repositories = Repositories::postgres(&pools);
    let ticks = scattered_ticks();
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    assert_equal_to_the_fold(&repositories, &ticks).await;

    let kind = if aggregates {
        "MATERIALIZED VIEW"
    } else {
        "VIEW"
    };
    for timeframe in Timeframe::ALL.iter().copied().rev() {
        schemas
            .connection(Database::Timeseries)
            .batch_execute(&format!("DROP {kind} ohlc_{timeframe}"))
            .expect("dropped");
    }
    assert_equal_to_the_fold(&repositories, &ticks).await;
}

/// Only the Community edition has aggregates, which retain candles.
#[tokio::test]
async fn aggregate_keeps_the_candles_of_dropped_ticks() {
    let (schemas, pools) = migrated().await;
    let aggregates = with_relations(&pools).await;
    let repositories = Repositories::postgres(&pools);
    let ticks = scattered_ticks();
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    if aggregates {
        refresh(&schemas);
    }
    let horizon = start() + TimeDelta::days(31);
    schemas
        .connection(Database::Timeseries)
        .batch_execute(&format!(
            "SELECT drop_chunks('ticks', '{horizon}'::timestamptz)"
        ))
        .expect("dropped");
    let kept: Vec<_> = ticks
        .iter()
        .filter(|tick| aggregates || tick.tick_time >= horizon)
        .cloned()
        .collect();
    assert_equal_to_the_fold(&repositories, &kept).await;

    schemas
        .connection(Database::Timeseries)
        .batch_execute("SELECT drop_chunks('ticks', '2100-01-01'::timestamptz)")
        .expect("dropped");
    let kept = if aggregates { ticks } else { Vec::new() };
    assert_equal_to_the_fold(&repositories, &kept).await;
}

/// Rows that were inserted after the constraints were dropped.
#[tokio::test]
async fn infinite_times_are_skipped_or_reported() {
    let (schemas, pools) = migrated().await;
    let aggregates = with_relations(&pools).await;
    let repositories = Repositories::postgres(&pools);
    let ticks = scattered_ticks();
    let receipt = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("inserted").inserted, ticks.len() as u64);
    let execute = |sql: &str| {
        let mut connection = schemas.connection(Database::Timeseries);
        connection.batch_execute(sql).expect(sql);
    };
    execute(
        "ALTER TABLE ticks DROP CONSTRAINT ticks_tick_time_range; \
         ALTER TABLE ticks DROP CONSTRAINT ticks_received_at_range; \
         ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_open_time_range; \
         ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_close_time_range; \
         INSERT INTO ticks VALUES (7, 'infinity', 0, 1, 2, 0, 0, NULL); \
         INSERT INTO ohlc_candles (symbol_id, timeframe, basis, open_time, close_time, open_price, \
         high_price, low_price, close_price, volume, tick_count, source) \
         SELECT 7, timeframe, basis, 'infinity', 'infinity', 1, 1, 1, 1, 0, 0, 'else' \
         FROM unnest(ARRAY['1m', '5m', '15m', '30m', '1h', '4h', '1d']) AS timeframe, \
         unnest(ARRAY['bid', 'ask', 'mid']) AS basis",
    );
    assert_equal_to_the_fold(&repositories, &ticks).await;
    if aggregates {
        refresh(&schemas);
        assert_equal_to_the_fold(&repositories, &ticks).await;
    }
    // the search for the first tick reads this row
    execute(&format!(
        "UPDATE ticks SET received_at = 'infinity' WHERE tick_time = '{}' AND sequence = 0",
        start()
    ));
    let query = CandleQuery::new(SYMBOL, Timeframe::H1, PriceBasis::Bid, TimeRange::all());
    let error = repositories.ohlc.candles(&query).await.expect_err("a row");
    assert!(matches!(error, RepositoryError::Data { .. }), "{error:?}");
    let text = error.to_string();
    for part in ["symbol 7", "2014-05-01 00:00:00", "received_at: infinity"] {
        assert!(text.contains(part), "{text}");
    }
}
