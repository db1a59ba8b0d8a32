//! Fault 45 with a waiting correction: the writing process is killed after it has stored a trade and before it
//! has corrected it.
//!
//! This program starts itself as the process that writes.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use rust_decimal::Decimal;
use tickbook::db::DatabasePools;
use tickbook::domain::{
    CorrectedTrade, PriceBasis, TimeRange, Timeframe, Trade, TradeCorrection, TradeReference,
    fold_trades,
};
use tickbook::ingest::{AckLevel, TradePersister};
use tickbook::postgres::{Edition, apply_aggregates};
use tickbook::repository::{CandleQuery, CorrectionQuery, TradeQuery};
use tickbook::{Database, Repositories};

use crate::support::migrated_schema::{self, SYMBOL, start};
use crate::support::oracle;
use crate::support::spooling::process::{Process, orders, print_line};
use crate::support::spooling::{many_batches, settings};

/// The key of the lock that corrections take, as settling does after the trade is committed.
const KEY: &str = "hashtextextended('tickbook trade corrections ' || current_schema(), 0)";

/// Sessions that wait for that lock.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
    AND (classid::bigint << 32 | objid::bigint) = \
    hashtextextended('tickbook trade corrections ' || current_schema(), 0)";

fn trade(second: i64, price: i64) -> Trade {
    let time = start() + TimeDelta::seconds(second);
    Trade::new(SYMBOL, time, Decimal::from(price), Decimal::ONE).with_sequence(second)
}

async fn open(pools: &DatabasePools, directory: &Path) -> TradePersister {
    let trades = Repositories::postgres(pools).trades;
    let opened = TradePersister::open(trades, many_batches(), &settings(directory)).await;
    opened.expect("the lock of a killed process is no obstacle")
}

/// Waits until the answer of `query` is `expected`.
fn until(url: &str, query: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while oracle::ask(url, query) != [expected] {
        assert!(Instant::now() < deadline, "{query} is not {expected}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asserts that the candles are those of the stored trades, and returns the trades.
async fn assert_candles(repositories: &Repositories) -> Vec<Trade> {
    let query = TradeQuery::new(SYMBOL, TimeRange::all());
    let stored = repositories.trades.range(&query).await.expect("read").items;
    for &timeframe in Timeframe::ALL {
        let query = CandleQuery::new(SYMBOL, timeframe, PriceBasis::Trade, TimeRange::all());
        let found = repositories.ohlc.candles(&query).await.expect("read").items;
        let expected = fold_trades(&stored, timeframe, suite::now()).expect("fits");
        assert_eq!(found, expected, "{timeframe}");
    }
    stored
}

fn refresh(connection: &mut PgConnection, day: DateTime<Utc>) {
    for timeframe in Timeframe::ALL {
        let (from, to) = (day - TimeDelta::days(1), day + TimeDelta::days(2));
        let call = format!(
            "CALL refresh_continuous_aggregate('trade_ohlc_{timeframe}', '{from}', '{to}')"
        );
        connection.batch_execute(&call).expect("refreshed");
    }
}

#[test]
fn fault_45_process_killed_before_a_correction() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, _)) = orders() {
        let pools = DatabasePools::new(&migrated_schema::config_of_variables());
        runtime.block_on(async {
            let persister = open(&pools, &directory).await;
            let ack = persister.push_with_ack(trade(5, 11)).await.expect("open");
            print_line("pushed");
            let committed = ack.wait(AckLevel::Committed).await;
            // the trade is not settled, so this is not reached
            print_line(format_args!("committed {committed:?}"));
        });
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (schemas, pools) = runtime.block_on(migrated_schema::migrated());
    let url = schemas.url(Database::Timeseries);
    let repositories = Repositories::postgres(&pools);
    let content = CorrectedTrade::new(Decimal::from(99), Decimal::TWO);
    let correction = TradeCorrection::new(
        SYMBOL,
        trade(5, 11).trade_time,
        TradeReference::Sequence(5),
        start() + TimeDelta::days(1),
        "venue",
    )
    .with_content(content);
    let edition = runtime.block_on(async {
        let aggregates = apply_aggregates(&pools.timeseries()).await.expect("made");
        let first = [trade(1, 10), trade(2, 12)];
        repositories
            .trades
            .insert_batch(&first)
            .await
            .expect("stored");
        let recorded = repositories.trades.correct(&[correction]).await;
        assert_eq!(recorded.expect("recorded").pending, 1);
        aggregates.edition
    });
    let mut connection = schemas.connection(Database::Timeseries);
    if edition == Edition::Community {
        refresh(&mut connection, start());
    }
    let lock = format!("BEGIN; SELECT pg_advisory_xact_lock({KEY})");
    connection.batch_execute(&lock).expect("locked");

    let variables = migrated_schema::variables(&schemas);
    let mut writer = Process::start_with(folder.path(), "write", &variables);
    writer.read_after("pushed");
    until(url, "SELECT count(*) FROM trades", "3");
    until(url, WAITING, "1");
    writer.kill_after(Duration::ZERO);
    connection.batch_execute("ROLLBACK").expect("unlocked");
    until(url, WAITING, "0");
    // the killed session may have got the lock, and ends without a commit
    connection
        .batch_execute(&format!("{lock}; ROLLBACK"))
        .expect("free");

    runtime.block_on(async {
        let stored = assert_candles(&repositories).await;
        assert_eq!(stored[2], trade(5, 11), "it is stored as it was sent");
    });
    if edition == Edition::Community {
        refresh(&mut connection, start());
        runtime.block_on(assert_candles(&repositories));
    }
    runtime.block_on(async {
        // the spool has the trade, since its batch was not acknowledged
        let persister = open(&pools, folder.path()).await;
        let report = persister.stop(Duration::from_secs(60)).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
        assert_eq!(report.stats.duplicates, 1, "{:?}", report.stats);
        let stored = assert_candles(&repositories).await;
        let corrected = trade(5, 99).with_quantity(Decimal::TWO);
        assert_eq!(stored, [trade(1, 10), trade(2, 12), corrected]);
        let query = CorrectionQuery::new(SYMBOL, TimeRange::all());
        let corrections = repositories.trades.corrections(&query).await;
        let before = corrections.expect("read").items[0].before.clone();
        assert_eq!(before, Some(trade(5, 11)));
    });
}
