//! Measures how soon a persister with a spool stores ticks after outages of one to ten seconds.

use std::time::{Duration, Instant};

use tickbook::Database;

use crate::fault::Fault;
use crate::load::Load;
use crate::server::Server;
use crate::site::{RECOVERY, repositories_on};
use crate::support::heartbeat::Heartbeat;
use crate::support::oracle::{assert_exact, try_ask};

const OUTAGES: [u64; 12] = [1, 2, 3, 1, 5, 2, 10, 1, 4, 1, 7, 2];

/// Queries the server until it answers, which is when its start has ended.
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
async fn fault_02_spool_is_stored_soon_after_each_outage() {
    const NAME: &str = "fault_02_spool_is_stored_soon_after_each_outage";
    let Some(fault) = Fault::begin_long(NAME) else {
        return;
    };
    let server = match Server::start(Database::Timeseries) {
        Ok(server) => server,
        Err(reason) => return fault.skip(reason),
    };
    let (repositories, _pools) = repositories_on(&server, |_| ()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let load = Load::start_with_spool(repositories.ticks, folder.path()).await;
    let persister = load.persister();
    load.wait_for_progress(Duration::from_secs(10)).await;
    let heartbeat = Heartbeat::start();
    let mut took = Vec::new();
    for (number, seconds) in (1..).zip(OUTAGES) {
        // the server ends with or without closing its connections properly
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
        // the server may answer the persister first
        took.push(stored.saturating_duration_since(there));
    }
    heartbeat.assert_steady().await;
    println!("stored again after {took:?}");
    took.sort_unstable();
    // there are few outages, so every recovery must be in time
    let slowest = took[took.len() - 1];
    assert!(slowest <= RECOVERY, "{slowest:?}");
    assert_exact(&server.url(), &load.finish().await);
}
