//! Tests from which relations candles are read.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Mutex;

use chrono::TimeDelta;
use diesel::RunQueryDsl as _;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use tickbook::domain::{PriceBasis, TimeRange, Timeframe};
use tickbook::postgres;
use tickbook::postgres::Edition;
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};

use crate::support::alone::is_alone;
use crate::support::migrated_schema::{SYMBOL, migrated, start, ticks};

static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Record;

impl Instrumentation for Record {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            STATEMENTS.lock().expect("no panic").push(query.to_string());
        }
    }
}

fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(Record))
}

/// Returns whether the candles of the first ten minutes are read from the aggregate, and whether some are
/// computed from ticks or smaller candles.
async fn read_from(repositories: &Repositories, timeframe: Timeframe) -> (bool, bool) {
    STATEMENTS.lock().expect("no panic").clear();
    let range = TimeRange::new(start(), start() + TimeDelta::minutes(10)).expect("ordered");
    let query = CandleQuery::new(SYMBOL, timeframe, PriceBasis::Bid, range);
    let page = repositories.ohlc.candles(&query).await.expect("candles");
    assert!(!page.items.is_empty());
    let statements = STATEMENTS.lock().expect("no panic");
    let has = |text: &str| statements.iter().any(|statement| statement.contains(text));
    // a check whether ticks exist computes no candle
    let is_made = has("NULL::numeric FROM ticks ") || has(") AS minutes GROUP BY");
    let is_kept = has("FROM _timescaledb_internal._materialized_hypertable_");
    (is_kept, is_made)
}

/// Runs in a separate process, since statements are recorded for the whole process.
#[tokio::test]
async fn ticks_are_read_only_where_aggregates_lack_them() {
    if !is_alone() {
        return;
    }
    let (schemas, pools) = migrated().await;
    set_default_instrumentation(record).expect("set before the repositories read");
    let relations = postgres::apply_aggregates(&pools.timeseries())
        .await
        .expect("candle relations");
    let repositories = Repositories::postgres(&pools);
    repositories
        .ticks
        .insert_batch(&ticks(0, 1_000))
        .await
        .expect("inserted");
    // a refresh ends with the last bucket that has ticks, so the first day must have ended in each
    // timeframe
    repositories
        .ticks
        .insert_batch(&ticks(200_000, 200_001))
        .await
        .expect("inserted");
    if relations.edition == Edition::Apache {
        assert_eq!(read_from(&repositories, Timeframe::M1).await, (false, true));
        return;
    }
    let mut connection = schemas.connection(Database::Timeseries);
    let mut refresh = |timeframe: Timeframe| {
        let call = format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', NULL, NULL)");
        diesel::sql_query(call)
            .execute(&mut connection)
            .expect("refreshed");
    };
    for &timeframe in Timeframe::ALL {
        refresh(timeframe);
    }
    for &timeframe in Timeframe::ALL {
        let from = read_from(&repositories, timeframe).await;
        assert_eq!(from, (true, false), "{timeframe}");
    }
    let mut late = ticks(100, 101);
    late[0].sequence = 1;
    repositories
        .ticks
        .insert_batch(&late)
        .await
        .expect("inserted");
    for &timeframe in Timeframe::ALL {
        let from = read_from(&repositories, timeframe).await;
        assert_eq!(from, (true, true), "{timeframe}");
    }
    refresh(Timeframe::M1);
    assert_eq!(read_from(&repositories, Timeframe::M1).await, (true, false));
    assert_eq!(read_from(&repositories, Timeframe::M5).await, (true, true));
}
