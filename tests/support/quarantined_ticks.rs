//! Quarantined ticks, and a quarantine repository that can be unavailable.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rust_decimal::Decimal;
use tickbook::domain::{Page, PageLimit};
use tickbook::domain::{Rule, Tick, Verdict};
use tickbook::ingest::SpoolError;
use tickbook::ingest::quality::Quarantine;
use tickbook::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    QuarantinedTick,
};
use tickbook::{Database, RepositoryError};

use super::double::{Double, QuarantineCalls};
use super::spooling::{index_of, tick};

/// A quarantine repository in memory that is unavailable at first.
pub(crate) type Away = Double<AwayCalls>;

/// The ticks by number, since the tests store many.
#[derive(Debug, Default)]
pub(crate) struct AwayCalls {
    kept: Mutex<BTreeMap<i64, QuarantinedTick>>,
    is_there: AtomicBool,
}

impl AwayCalls {
    pub(crate) fn set_there(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::SeqCst);
    }
}

#[async_trait]
impl QuarantineCalls for AwayCalls {
    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        if !self.is_there.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable {
                database: Database::Timeseries,
                reason: "away".to_owned(),
            });
        }
        let mut kept = self.kept.lock().expect("no panic");
        let before = kept.len();
        for one in ticks {
            kept.entry(index_of(&one.event)).or_insert(one.clone());
        }
        Ok((kept.len() - before) as u64)
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError> {
        let kept = self.kept.lock().expect("no panic");
        let after = query.after.map_or(i64::MIN, |after| after.get() + 1);
        let entries = kept.range(after..).map(|(number, kept)| {
            QuarantineEntry::new(
                QuarantineId::new(*number),
                kept.clone(),
                QuarantineState::Pending,
            )
        });
        let items: Vec<_> = entries.take(query.limit.get()).collect();
        let next = items.last().map(|entry| entry.id);
        Ok(Page::new(items, next))
    }
}

/// The quarantined tick with this number; each has a different verdict.
pub(crate) fn held_back(index: i64) -> QuarantinedTick {
    let tick = tick(index);
    let quarantined_at = tick.tick_time;
    QuarantinedTick::new(
        tick,
        Verdict::new(
            Rule::ALL[index as usize % Rule::ALL.len()],
            Decimal::new(index, 0),
            Decimal::ONE,
        ),
        quarantined_at,
    )
}

pub(crate) async fn open(
    repository: &Arc<dyn QuarantineRepository<Tick>>,
    directory: &Path,
) -> Result<Quarantine, SpoolError> {
    Quarantine::open(Arc::clone(repository), Some(directory)).await
}

/// The numbers of the stored ticks, ascending. Asserts that each is stored once, with its verdict.
pub(crate) async fn numbers(repository: &dyn QuarantineRepository<Tick>) -> Vec<i64> {
    let mut numbers = Vec::new();
    let mut query = QuarantineQuery::default().limit(PageLimit::MAX);
    loop {
        let page = repository.list(&query).await.expect("it is read");
        for entry in page.items {
            let number = index_of(&entry.item.event);
            assert_eq!(entry.item, held_back(number), "a reason nobody gave");
            numbers.push(number);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    numbers.sort_unstable();
    assert!(
        numbers.is_sorted_by(|one, next| one < next),
        "a tick is kept twice"
    );
    numbers
}
