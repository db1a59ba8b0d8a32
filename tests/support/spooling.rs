//! Support for tests of a persister with a spool: ticks, a repository that can be unavailable, and
//! separate processes.

pub(crate) mod process;
pub(crate) mod small_disk;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tickbook::domain::{PageLimit, SymbolId, Tick, TimeRange};
use tickbook::ingest::{
    AckLevel, PersisterConfig, SpoolConfig, SpoolError, SpoolMode, TickPersister,
};
use tickbook::memory::InMemoryTickRepository;
use tickbook::repository::{InsertReceipt, TickQuery, TickRepository};
use tickbook::{Database, RepositoryError};

use super::double::{Double, TickCalls};

pub(crate) const SYMBOL: SymbolId = SymbolId::new(1);

/// A tick repository in memory that is unavailable at first.
pub(crate) type Switched = Double<Switch>;

#[derive(Debug, Default)]
pub(crate) struct Switch {
    stored: InMemoryTickRepository,
    is_there: AtomicBool,
    /// Writes hang instead of failing.
    hangs: AtomicBool,
}

impl Switched {
    pub(crate) fn present() -> Self {
        let memory = Self::default();
        memory.set_there(true);
        memory
    }

    pub(crate) fn hanging() -> Self {
        let memory = Self::default();
        memory.hangs.store(true, Ordering::SeqCst);
        memory
    }
}

impl Switch {
    pub(crate) fn set_there(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::SeqCst);
    }
}

#[async_trait]
impl TickCalls for Switch {
    fn ticks_behind(&self) -> &dyn TickRepository {
        &self.stored
    }

    async fn insert_batch(&self, ticks: &[Tick]) -> Result<InsertReceipt, RepositoryError> {
        if self.hangs.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        if self.is_there.load(Ordering::SeqCst) {
            return self.stored.insert_batch(ticks).await;
        }
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "away".to_owned(),
        })
    }
}

/// The tick with this number; consecutive ticks are one millisecond apart.
pub(crate) fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let price = Decimal::new(100_000 + index, 5);
    Tick::quote(SYMBOL, start + TimeDelta::milliseconds(index), price, price)
}

/// The number of a stored tick. Asserts that its values are those of [`tick`].
pub(crate) fn index_of(found: &Tick) -> i64 {
    let index = (found.tick_time - tick(0).tick_time).num_milliseconds();
    assert_eq!(*found, tick(index), "a tick nobody wrote");
    index
}

/// Settings of a write-ahead spool that only the disk limits.
pub(crate) fn settings(directory: &Path) -> SpoolConfig {
    settings_of(SpoolMode::WriteAhead, directory)
}

/// Settings of a spool that only the disk limits.
pub(crate) fn settings_of(mode: SpoolMode, directory: &Path) -> SpoolConfig {
    SpoolConfig::new(directory.to_owned())
        .mode(mode)
        .max_bytes(1 << 40)
}

/// Small batches, so that many of them are being written when a process is killed.
pub(crate) fn many_batches() -> PersisterConfig {
    PersisterConfig::default()
        .batch_size(50)
        .flush_interval(Duration::from_millis(5))
        .queue(5_000)
}

/// The number of ticks to push before the numbers of the durable ones are printed.
pub(crate) const TOGETHER: usize = 20;

/// Pushes ticks from number `first` on until the process is killed. Prints the number of each tick when
/// it is durable.
pub(crate) async fn push_until_killed(persister: &TickPersister, first: i64) {
    let mut acks = Vec::new();
    for index in first.. {
        let ack = persister.push_with_ack(tick(index)).await;
        acks.push((index, ack.expect("open")));
        if acks.len() == TOGETHER {
            for (index, ack) in acks.drain(..) {
                ack.wait(AckLevel::Durable).await.expect("the disk works");
                println!("{index}");
            }
        }
    }
}

/// Opens a persister. Waits if a persister that was stopped in this process is still closing the spool.
pub(crate) async fn open(
    ticks: &Arc<Switched>,
    config: PersisterConfig,
    spool: &SpoolConfig,
) -> TickPersister {
    let deadline = Instant::now() + Duration::from_secs(20);
    let own = Some(std::process::id());
    loop {
        let ticks = Arc::clone(ticks) as Arc<dyn TickRepository>;
        match TickPersister::open(ticks, config.clone(), spool).await {
            Ok(persister) => return persister,
            Err(SpoolError::Locked { pid, .. }) if pid == own && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// All stored ticks.
pub(crate) async fn all(ticks: &dyn TickRepository) -> Vec<Tick> {
    let mut found = Vec::new();
    let mut query = TickQuery::new(SYMBOL, TimeRange::all()).limit(PageLimit::MAX);
    loop {
        let page = ticks.range(&query).await.expect("memory is read");
        found.extend(page.items);
        match page.next {
            None => return found,
            next => query.after = next,
        }
    }
}

/// Asserts that exactly the first `count` ticks are stored, each with its values.
pub(crate) async fn assert_exact(ticks: &dyn TickRepository, count: i64) {
    let found = all(ticks).await;
    for (index, found) in (0..).zip(&found) {
        assert_eq!(*found, tick(index), "one is missing or another");
    }
    assert_eq!(found.len() as i64, count);
}
