//! Quarantined ticks reach the quarantine despite failures.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;

use super::*;
use crate::domain::{Rule, SymbolId, Tick, Verdict};
use crate::double::{Double, QuarantineCalls};
use crate::error::{Database, RepositoryError};
use crate::ingest::{Spool, TickSpool};
use crate::memory::InMemoryQuarantineRepository;
use crate::repository::{QuarantineQuery, QuarantineRepository, QuarantinedTick};

/// A quarantine repository that can be made unavailable.
type Shaky = Double<ShakyCalls>;

#[derive(Debug, Default)]
struct ShakyCalls {
    inner: InMemoryQuarantineRepository,
    away: AtomicBool,
    hangs: AtomicBool,
}

#[async_trait]
impl QuarantineCalls for ShakyCalls {
    fn quarantine_behind(&self) -> &dyn QuarantineRepository<Tick> {
        &self.inner
    }

    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable {
                database: Database::Timeseries,
                reason: "gone".to_owned(),
            });
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.inner.put(ticks).await
    }
}

fn kept(index: i64) -> QuarantinedTick {
    let time = DateTime::UNIX_EPOCH + TimeDelta::days(16_000) + TimeDelta::microseconds(index);
    QuarantinedTick {
        event: Tick::quote(
            SymbolId::new(7),
            time,
            Decimal::new(-index, 5),
            Decimal::ONE,
        )
        .with_received_at((index % 2 == 0).then_some(time)),
        verdict: Verdict {
            rule: Rule::ALL[index as usize % Rule::ALL.len()],
            observed: Decimal::new(index, 3),
            limit: Decimal::ZERO,
        },
        quarantined_at: time,
    }
}

async fn stored(repository: &Shaky) -> Vec<QuarantinedTick> {
    let query = QuarantineQuery {
        limit: crate::domain::PageLimit::MAX,
        ..QuarantineQuery::default()
    };
    let page = repository.list(&query).await.expect("memory");
    page.items.into_iter().map(|entry| entry.item).collect()
}

fn normalized(range: std::ops::Range<i64>) -> Vec<QuarantinedTick> {
    let ticks: Vec<_> = range.map(kept).collect();
    crate::repository::normalized_quarantine(&ticks).expect("valid")
}

async fn open(repository: &Arc<Shaky>, directory: Option<&Path>) -> Quarantine {
    let opened = Quarantine::open(Arc::clone(repository) as _, directory).await;
    opened.expect("it opens")
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn quarantined_ticks_keep_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    for directory in [None, Some(folder.path())] {
        let repository = Arc::new(Shaky::default());
        let quarantine = open(&repository, directory).await;
        for index in 0..3_000 {
            quarantine.push(kept(index)).await.expect("open");
        }
        assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(0, 0));
        assert_eq!(quarantine.push(kept(0)).await, Err(QuarantineClosed));
        assert_eq!(stored(&repository).await, normalized(0..3_000));
    }
}

#[tokio::test]
async fn unstored_ticks_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Arc::new(Shaky::default());
    repository.away.store(true, Ordering::SeqCst);
    let quarantine = open(&repository, Some(folder.path())).await;
    for index in 0..2_500 {
        quarantine.push(kept(index)).await.expect("open");
    }
    assert_eq!(
        quarantine.stop(PATIENCE).await,
        QuarantineReport::new(2_500, 0)
    );
    assert!(Quarantine::<Tick>::exists(folder.path()));
    repository.away.store(false, Ordering::SeqCst);
    let quarantine = open(&repository, Some(folder.path())).await;
    quarantine.push(kept(2_500)).await.expect("open");
    assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(0, 0));
    assert_eq!(stored(&repository).await, normalized(0..2_501));
}

