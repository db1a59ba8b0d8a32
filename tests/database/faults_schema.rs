//! Tests of tables that change while they are read and written.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{IntoSql as _, PgConnection, RunQueryDsl as _};
use tickbook::domain::{PriceBasis, TimeRange, Timeframe};
use tickbook::postgres::apply_aggregates;
use tickbook::repository::{CandleQuery, TickQuery};
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::migrated_schema::{SYMBOL, migrated_with, ticks};
use crate::support::pool::number;

/// Calls all reads that a server uses, one after the other, until it is dropped.
struct Readers {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<Result<(), RepositoryError>>>,
}

impl Readers {
    fn start(repositories: &Repositories, count: usize) -> Self {
        let (stop, rounds) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let reader = |_| {
            let (repositories, stop) = (repositories.clone(), Arc::clone(&stop));
            let rounds = Arc::clone(&rounds);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    read_all(&repositories).await?;
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        Self {
            tasks: (0..count).map(reader).collect(),
            stop,
            rounds,
        }
    }

    /// Waits until each reader has read everything once more.
    async fn go_round(&self) {
        let target = self.rounds.load(Ordering::Relaxed) + 3 * self.tasks.len() as u64;
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.rounds.load(Ordering::Relaxed) < target {
            assert!(
                !self.tasks.iter().any(tokio::task::JoinHandle::is_finished),
                "a reader has ended with an error"
            );
            assert!(Instant::now() < deadline, "the readers stand still");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic").expect("every read succeeds");
        }
    }
}

async fn read_all(repositories: &Repositories) -> Result<(), RepositoryError> {
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    repositories.ticks.range(&query).await?;
    repositories.ticks.latest(SYMBOL).await?;
    repositories.ticks.latest_of(&[SYMBOL]).await?;
    for timeframe in [Timeframe::M1, Timeframe::H1] {
        let query = CandleQuery::new(SYMBOL, timeframe, PriceBasis::Bid, TimeRange::all());
        repositories.ohlc.candles(&query).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_61_tables_change_while_they_are_used() {
    let (schemas, pools) = migrated_with(|config| config.pool.size = 6).await;
    let repositories = Repositories::postgres(&pools);
    let mut stored = 0;
    // each batch is sent twice, so that the path of stored ticks is used too
    let mut store = async || {
        let batch = ticks(stored, stored + 100);
        for inserted in [100, 0] {
            let receipt = repositories.ticks.insert_batch(&batch).await;
            let receipt = receipt.expect("stored");
            assert_eq!(receipt.inserted, inserted);
        }
        stored += 100;
    };
    store().await;
    let readers = Readers::start(&repositories, 4);
    readers.go_round().await;
    let mut operator = schemas.connection(Database::Timeseries);
    for ddl in [
        "ALTER TABLE ticks ALTER COLUMN bid_price TYPE numeric(29, 12)",
        "ALTER TABLE ticks ADD COLUMN venue int",
        "ALTER TABLE ticks ALTER COLUMN ask_price TYPE numeric(29, 12)",
        "CREATE INDEX of_venue ON ticks (venue)",
        "ALTER TABLE ticks DROP COLUMN venue",
        "ALTER TABLE ohlc_candles ALTER COLUMN open_price TYPE numeric(29, 13)",
    ] {
        operator
            .batch_execute(ddl)
            .unwrap_or_else(|error| panic!("{ddl}: {error}"));
        store().await;
        readers.go_round().await;
    }
    apply_aggregates(&pools.timeseries())
        .await
        .expect("applied");
    store().await;
    readers.go_round().await;
    readers.finish().await;
    let query = TickQuery::new(SYMBOL, TimeRange::all());
    let page = repositories.ticks.range(&query).await.expect("read");
    let all: Vec<_> = page.items.into_iter().collect();
    assert_eq!(all.len(), 500, "a page");
    let count = number(&mut operator, "SELECT count(*) AS number FROM ticks");
    assert_eq!(count.expect("counted"), stored);
}

#[tokio::test]
async fn fault_61_prepared_statements_are_lost() {
    let (_schemas, pools) = migrated_with(|config| config.pool.size = 1).await;
    let repositories = Repositories::postgres(&pools);
    read_all(&repositories).await.expect("read");
    let db = pools.timeseries();
    let forgotten = db.run("forget", |connection| {
        Ok(connection.batch_execute("DEALLOCATE ALL")?)
    });
    forgotten.await.expect("allowed");
    read_all(&repositories).await.expect("read again");
    // a call that must not be repeated reports that it was not applied, and succeeds on the next
    // connection
    let ask = |connection: &mut PgConnection| {
        let seven = diesel::select(7_i64.into_sql::<BigInt>());
        Ok(seven.get_result::<i64>(connection)?)
    };
    assert_eq!(db.run("ask", ask).await.expect("prepared"), 7);
    let forgotten = db.run("forget", |connection| {
        Ok(connection.batch_execute("DEALLOCATE ALL")?)
    });
    forgotten.await.expect("allowed");
    let error = db.run("ask", ask).await.expect_err("not repeated");
    let text = error.with_causes().to_string();
    assert!(
        matches!(error, RepositoryError::SchemaChanged { .. }),
        "{text}"
    );
    assert!(error.is_transient() && error.is_certainly_not_applied());
    assert!(text.contains("prepared statement"), "{text}");
    assert_eq!(db.run("ask", ask).await.expect("a new one"), 7);
}
