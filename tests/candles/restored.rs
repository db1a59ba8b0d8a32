//! Tests of restoring candles beside writers of ticks: one of them is first, and the other takes it into
//! account.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::ScratchSchemas;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolId, Tick, TimeRange, Timeframe};
use tickbook::postgres;
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};
use tokio::task::JoinHandle;

use crate::support::migrated_schema;

const SYMBOL: SymbolId = SymbolId::new(7);

/// Whether a writer or a restore waits for the other.
const WAITING: &str = "SELECT count(*) AS number FROM pg_locks WHERE locktype = 'advisory' \
    AND NOT granted AND (classid::bigint << 32) | objid::bigint = \
    hashtextextended('tickbook retention floor ' || current_schema(), 0)";

/// Whether a restore waits for a transaction that stores the same candle.
const HELD: &str = "SELECT count(*) AS number FROM pg_locks AS l \
    WHERE NOT granted AND l.locktype = 'transactionid' AND EXISTS (SELECT FROM pg_locks AS own \
    WHERE own.pid = l.pid AND own.relation = 'ohlc_candles'::regclass)";

struct Store {
    repositories: Repositories,
    connection: PgConnection,
    schemas: ScratchSchemas,
}

impl Store {
    async fn new() -> Self {
        let (schemas, pools) = migrated_schema::migrated().await;
        let relations = postgres::apply_aggregates(&pools.timeseries()).await;
        relations.expect("candle relations");
        let store = Self {
            repositories: Repositories::postgres(&pools),
            connection: schemas.connection(Database::Timeseries),
            schemas,
        };
        // create the chunks
        let other = SymbolId::new(8);
        let tick = Tick::quote(other, start(), Decimal::ONE, Decimal::ONE);
        let inserted = store.repositories.ticks.insert_batch(&[tick]).await;
        assert_eq!(inserted.expect("stored").inserted, 1);
        let of_another = candle_of(other, start() + TimeDelta::hours(1));
        let stored = store.repositories.ohlc.upsert_candles(&[of_another]).await;
        assert_eq!(stored.expect("stored"), 1);
        store
    }

    fn number(&mut self, query: &str) -> i64 {
        let row: Number = sql_query(query)
            .get_result(&mut self.connection)
            .expect("a number");
        row.number
    }

    /// Waits until `query` returns a number above 0, or `call` has ended.
    async fn until<T>(&mut self, query: &str, call: &JoinHandle<T>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.number(query) == 0 && !call.is_finished() {
            assert!(Instant::now() < deadline, "nobody waits: {query}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn read(&self) -> Vec<Candle> {
        let query = CandleQuery::new(SYMBOL, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
        let page = self.repositories.ohlc.candles(&query).await;
        page.expect("a page").items
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

/// A one-minute candle of a symbol.
fn candle_of(symbol_id: SymbolId, open_time: DateTime<Utc>) -> Candle {
    let prices = [Decimal::TEN; 4];
    Candle::new(symbol_id, Timeframe::M1, PriceBasis::Bid, open_time, prices)
        .tick_count(90)
        .source(CandleSource::Stored("downsampled".to_owned()))
}

fn candle() -> Candle {
    candle_of(SYMBOL, start())
}

/// Ticks within the minute of the candle.
fn ticks(count: i64) -> Vec<Tick> {
    let tick = |index| {
        let time = start() + TimeDelta::milliseconds(index);
        Tick::quote(SYMBOL, time, Decimal::ONE, Decimal::ONE)
    };
    (0..count).map(tick).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tick_committed_before_a_restore_keeps_its_candle() {
    let mut store = Store::new().await;
    // a writer that has checked for candles and has not stored yet
    let mut writer = store.schemas.connection(Database::Timeseries);
    let share = "BEGIN; SELECT pg_advisory_xact_lock_shared(\
         hashtextextended('tickbook retention floor ' || current_schema(), 0))";
    writer.batch_execute(share).expect("begun");
    let ohlc = Arc::clone(&store.repositories.ohlc);
    let restoring = tokio::spawn(async move { ohlc.restore_candles(&[candle()]).await });
    store.until(WAITING, &restoring).await;
    writer
        .batch_execute(
            "INSERT INTO ticks (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, \
             ask_volume) VALUES (7, '2014-05-01 00:00:59.999999Z', 0, 1, 1, 0, 0); COMMIT",
        )
        .expect("stored");
    let restored = restoring.await.expect("no panic").expect("looked at");
    assert_eq!((restored.stored, restored.known), (0, 1));
    let read = store.read().await;
    assert_eq!(read.len(), 1);
    assert_eq!(
        (&read[0].source, read[0].tick_count),
        (&CandleSource::Ticks, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tick_beside_a_restore_comes_after_it() {
    // each size is written by a different statement
    for count in [1, 10, 200] {
        let mut store = Store::new().await;
        // blocks the restore after it has checked for ticks, when it stores the candle
        let mut other = store.schemas.connection(Database::Timeseries);
        other
            .batch_execute(
                "BEGIN; INSERT INTO ohlc_candles SELECT 7, timeframe, basis, open_time - INTERVAL \
                 '1 hour', close_time - INTERVAL '1 hour', open_price, high_price, low_price, \
                 close_price, volume, tick_count, source FROM ohlc_candles",
            )
            .expect("begun");
        let ohlc = Arc::clone(&store.repositories.ohlc);
        let restoring = tokio::spawn(async move { ohlc.restore_candles(&[candle()]).await });
        store.until(HELD, &restoring).await;
        let repository = Arc::clone(&store.repositories.ticks);
        let inserting = tokio::spawn(async move { repository.insert_batch(&ticks(count)).await });
        store.until(WAITING, &inserting).await;
        assert!(!restoring.is_finished(), "it is held");
        other.batch_execute("ROLLBACK").expect("rolled back");

        let restored = restoring.await.expect("no panic").expect("looked at");
        let receipt = inserting.await.expect("no panic").expect("a receipt");
        assert_eq!(restored.stored, 1);
        assert_eq!(receipt.inserted, count as u64);
        // the restored candle takes precedence over the ticks, as over all later ones
        assert_eq!(store.read().await, [candle()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_beside_a_restore_is_kept() {
    let mut store = Store::new().await;
    let mut other = store.schemas.connection(Database::Timeseries);
    other
        .batch_execute(
            "BEGIN; INSERT INTO ohlc_candles SELECT 7, timeframe, basis, open_time - INTERVAL \
             '1 hour', close_time - INTERVAL '1 hour', open_price, high_price, low_price, \
             close_price, volume, 1, 'import' FROM ohlc_candles",
        )
        .expect("begun");
    let ohlc = Arc::clone(&store.repositories.ohlc);
    let restoring = tokio::spawn(async move { ohlc.restore_candles(&[candle()]).await });
    store.until(HELD, &restoring).await;
    other.batch_execute("COMMIT").expect("stored");
    let restored = restoring.await.expect("no panic").expect("looked at");
    assert_eq!((restored.stored, restored.known), (0, 1));
    let read = store.read().await;
    assert_eq!(read[0].source, CandleSource::Stored("import".to_owned()));
}
