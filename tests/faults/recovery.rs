//! How soon a persister with a spool stores something after outages of a second to ten.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tickbook::Database;
use tickbook::ingest::{OnFull, SpoolConfig, SpoolMode, TickPersister};

use crate::fault::Fault;
use crate::load::eventually;
use crate::migrated::ticks;
use crate::oracle::{assert_exact, try_ask};
use crate::server::Server;
use crate::site::{RECOVERY, repositories_on, small_batches};

const OUTAGES: [u64; 12] = [1, 2, 3, 1, 5, 2, 10, 1, 4, 1, 7, 2];

fn spool(directory: &Path) -> SpoolConfig {
    SpoolConfig {
        mode: SpoolMode::WriteAhead,
        directory: directory.to_owned(),
        max_bytes: 1 << 30,
        on_full: OnFull::Block,
    }
}

/// Ten ticks every five milliseconds. Returns how many there were.
async fn push_until(persister: TickPersister, stopped: Arc<AtomicBool>) -> i64 {
    let mut accepted = 0;
    while !stopped.load(Ordering::Relaxed) {
        for tick in ticks(accepted, accepted + 10) {
            persister.push(tick).await.expect("nobody stops it");
        }
        accepted += 10;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    accepted
}

/// Asks the server until it answers, which it does from the end of its start on.
fn answers_at(url: &str) -> Instant {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match try_ask(url, "SELECT 1") {
            Ok(_) => return Instant::now(),
            Err(error) => assert!(Instant::now() < deadline, "it never answers: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_02_a_spool_is_stored_soon_after_each_of_many_outages() {
    const NAME: &str = "fault_02_a_spool_is_stored_soon_after_each_of_many_outages";
    let Some(fault) = Fault::begin_long(NAME) else {
        return;
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let opened = TickPersister::open(repositories.ticks, small_batches(), &spool(folder.path()));
    let persister = opened.await.expect("it opens");
    let stop = Arc::new(AtomicBool::new(false));
    let pushing = tokio::spawn(push_until(persister.clone(), Arc::clone(&stop)));
    eventually("something is stored", || persister.stats().inserted > 0).await;
    let mut took = Vec::new();
    for (number, seconds) in (1..).zip(OUTAGES) {
        // with and without a chance to say goodbye
        server.stop(if number % 2 == 0 { "fast" } else { "immediate" });
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let before = persister.stats().inserted;
        let (there, stored) = std::thread::scope(|scope| {
            let starting = scope.spawn(|| server.start_again());
            let asking = scope.spawn(|| answers_at(&server.url()));
            let watching = scope.spawn(|| {
                let deadline = Instant::now() + Duration::from_secs(60);
                while persister.stats().inserted <= before {
                    assert!(Instant::now() < deadline, "nothing is stored");
                    std::thread::sleep(Duration::from_millis(2));
                }
                Instant::now()
            });
            starting.join().expect("started");
            let there = asking.join().expect("it answers");
            (there, watching.join().expect("stored"))
        });
        // the persister may be the first whom it answers
        took.push(stored.saturating_duration_since(there));
    }
    println!("stored again after {took:?}");
    took.sort_unstable();
    // of so few every one has to be in time
    let slowest = took[took.len() - 1];
    assert!(slowest <= RECOVERY, "{slowest:?}");
    stop.store(true, Ordering::Relaxed);
    let accepted = pushing.await.expect("no panic");
    let drained = persister.drain(Duration::from_secs(60)).await;
    drained.expect("it is there");
    assert_exact(&server.url(), &ticks(0, accepted));
}
