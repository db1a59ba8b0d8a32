//! Faults of the disk and of memory: 50 and 56. The first wants a file system of its own, so it runs
//! as root and says so where it cannot.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Page, SymbolId, Tick, TickCursor, TimeRange};
use tickbook::ingest::{
    AckLevel, OnFull, PersisterConfig, PersisterHealth, Spool, SpoolConfig, SpoolError, SpoolMode,
    TickPersister,
};
use tickbook::memory::InMemoryTickRepository;
use tickbook::repository::{InsertReceipt, TickQuery, TickRepository};
use tickbook::{Database, RepositoryError};
use tokio::sync::Mutex;

const SYMBOL: SymbolId = SymbolId::new(1);
const PLENTY: Duration = Duration::from_secs(60);

/// The memory of one of them is measured, which the others would disturb.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A memory that can be away.
#[derive(Debug, Default)]
struct Switched {
    stored: InMemoryTickRepository,
    is_there: AtomicBool,
}

#[async_trait]
impl TickRepository for Switched {
    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        if self.is_there.load(Ordering::SeqCst) {
            return self.stored.insert_batch(ticks).await;
        }
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "away".to_owned(),
        })
    }
    async fn range(&self, query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        self.stored.range(query).await
    }
    async fn latest(&self, symbol: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        self.stored.latest(symbol).await
    }
    async fn latest_of(&self, symbols: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        self.stored.latest_of(symbols).await
    }
    async fn as_of(
        &self,
        symbol: SymbolId,
        at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        self.stored.as_of(symbol, at).await
    }
    async fn count(&self, symbol: SymbolId, range: TimeRange) -> Result<u64, RepositoryError> {
        self.stored.count(symbol, range).await
    }
}

fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let price = Decimal::new(100_000 + index, 5);
    Tick::quote(SYMBOL, start + TimeDelta::milliseconds(index), price, price)
}

fn settings(directory: &Path) -> SpoolConfig {
    SpoolConfig {
        mode: SpoolMode::WriteAhead,
        directory: directory.to_owned(),
        max_bytes: 1 << 40,
        on_full: OnFull::Block,
    }
}

async fn open(ticks: &Arc<Switched>, config: PersisterConfig, directory: &Path) -> TickPersister {
    let ticks = Arc::clone(ticks) as Arc<dyn TickRepository>;
    let opened = TickPersister::open(ticks, config, &settings(directory)).await;
    opened.expect("it opens")
}

/// A small file system in memory, gone at the end.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where it cannot be mounted.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Self { folder };
        let option = format!("size={size}");
        disk.run("mount", &["-t", "tmpfs", "-o", &option, "tmpfs"])
            .then_some(disk)
    }

    fn remount(&self, option: &str) -> bool {
        self.run("mount", &["-o", &format!("remount,{option}")])
    }

    /// Until there is no place for anything else. Returns what takes the place.
    fn fill(&self) -> PathBuf {
        let path = self.folder.path().join("ballast");
        let mut file = std::fs::File::create(&path).expect("created");
        for size in [1 << 20, 4096] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        path
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let run = Command::new(program)
            .args(arguments)
            .arg(self.folder.path())
            .output();
        run.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // lazily, since a failed test may still have files open
        self.run("umount", &["-l"]);
    }
}

#[tokio::test]
async fn fault_50_a_disk_that_refuses_writes_makes_nothing_durable_and_loses_nothing() {
    let _alone = ALONE.lock().await;
    let Some(disk) = SmallDisk::mount("64m") else {
        println!("skipped: a disk that refuses writes wants the right to mount one");
        return;
    };
    let ticks = Arc::new(Switched::default());
    let made = Spool::open(&disk.spool(), 1 << 30).await.expect("it opens");
    made.close().await;
    assert!(disk.remount("ro"), "it can be made read-only");
    let refused = Spool::open(&disk.spool(), 1 << 30)
        .await
        .expect_err("read-only");
    assert!(matches!(refused, SpoolError::Io { .. }), "{refused:?}");
    assert!(disk.remount("rw"), "it can be made writable");

    let persister = open(&ticks, PersisterConfig::default(), &disk.spool()).await;
    persister
        .push_with(tick(0), AckLevel::Durable)
        .await
        .expect("the disk works");
    let ballast = disk.fill();
    let mut last = None;
    for index in 1..50_000 {
        last = Some(
            persister
                .push_with_ack(tick(index))
                .await
                .expect("memory has a place"),
        );
    }
    let last = last.expect("there is one");
    let durable = tokio::time::timeout(Duration::from_secs(1), last.wait(AckLevel::Durable));
    assert!(
        durable.await.is_err(),
        "nothing is durable that the disk did not take"
    );
    assert!(matches!(
        persister.health(),
        PersisterHealth::Degraded { .. }
    ));
    std::fs::remove_file(ballast).expect("removed");
    last.wait(AckLevel::Durable)
        .await
        .expect("the disk works again");
    ticks.is_there.store(true, Ordering::SeqCst);
    persister.drain(PLENTY).await.expect("it is there");
    let count = ticks
        .count(SYMBOL, TimeRange::all())
        .await
        .expect("counted");
    assert_eq!(count, 50_000);
    persister.stop(PLENTY).await;
}

/// Megabytes this process has in memory; `None` where nothing tells.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some((pages * 4096) >> 20)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_56_a_burst_without_a_database_stays_within_its_memory() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().expect("a folder");
    let ticks = Arc::new(Switched::default());
    let persister = open(&ticks, PersisterConfig::default(), folder.path()).await;
    let Some(before) = resident() else {
        println!("skipped: this system does not say how much memory a process has");
        return;
    };
    let begun = Instant::now();
    let mut most = before;
    for index in 0..1_000_000 {
        persister.push(tick(index)).await.expect("it is open");
        if index % 10_000 == 0 {
            most = most.max(resident().unwrap_or_default());
        }
    }
    let rate = 1_000_000.0 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} ticks/s into the spool, {before} MB before, {most} MB at most");
    // the queue of 100,000 ticks is 13 MB
    assert!(
        most - before <= 13 + 64,
        "{before} MB before, {most} MB at most"
    );
    let report = persister.stop(Duration::from_secs(10)).await;
    assert_eq!((report.unsaved.len(), report.spooled), (0, 1_000_000));
}

#[tokio::test]
async fn fault_49_a_backlog_is_stored_while_the_disk_is_full() {
    let _alone = ALONE.lock().await;
    let Some(disk) = SmallDisk::mount("32m") else {
        println!("skipped: a full disk wants the right to mount one");
        return;
    };
    let ticks = Arc::new(Switched::default());
    let config = PersisterConfig {
        queue: 1_000,
        batch_size: 100,
        ..PersisterConfig::default()
    };
    let persister = open(&ticks, config, &disk.spool()).await;
    let mut last = None;
    for index in 0..20_000 {
        last = Some(persister.push_with_ack(tick(index)).await.expect("taken"));
    }
    let last = last.expect("there is one");
    last.wait(AckLevel::Durable).await.expect("on the disk");
    let ballast = disk.fill();
    for index in 20_000..20_200 {
        let pushed = persister.push(tick(index)).await;
        pushed.expect("memory has a place");
    }
    ticks.is_there.store(true, Ordering::SeqCst);
    persister
        .drain(PLENTY)
        .await
        .expect("the disk is still full");
    let count = ticks.count(SYMBOL, TimeRange::all()).await;
    assert_eq!(count.expect("counted"), 20_200);
    std::fs::remove_file(ballast).expect("removed");
    persister.stop(PLENTY).await;
}
