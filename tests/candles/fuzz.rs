//! Fuzz test: candles equal the fold of the ticks or trades that were stored at one instant of the read, while
//! they are written, chunks are compressed and dropped, and candles are refreshed and repaired.
//!
//! A round runs random calls beside three readers. A model records the begin and the end of each call and
//! computes the possible results of a read. `make fuzz-candles` runs more rounds.
#![cfg(all(feature = "conformance", feature = "postgres"))]

mod check;
mod deletes;
mod draw;
mod exact;
mod hand;
mod keeper;
mod model;
mod readers;
mod report;
mod rounds;
mod site;
mod view;
mod writers;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::random::Random;
use site::Counts;

/// The length of a round, in which jobs of the database run too.
const ROUND: Duration = Duration::from_secs(80);

/// Duration in seconds as an ordinary test.
const SHORT: u64 = 60;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn candles_are_right_under_concurrent_changes() {
    let begun = Instant::now();
    let seed = number("TICKBOOK_FUZZ_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let budget = Duration::from_secs(number("TICKBOOK_FUZZ_SECONDS").unwrap_or(SHORT));
    let listings = number("TICKBOOK_FUZZ_LISTINGS").unwrap_or(0);
    let keeps_on = listings > 0;
    println!("make fuzz-candles SEED={seed} makes the same calls again, as far as time allows");
    let counts = Arc::new(Counts::new());
    let mut next = Random::of(seed);
    let mut of_round = seed;
    let mut rounds = 0;
    loop {
        let left = budget.saturating_sub(begun.elapsed());
        let is_short_of_listings = counts.listings() < listings;
        let length = if is_short_of_listings {
            ROUND
        } else {
            left.min(ROUND)
        };
        // the rest is too short for a round
        if length < Duration::from_secs(10) {
            break;
        }
        rounds += 1;
        let is_right = rounds::round(of_round, rounds, length, Arc::clone(&counts)).await;
        if !is_right && !keeps_on {
            break;
        }
        of_round = next.below(u64::MAX);
    }
    counts.print(seed, rounds, begun.elapsed());
    let differences = counts.differences.load(std::sync::atomic::Ordering::SeqCst);
    assert!(counts.listings() > 0, "nothing was read");
    assert!(!counts.reads_failed(), "one of 20 reads failed, see above");
    assert_eq!(
        differences, 0,
        "answers that no instant explains, see above"
    );
}
