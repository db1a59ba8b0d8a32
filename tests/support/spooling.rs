//! What the tests of a persister with a spool share: ticks, a memory that can be away, processes of
//! their own.

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

/// A memory that is away at first.
pub(crate) type Switched = Double<Switch>;

#[derive(Debug, Default)]
pub(crate) struct Switch {
    stored: InMemoryTickRepository,
    is_there: AtomicBool,
    /// Writes never end, rather than fail.
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

/// The tick of this number, a millisecond after the one before.
pub(crate) fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let price = Decimal::new(100_000 + index, 5);
    Tick::quote(SYMBOL, start + TimeDelta::milliseconds(index), price, price)
}

/// Of a tick that somebody stored, whose values have to be those it was made with.
pub(crate) fn index_of(found: &Tick) -> i64 {
    let index = (found.tick_time - tick(0).tick_time).num_milliseconds();
    assert_eq!(*found, tick(index), "a tick nobody wrote");
    index
}

/// Writing ahead, without a limit but the disk's.
pub(crate) fn settings(directory: &Path) -> SpoolConfig {
    settings_of(SpoolMode::WriteAhead, directory)
}

/// Without a limit but the disk's.
pub(crate) fn settings_of(mode: SpoolMode, directory: &Path) -> SpoolConfig {
    SpoolConfig::new(directory.to_owned())
        .mode(mode)
        .max_bytes(1 << 40)
}

/// Small, so that many batches are on their way when a process is killed.
pub(crate) fn many_batches() -> PersisterConfig {
    PersisterConfig::default()
        .batch_size(50)
        .flush_interval(Duration::from_millis(5))
        .queue(5_000)
}

/// So many are pushed before the numbers of those that are durable are printed.
pub(crate) const TOGETHER: usize = 20;

/// Pushes ticks from number `first` on until the process is killed; prints the number of each once
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

/// Opens one; waits for the disk of one that was stopped in this process, whose thread may be busy
/// with it for some time more.
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

/// All that is stored.
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

/// Checks that the ticks of these numbers are stored, each with its values, and no others.
pub(crate) async fn assert_exact(ticks: &dyn TickRepository, count: i64) {
    let found = all(ticks).await;
    for (index, found) in (0..).zip(&found) {
        assert_eq!(*found, tick(index), "one is missing or another");
    }
    assert_eq!(found.len() as i64, count);
}