#[tokio::test]
async fn outage_ends_by_itself() {
    let repository = Arc::new(Shaky::default());
    repository.away.store(true, Ordering::SeqCst);
    let quarantine = open(&repository, None).await;
    quarantine.push(kept(1)).await.expect("open");
    let until = async |count| {
        while quarantine.waiting() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waits = tokio::time::timeout(PATIENCE, until(1)).await;
    waits.expect("it waits");
    repository.away.store(false, Ordering::SeqCst);
    let put = tokio::time::timeout(PATIENCE, until(0)).await;
    put.expect("it is stored");
    assert_eq!(stored(&repository).await, normalized(1..2));
}

#[tokio::test]
async fn ticks_in_memory_are_reported_as_lost() {
    let repository = Arc::new(Shaky::default());
    repository.away.store(true, Ordering::SeqCst);
    let quarantine = open(&repository, None).await;
    quarantine.push(kept(1)).await.expect("open");
    let report = quarantine.stop(Duration::from_millis(300)).await;
    assert_eq!(report, QuarantineReport::new(0, 1));
}

/// A tick that no quarantine can store.
fn impossible(index: i64) -> QuarantinedTick {
    let mut impossible = kept(index);
    impossible.event.sequence = -1;
    impossible
}

#[tokio::test]
async fn invalid_tick_blocks_no_other_tick() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Arc::new(Shaky::default());
    let quarantine = open(&repository, Some(folder.path())).await;
    for tick in [kept(1), impossible(2), kept(3)] {
        quarantine.push(tick).await.expect("open");
    }
    assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(0, 0));
    assert_eq!(
        stored(&repository).await,
        [normalized(1..2), normalized(3..4)].concat()
    );
    let spool = folder.path().join("quarantine");
    let spool = Spool::<QuarantinedTick>::open(&spool, 1 << 30).await;
    let letters = spool.expect("it opens").dead_letters().await.expect("read");
    let letters: Vec<_> = letters.into_iter().map(|it| it.letter.record).collect();
    assert_eq!(letters, [impossible(2)]);
}

#[tokio::test]
async fn spools_of_ticks_and_quarantine_are_not_confused() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Arc::new(Shaky::default());
    repository.away.store(true, Ordering::SeqCst);
    let quarantine = open(&repository, Some(folder.path())).await;
    quarantine.push(kept(1)).await.expect("open");
    assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(1, 0));
    let spool = folder.path().join("quarantine");
    let refused = TickSpool::open(&spool, 1 << 30).await;
    let refused = refused.expect_err("it holds no ticks").to_string();
    assert!(
        refused.contains("holds quarantined ticks, not ticks"),
        "{refused}"
    );
    repository.away.store(false, Ordering::SeqCst);
    let quarantine = open(&repository, Some(folder.path())).await;
    assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(0, 0));
    assert_eq!(
        stored(&repository).await,
        normalized(1..2),
        "it was not changed"
    );
}

#[tokio::test]
async fn end_of_a_quarantine_can_be_waited_for() {
    let quarantine = open(&Arc::default(), None).await;
    quarantine.push(kept(1)).await.expect("open");
    let short = Duration::from_millis(50);
    let waited = tokio::time::timeout(short, quarantine.ended()).await;
    assert!(waited.is_err(), "it works");
    assert_eq!(quarantine.stop(PATIENCE).await, QuarantineReport::new(0, 0));
    let waited = tokio::time::timeout(PATIENCE, quarantine.ended()).await;
    waited.expect("it ended");
}

/// A database that hangs gets one call, regardless of the clock.
#[tokio::test(start_paused = true)]
async fn wait_of_a_stop_is_a_year_at_most() {
    let repository = Arc::new(Shaky::default());
    repository.hangs.store(true, Ordering::SeqCst);
    let quarantine = open(&repository, None).await;
    quarantine.push(kept(1)).await.expect("open");
    let begun = tokio::time::Instant::now();
    quarantine.stop(Duration::MAX).await;
    let days = begun.elapsed().as_secs() / 86_400;
    assert_eq!(days, 365);
}
