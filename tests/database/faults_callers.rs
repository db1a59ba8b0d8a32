//! Tests of callers that wait, and of callers that are dropped.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use tickbook::db::{ConnectionCounts, ScratchSchemas, transaction};
use tickbook::{Database, RepositoryError};

use crate::support::alone::is_alone;
use crate::support::heartbeat::Heartbeat;
use crate::support::pool::{
    self, OVERRUN, execute, named, number, pool, pool_at, read, wait_until,
};

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

const PLENTY: Duration = Duration::from_secs(60);

/// Occupies a connection until the table `released` has a row.
const HOLD: &str = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM released) LOOP \
    PERFORM pg_sleep(0.02); END LOOP; END $$";

// the second worker runs the heartbeat, since the test needs long to begin so many calls
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_27_ten_thousand_waiting_calls_cost_no_thread() {
    if !is_alone() {
        return;
    }
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| {
        config.pool.size = 2;
        config.pool.call_timeout = PLENTY;
        config.pool.statement_timeout = PLENTY;
    });
    execute(&db, "CREATE TABLE released ()")
        .await
        .expect("made");
    pool::warm_up(&db, 2).await;
    let holders: Vec<_> = (0..2)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { execute(&db, HOLD).await })
        })
        .collect();
    wait_until("busy connections", || {
        db.connections() == ConnectionCounts::new(2, 0)
    })
    .await;
    let heartbeat = Heartbeat::start();
    let before = threads();
    let deadline = Duration::from_millis(1_000);
    let begun = suite::Watch::start();
    let waiting: Vec<_> = (0..10_000)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.run_within("wait", deadline, |_| Ok(())).await })
        })
        .collect();
    tokio::time::sleep(deadline / 2).await;
    let added = threads().saturating_sub(before);
    assert!(added < 50, "{added} threads");
    for call in waiting {
        let error = call.await.expect("no panic").expect_err("busy");
        assert!(
            matches!(error, RepositoryError::Unavailable { .. }),
            "{error:?}"
        );
    }
    // allows for the time in which ten thousand tasks start and end one after the other
    begun.assert_within(deadline + 4 * OVERRUN);
    heartbeat.assert_steady().await;
    schemas
        .connection(Database::Metadata)
        .batch_execute("INSERT INTO released DEFAULT VALUES")
        .expect("stored");
    for holder in holders {
        holder.await.expect("no panic").expect("not disturbed");
    }
}

#[tokio::test]
async fn fault_27_calls_are_served_in_their_order() {
    let schemas = ScratchSchemas::create();
    let db = pool(&schemas, |config| config.pool.size = 1);
    let served = Arc::new(Mutex::new(Vec::new()));
    let calls: Vec<_> = (0..50)
        .map(|place| {
            let (db, served) = (db.clone(), Arc::clone(&served));
            tokio::spawn(async move {
                db.run("take a place", move |_| {
                    served.lock().expect("no panic").push(place);
                    Ok(())
                })
                .await
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("served");
    }
    let served = served.lock().expect("no panic").clone();
    assert_eq!(served, (0..50).collect::<Vec<_>>());
}

/// A pseudo-random number computed from `seed`.
fn scattered(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_28_callers_may_leave_at_any_point() {
    // the full number takes some seven seconds more
    let all = std::env::var("TICKBOOK_FAULTS").is_ok_and(|faults| faults == "all");
    let count: u64 = if all { 10_000 } else { 600 };
    let schemas = ScratchSchemas::create();
    let (url, name) = named(&schemas);
    let db = pool_at(&schemas, &url, |config| config.pool.size = 4);
    execute(&db, "CREATE TABLE t (seed bigint, part int)")
        .await
        .expect("made");
    let left = Arc::new(AtomicUsize::new(0));
    let first = u64::from(std::process::id());
    println!("seeds {first} to {}", first + count);
    let leave = |seed: u64| {
        let (db, left) = (db.clone(), Arc::clone(&left));
        tokio::spawn(async move {
            let patience = Duration::from_micros(scattered(seed) % 12_000);
            let sql = move |part| format!("INSERT INTO t VALUES ({seed}, {part})");
            let write = db.run_idempotent("write twice", move |connection| {
                transaction(connection, |connection| {
                    connection.batch_execute(&sql(1))?;
                    if seed.is_multiple_of(7) {
                        connection.batch_execute("SELECT pg_sleep(0.005)")?;
                    }
                    connection.batch_execute(&sql(2))?;
                    Ok(())
                })
            });
            if tokio::time::timeout(patience, write).await.is_err() {
                left.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let seeds: Vec<_> = (first..first + count).collect();
    // more callers than connections, so that some are dropped while they wait
    for together in seeds.chunks(10) {
        for caller in together.iter().map(|seed| leave(*seed)).collect::<Vec<_>>() {
            caller.await.expect("no panic");
        }
    }
    let left = left.load(Ordering::SeqCst);
    assert!(
        left > 50 && left < count as usize,
        "{left} left, seed {first}"
    );
    wait_until("all connections idle", || {
        let ConnectionCounts { open, idle, .. } = db.connections();
        open == idle
    })
    .await;
    let mut admin = schemas.connection(Database::Metadata);
    let open = format!(
        "SELECT count(*) AS number FROM pg_stat_activity \
         WHERE application_name = '{name}' AND state <> 'idle'"
    );
    wait_until("no open transaction", || number(&mut admin, &open) == Ok(0)).await;
    let halves = "SELECT count(*) AS number FROM \
                  (SELECT FROM t GROUP BY seed HAVING count(*) <> 2 OR sum(part) <> 3) AS half";
    assert_eq!(number(&mut admin, halves), Ok(0), "seed {first}");
    // every permit was returned: all connections can be used at the same time
    pool::warm_up(&db, 4).await;
    assert_eq!(read(&db).await.expect("clean"), 7);
}
