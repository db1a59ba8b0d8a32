//! Faults 55 and 56: tests of a process that is asked to stop, and of a burst of ticks.
//!
//! This program starts itself as that process.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::spooling::process::{Process, orders, print_line};
use crate::support::spooling::{
    Switched, all, assert_exact, index_of, open, settings, settings_of, tick,
};
use tickbook::ingest::{Ack, AckLevel, PersisterConfig, SpoolMode, TickPersister};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

const BACKLOG: i64 = 1_000_000;
/// A deadline for tests that do not test times.
const PLENTY: Duration = Duration::from_secs(120);
/// The exit code of a process that ended immediately, at the second SIGTERM.
const AT_ONCE: i32 = 143;

fn runtime(is_current_thread: bool) -> Runtime {
    let mut builder = if is_current_thread {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    let built = builder.worker_threads(2).enable_all().build();
    built.expect("a runtime")
}

/// Ends as a server does: stops at the first SIGTERM, and ends immediately at the second.
async fn end_at_signal(persister: &TickPersister, patience: Duration) {
    let mut reported = signal(SignalKind::terminate()).expect("signals");
    print_line("ready");
    reported.recv().await;
    print_line("stopping");
    tokio::select! {
        report = persister.stop(patience) => {
            assert_eq!(report.unsaved.len(), 0);
            print_line(format!("spooled {}", report.spooled));
        }
        _ = reported.recv() => std::process::exit(AT_ONCE),
    }
}

/// Accepts a backlog without a database, and waits for SIGTERM.
async fn take_a_backlog(mode: SpoolMode, directory: &Path, backlog: i64) {
    let config = PersisterConfig::default();
    let spool = settings_of(mode, directory);
    let persister = open(&Arc::default(), config, &spool).await;
    for index in 0..backlog {
        persister.push(tick(index)).await.expect("it is open");
    }
    print_line(format!("queued {}", persister.stats().queued));
    end_at_signal(&persister, Duration::from_secs(10)).await;
}

/// Pushes ticks until SIGTERM while the database hangs, and reports the durable ones.
async fn push_until_signal(directory: &Path) {
    let ticks = Arc::new(Switched::hanging());
    let persister = open(&ticks, PersisterConfig::default(), &settings(directory)).await;
    let pushing = persister.clone();
    tokio::spawn(async move {
        for index in 0.. {
            let pushed: Result<Ack, _> = pushing.push_with_ack(tick(index)).await;
            let Ok(ack) = pushed else {
                return;
            };
            if index % 100 == 99 && ack.wait(AckLevel::Durable).await.is_ok() {
                print_line(format!("durable {index}"));
            }
        }
    });
    end_at_signal(&persister, PLENTY).await;
}

/// Stores the content of the spool in memory.
async fn drain(directory: &Path) -> Arc<Switched> {
    let ticks = Arc::new(Switched::present());
    let persister = open(&ticks, PersisterConfig::default(), &settings(directory)).await;
    persister.drain(PLENTY).await.expect("it is there");
    let report = persister.stop(PLENTY).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
    assert_eq!((report.stats.conflicts, report.stats.rejected), (0, 0));
    ticks
}

#[test]
fn fault_55_terminated_process_spools_a_million_ticks() {
    stopped_in_an_outage(SpoolMode::WriteAhead, BACKLOG);
}

#[test]
fn fault_55_on_failure_mode_leaves_ticks_in_the_spool() {
    stopped_in_an_outage(SpoolMode::OnFailure, BACKLOG / 10);
}

fn stopped_in_an_outage(mode: SpoolMode, backlog: i64) {
    let runtime = runtime(true);
    if let Some((directory, _)) = orders() {
        runtime.block_on(take_a_backlog(mode, &directory, backlog));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(folder.path(), "backlog");
    assert_eq!(process.read_after("queued"), backlog.to_string());
    process.read_after("ready");
    let begun = suite::Watch::start();
    process.terminate();
    assert_eq!(process.read_after("spooled"), backlog.to_string());
    let (code, _) = process.end();
    let (took, of_ours) = (begun.elapsed(), begun.of_ours());
    println!("it ended {took:?} after it was told");
    assert_eq!(code, Some(0));
    suite::assert_in_time(of_ours, Duration::from_secs(10));
    runtime.block_on(async {
        let ticks = drain(folder.path()).await;
        assert_exact(&*ticks, backlog).await;
    });
}

#[test]
fn fault_55_second_signal_loses_no_durable_tick() {
    let runtime = runtime(false);
    if let Some((directory, _)) = orders() {
        runtime.block_on(push_until_signal(&directory));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(folder.path(), "hang");
    let mut durable = -1;
    while durable < 20_000 {
        durable = process.read_after("durable").parse().expect("a number");
    }
    process.terminate();
    // a write that hangs delays the end
    process.read_after("stopping");
    process.terminate();
    let (code, took) = process.end();
    assert_eq!(code, Some(AT_ONCE));
    suite::assert_in_time(took, Duration::from_secs(2));
    let found = runtime.block_on(async { all(&*drain(folder.path()).await).await });
    for (index, tick) in (0..).zip(&found) {
        assert_eq!(index_of(tick), index, "one is missing");
    }
    assert!(found.len() as i64 > durable, "{} of {durable}", found.len());
}

/// The peak memory of this process in megabytes; `None` if the system does not report it.
fn most_resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes >> 10)
}

/// Pushes ticks at full speed for five seconds without a database, and ends.
async fn burst(directory: PathBuf) {
    let config = PersisterConfig::default();
    let persister = open(&Arc::default(), config, &settings(&directory)).await;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        for index in count..count + 1_000 {
            persister.push(tick(index)).await.expect("it is open");
        }
        count += 1_000;
        // at most a million per second
        let due = begun + Duration::from_micros(count as u64);
        tokio::time::sleep_until(due.into()).await;
    }
    let report = persister.stop(PLENTY).await;
    assert_eq!(report.unsaved.len(), 0);
    assert_eq!(report.spooled as i64, count);
    print_line(format!("count {count}"));
    let most = most_resident();
    print_line(format!(
        "most {}",
        most.map_or("?".to_owned(), |most| most.to_string())
    ));
}

#[test]
fn fault_56_burst_in_an_outage_stays_in_its_memory() {
    let runtime = runtime(false);
    if let Some((directory, _)) = orders() {
        runtime.block_on(burst(directory));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(folder.path(), "burst");
    let count: i64 = process.read_after("count").parse().expect("a number");
    let most = process.read_after("most");
    assert_eq!(process.end().0, Some(0));
    println!("{} ticks/s into the spool, {most} MB at most", count / 5);
    match most.parse::<u64>() {
        // the queue of 100,000 ticks is 13 MB
        Ok(most) => assert!(most <= 13 + 64, "{most} MB"),
        Err(_) => suite::skip("this system does not say how much memory a process has"),
    }
    runtime.block_on(async {
        let ticks = drain(folder.path()).await;
        assert_exact(&*ticks, count).await;
    });
}
