//! Tests that a correction reaches its candles while aggregates are refreshed. Community edition only.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::result::Error as DieselError;
use tickbook::domain::{Timeframe, Trade};
use tickbook::postgres::{Edition, apply_aggregates};
use tickbook::{Database, Repositories};

use crate::support::migrated_schema::migrated_with;
use crate::support::random::Random;
use crate::trades_equal_fold::{assert_equal, correct, refresh_call, trades};

/// Number of corrections beside refreshes.
const ROUNDS: usize = 15;

/// Errors of a refresh that meets another transaction; the job of the database runs it again.
fn may_repeat(error: &DieselError) -> bool {
    let text = error.to_string();
    let reasons = [
        "deadlock detected",
        "concurrent",
        "lock timeout",
        "could not serialize",
    ];
    reasons.iter().any(|reason| text.contains(reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn corrections_beside_refreshes_reach_candles() {
    let mut random = Random::seeded();
    let (schemas, pools) = migrated_with(|config| config.pool.size = 8).await;
    let aggregates = apply_aggregates(&pools.timeseries()).await.expect("made");
    if aggregates.edition != Edition::Community {
        suite::skip("this is the Apache edition, which has no aggregates to refresh");
        return;
    }
    let repositories = Repositories::postgres(&pools);
    let mut rest: Vec<Trade> = trades(&mut random, 900, 4);
    let mut stored = rest.split_off(rest.len() / 3);
    let receipt = repositories.trades.insert_batch(&stored).await;
    receipt.expect("stored");

    let ended = Arc::new(AtomicBool::new(false));
    let mut refreshers = Vec::new();
    for _ in 0..2 {
        let mut connection = schemas.connection(Database::Timeseries);
        let mut random = Random::of(random.below(u64::MAX));
        let ended = Arc::clone(&ended);
        refreshers.push(std::thread::spawn(move || {
            let mut refreshed = 0_u64;
            while !ended.load(Ordering::SeqCst) {
                match connection.batch_execute(&refresh_call(&mut random)) {
                    Ok(()) => refreshed += 1,
                    Err(error) => assert!(may_repeat(&error), "{error}"),
                }
            }
            refreshed
        }));
    }
    let mut corrected = 0;
    for round in 0..ROUNDS {
        correct(&repositories, &mut stored, &mut random, &mut corrected).await;
        assert_equal(&repositories, &stored, &mut random, "corrected").await;
        if round % 3 == 0 {
            let late: Vec<_> = rest.drain(..rest.len().min(20)).collect();
            let receipt = repositories.trades.insert_batch(&late).await;
            receipt.expect("stored");
            stored.extend(late);
            assert_equal(&repositories, &stored, &mut random, "late trades").await;
        }
    }
    ended.store(true, Ordering::SeqCst);
    let refreshed: u64 = refreshers
        .into_iter()
        .map(|refresher| refresher.join().expect("refreshed"))
        .sum();
    println!("{refreshed} refreshes beside {ROUNDS} corrections");
    assert!(refreshed > 10, "{refreshed} refreshes tell nothing");
    // and after them, as the rows are
    for _ in Timeframe::ALL {
        assert_equal(&repositories, &stored, &mut random, "afterwards").await;
    }
}
