//! Tests of a server whose processes are stopped, while its kernel still acknowledges packets.

use std::time::{Duration, Instant};

use tickbook::db::ConnectionCounts;
use tickbook::{Database, RepositoryError};

use crate::fault::Fault;
use crate::load::{Load, eventually};
use crate::memory::Memory;
use crate::server::Server;
use crate::site::{OVERRUN, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::migrated_schema::{SYMBOL, ticks};
use crate::support::oracle::{ask, assert_exact};

#[tokio::test(flavor = "multi_thread")]
async fn fault_14_frozen_server() {
    let fault = Fault::begin("fault_14_frozen_server");
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let deadline = Duration::from_secs(1);
    let (repositories, pools) = repositories_on(&server, |config| {
        config.pool.call_timeout = deadline;
    })
    .await;
    // open and use every connection
    let pool = pools.timeseries();
    let size = 5;
    let warm = |number: i64| {
        let repository = repositories.ticks.clone();
        tokio::spawn(async move {
            repository
                .insert_batch(&ticks(number * 60, number * 60 + 60))
                .await
        })
    };
    for call in (0..20).map(warm).collect::<Vec<_>>() {
        call.await.expect("no panic").expect("stored");
    }
    let mut all = ticks(0, 1_200);
    server.freeze();
    let threads = threads();
    let memory = Memory::start();
    let heartbeat = Heartbeat::start();
    let calls = (100..140).map(|number| {
        let repository = repositories.ticks.clone();
        tokio::spawn(async move {
            let begun = suite::Watch::start();
            let batch = ticks(number * 60, number * 60 + 60);
            let result = repository.insert_batch(&batch).await;
            (result, begun.elapsed(), begun.of_ours())
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let (result, took, of_ours) = call.await.expect("no panic");
        let error = result.expect_err("frozen");
        assert!(error.is_transient(), "{error:?}");
        suite::assert_in_time(of_ours, deadline + OVERRUN);
        assert!(
            took + OVERRUN >= deadline || !matches!(error, RepositoryError::Timeout { .. }),
            "{took:?}: {error}"
        );
    }
    let blocked = self::threads().saturating_sub(threads);
    // r2d2 opens connections on three threads, which existed before
    assert!(blocked <= size, "{blocked} threads more");
    heartbeat.assert_steady().await;
    server.thaw();
    // batches that were sent before their callers gave up may be stored now, and must not be stored twice
    for number in 100..140 {
        let batch = ticks(number * 60, number * 60 + 60);
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = repositories.ticks.insert_batch(&batch).await {
            assert!(Instant::now() < deadline, "{error}");
        }
        all.extend(batch);
    }
    eventually("every connection is idle again", || {
        let ConnectionCounts { open, idle, .. } = pool.connections();
        open == idle
    })
    .await;
    repositories.ticks.latest(SYMBOL).await.expect("readable");
    memory.assert_within(0);
    assert_exact(&server.url(), &all);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_14_frozen_server_under_load() {
    let Some(fault) = Fault::begin_long("fault_14_frozen_server_under_load") else {
        return;
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let deadline = Duration::from_secs(1);
    let (repositories, _pools) = repositories_on(&server, |config| {
        config.pool.call_timeout = deadline;
    })
    .await;
    let load = Load::start_with_deadline(repositories.ticks, deadline);
    load.wait_for_progress(Duration::from_secs(10)).await;
    let heartbeat = Heartbeat::start();
    server.freeze();
    tokio::time::sleep(Duration::from_secs(3)).await;
    heartbeat.assert_steady().await;
    server.thaw();
    load.assert_recovers().await;
    assert_exact(&server.url(), &load.finish().await);
    let stuck = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    assert_eq!(ask(&server.url(), stuck), ["0"]);
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .expect("a /proc")
        .count()
}
