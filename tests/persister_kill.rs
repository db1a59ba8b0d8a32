//! Faults 41, 45 and 52: a writing process is killed at random instants, and what it was told to be
//! durable is there after the next start.
//!
//! This binary starts itself as the process that writes: `TICKBOOK_KILL_CHILD` is the directory of
//! its spool. `TICKBOOK_KILLS` says how often it is killed, `TICKBOOK_SEED` when.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Page, PageLimit, SymbolId, Tick, TickCursor, TimeRange};
use tickbook::ingest::{AckLevel, OnFull, PersisterConfig, SpoolConfig, SpoolMode, TickPersister};
use tickbook::repository::{InsertReceipt, TickQuery, TickRepository};
use tickbook::{Database, Repositories, RepositoryError};

const CHILD: &str = "TICKBOOK_KILL_CHILD";
const FIRST: &str = "TICKBOOK_KILL_FIRST";
const SYMBOL: SymbolId = SymbolId::new(1);

/// A database that is away.
#[derive(Debug)]
struct Away;

impl Away {
    fn error() -> RepositoryError {
        RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "away".to_owned(),
        }
    }
}

#[async_trait]
impl TickRepository for Away {
    async fn insert_batch(&self, _ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        Err(Self::error())
    }
    async fn range(&self, _query: &TickQuery) -> Result<Page<Tick, TickCursor>, RepositoryError> {
        Err(Self::error())
    }
    async fn latest(&self, _symbol: SymbolId) -> Result<Option<Tick>, RepositoryError> {
        Err(Self::error())
    }
    async fn latest_of(&self, _symbols: &[SymbolId]) -> Result<Vec<Tick>, RepositoryError> {
        Err(Self::error())
    }
    async fn as_of(
        &self,
        _symbol: SymbolId,
        _at: DateTime<Utc>,
    ) -> Result<Option<Tick>, RepositoryError> {
        Err(Self::error())
    }
    async fn count(&self, _symbol: SymbolId, _range: TimeRange) -> Result<u64, RepositoryError> {
        Err(Self::error())
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
        max_bytes: 1 << 30,
        on_full: OnFull::Block,
    }
}

fn config() -> PersisterConfig {
    PersisterConfig {
        batch_size: 50,
        flush_interval: Duration::from_millis(5),
        queue: 5_000,
        ..PersisterConfig::default()
    }
}

/// Writes until it is killed; prints the number of each tick once it is durable.
async fn write_until_killed(directory: &Path, first: i64) {
    let opened = TickPersister::open(Arc::new(Away), config(), &settings(directory)).await;
    let persister = opened.expect("the lock of a killed process is no obstacle");
    let mut acks = Vec::new();
    for index in first.. {
        acks.push((
            index,
            persister.push_with_ack(tick(index)).await.expect("open"),
        ));
        if acks.len() == 20 {
            for (index, ack) in acks.drain(..) {
                ack.wait(AckLevel::Durable).await.expect("the disk works");
                println!("{index}");
            }
            std::io::stdout().flush().expect("somebody reads");
        }
    }
}

/// Lets a child write from `first` on and kills it after `patience`. Returns what it said.
fn kill_one(directory: &Path, first: i64, patience: Duration) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["fault_45", "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .env(FIRST, first.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    let reading = std::thread::spawn(move || {
        let lines = stdout.lines().map_while(Result::ok);
        lines.filter_map(|line| line.parse().ok()).collect()
    });
    // the instant is random, it waits for nothing
    std::thread::sleep(patience);
    child.kill().expect("kill -9");
    child.wait().expect("its end");
    reading.join().expect("the journal")
}

#[test]
fn fault_45_a_killed_process_loses_no_durable_tick() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some(directory) = std::env::var_os(CHILD) {
        let first = std::env::var(FIRST)
            .expect("given")
            .parse()
            .expect("a number");
        runtime.block_on(write_until_killed(Path::new(&directory), first));
        return;
    }
    let number = |name: &str, default: u64| {
        let text = std::env::var(name).ok();
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let kills = number("TICKBOOK_KILLS", 20);
    let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
    println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={kills}");
    let mut random = seed | 1;
    let folder = tempfile::tempdir().expect("a folder");
    let mut durable = BTreeSet::new();
    for round in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // from before it has opened the spool to the middle of its writes
        let patience = Duration::from_micros(1_000 + random % 150_000);
        let first = i64::try_from(round).expect("small") * 1_000_000;
        durable.extend(kill_one(folder.path(), first, patience));
    }
    assert!(
        durable.len() > 100,
        "only {} ticks were durable",
        durable.len()
    );

    let stored = runtime.block_on(async {
        let ticks = Repositories::in_memory().ticks;
        let settings = settings(folder.path());
        let opened = TickPersister::open(Arc::clone(&ticks), config(), &settings);
        let persister = opened
            .await
            .expect("the lock of a killed process is no obstacle");
        let content = persister.spool_content().expect("there is one");
        assert_eq!(content.quarantined, 0);
        let report = persister.stop(Duration::from_secs(60)).await;
        assert_eq!((report.unsaved.len(), report.spooled), (0, 0));
        let stats = report.stats;
        assert_eq!(
            (stats.conflicts, stats.rejected, stats.duplicates),
            (0, 0, 0)
        );
        all(&*ticks).await
    });
    for found in &stored {
        let start = tick(0).tick_time;
        let index = (found.tick_time - start).num_milliseconds();
        assert_eq!(*found, tick(index), "a tick nobody wrote");
        durable.remove(&index);
    }
    assert!(
        durable.is_empty(),
        "{} durable ticks are lost: {durable:?}",
        durable.len()
    );
    println!("{kills} kills, {} ticks stored", stored.len());
}

async fn all(ticks: &dyn TickRepository) -> Vec<Tick> {
    let mut found = Vec::new();
    let mut query = TickQuery {
        limit: PageLimit::MAX,
        ..TickQuery::new(SYMBOL, TimeRange::all())
    };
    loop {
        let page = ticks.range(&query).await.expect("memory is read");
        found.extend(page.items);
        match page.next {
            None => return found,
            next => query.after = next,
        }
    }
}
