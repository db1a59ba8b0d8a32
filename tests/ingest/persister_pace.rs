//! Measures how fast the spool accepts ticks, and how soon they are on the disk. These are goals, not
//! guarantees, so the tests print the figures and assert only wide limits.
//!
//! Run `cargo test --test ingest persister_pace:: -- --ignored
//! --nocapture` on an idle machine. `TICKBOOK_SPOOL_PARENT` is a directory on the disk to measure.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::spooling::{open, settings, tick};
use tickbook::ingest::{AckLevel, PersisterConfig};

/// A directory on a disk, since the directory of temporary files may be in memory.
fn folder() -> tempfile::TempDir {
    let parent = std::env::var_os("TICKBOOK_SPOOL_PARENT");
    let parent = parent.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    tempfile::tempdir_in(parent).expect("a folder")
}

/// The median, the 99th percentile and the maximum.
fn quantiles(mut times: Vec<Duration>) -> [Duration; 3] {
    times.sort_unstable();
    let last = times.len() - 1;
    [times[last / 2], times[last * 99 / 100], times[last]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn acknowledgements_are_quick_at_high_throughput() {
    let folder = folder();
    let config = PersisterConfig::default();
    let persister = open(&Arc::default(), config, &settings(folder.path())).await;
    let mut next = 0;

    let mut alone = Vec::new();
    for _ in 0..2_000 {
        let begun = Instant::now();
        let pushed = persister.push_with(tick(next), AckLevel::Durable).await;
        pushed.expect("the disk works");
        alone.push(begun.elapsed());
        next += 1;
    }
    let alone = quantiles(alone);
    println!("a tick alone, waited for: median, p99, slowest {alone:?}");

    // a feed of ten thousand ticks per second without waits for the durable level, which would write
    // batches early
    let mut waiting = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for number in 0..50_000_u32 {
        let ack = persister.push_with_ack(tick(next)).await.expect("open");
        let pushed = Instant::now();
        waiting.spawn(async move {
            // poll the level, since a wait would write the batch early
            while ack.level() < AckLevel::Durable {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            pushed.elapsed()
        });
        next += 1;
        if number % 10 == 9 {
            let due = begun + Duration::from_millis(u64::from(number / 10 + 1));
            tokio::time::sleep_until(due.into()).await;
        }
    }
    let batched = quantiles(waiting.join_all().await);
    println!("a tick of a feed, not waited for: median, p99, slowest {batched:?}");

    let ticks: Vec<_> = (next..next + 2_000_000).map(tick).collect();
    let count = ticks.len();
    let begun = Instant::now();
    let mut last = None;
    for tick in ticks {
        last = Some(persister.push_with_ack(tick).await.expect("open"));
    }
    let last = last.expect("there is one");
    last.wait(AckLevel::Durable).await.expect("the disk works");
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} ticks/s durable");

    let bytes = persister.spool_content().expect("there is one").bytes;
    persister.stop(Duration::from_secs(10)).await;
    let begun = Instant::now();
    let persister = open(
        &Arc::default(),
        PersisterConfig::default(),
        &settings(folder.path()),
    )
    .await;
    let found = persister.stats().queued as f64;
    let rate = found / begun.elapsed().as_secs_f64();
    println!("{rate:.0} ticks/s looked through at a start, {found} ticks in {bytes} bytes");
    persister.stop(Duration::from_secs(10)).await;

    assert!(alone[1] <= Duration::from_millis(100), "{alone:?}");
    assert!(batched[1] <= Duration::from_millis(500), "{batched:?}");
}
