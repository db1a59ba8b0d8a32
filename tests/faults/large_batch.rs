//! Test of one call with far more ticks than recommended.

use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::memory::Memory;
use crate::site::GatedSite;
use crate::support::migrated_schema::{start, ticks};
use crate::support::oracle::assert_exact_where;

const TICKS: i64 = 1_000_000;
const WINDOW: i64 = 100_000;

/// The memory that the call may use per tick, in addition to the given ticks.
const BYTES: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn fault_41_million_ticks_in_one_call() {
    let Some(_fault) = Fault::begin_long("fault_41_million_ticks_in_one_call") else {
        return;
    };
    let site = GatedSite::new(41, |config| {
        // test builds are slow
        config.pool.call_timeout = Duration::from_secs(240);
        config.pool.statement_timeout = Duration::from_secs(230);
    })
    .await;
    let mut given = ticks(0, TICKS);
    // repeat some ticks, near to and far from the first occurrence
    given.extend(ticks(0, TICKS / 20));
    given.extend(ticks(TICKS - TICKS / 20, TICKS));
    let memory = Memory::start();
    let begun = Instant::now();
    let receipt = site.repositories.ticks.insert_batch(&given).await;
    let took = begun.elapsed();
    let receipt = receipt.expect("stored");
    let bytes = memory.grown() / given.len() as u64;
    println!("{} ticks took {took:?} and {bytes} bytes each", given.len());
    assert_eq!(receipt.inserted, TICKS as u64);
    assert_eq!(receipt.duplicates, TICKS as u64 / 10);
    assert!(receipt.conflicts.is_empty() && receipt.rejected.is_empty());
    assert!(bytes <= BYTES, "{bytes} bytes for each tick");
    for from in (0..TICKS).step_by(WINDOW as usize) {
        let at = |number| (start() + chrono::TimeDelta::seconds(number)).to_rfc3339();
        let (first, end) = (at(from), at(from + WINDOW));
        let condition = format!("tick_time >= '{first}' AND tick_time < '{end}'");
        assert_exact_where(site.ticks_url(), &condition, &ticks(from, from + WINDOW));
    }
    assert_exact_where(
        site.ticks_url(),
        &format!(
            "tick_time >= '{}'",
            (start() + chrono::TimeDelta::seconds(TICKS)).to_rfc3339()
        ),
        &[],
    );
}
