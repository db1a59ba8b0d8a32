//! In-memory quarantine, in the order of arrival.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;

use super::{read, write};
use crate::domain::{MarketEvent, Page, Tick};
use crate::error::RepositoryError;
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    Quarantined, Resolution, dedup_sorted_ids, normalized_quarantine,
};

/// Quarantined ticks or trades in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryQuarantineRepository<E: MarketEvent = Tick> {
    table: Arc<RwLock<QuarantineTable<E>>>,
}

impl<E: MarketEvent> Default for InMemoryQuarantineRepository<E> {
    fn default() -> Self {
        let table = QuarantineTable {
            entries: Vec::new(),
            by_key: HashMap::new(),
        };
        Self {
            table: Arc::new(RwLock::new(table)),
        }
    }
}

struct QuarantineTable<E: MarketEvent> {
    /// By id. Ids start at 1.
    entries: Vec<QuarantineEntry<E>>,
    /// Indexes into `entries`.
    by_key: HashMap<E::Key, Vec<usize>>,
}

impl<E: MarketEvent> QuarantineTable<E> {
    /// Adds an event. Returns whether it is new.
    fn put(&mut self, item: Quarantined<E>) -> bool {
        let places = self.by_key.entry(item.event.key()).or_default();
        let is_same = |place: &usize| {
            let other = &self.entries[*place].item.event;
            other.has_content_of(&item.event) && other.occurrence() == item.event.occurrence()
        };
        if places.iter().any(is_same) {
            return false;
        }
        places.push(self.entries.len());
        let id = QuarantineId::new(self.entries.len() as i64 + 1);
        let state = QuarantineState::Pending;
        self.entries.push(QuarantineEntry { id, item, state });
        true
    }
}

impl<E: MarketEvent> InMemoryQuarantineRepository<E> {
    /// Creates an empty quarantine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<E: MarketEvent> fmt::Debug for InMemoryQuarantineRepository<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryQuarantineRepository")
            .field("entries", &read(&self.table).entries.len())
            .finish()
    }
}

#[async_trait]
impl<E: MarketEvent> QuarantineRepository<E> for InMemoryQuarantineRepository<E> {
    async fn put(&self, events: &[Quarantined<E>]) -> Result<u64, RepositoryError> {
        let events = normalized_quarantine(events)?;
        let mut table = write(&self.table);
        let is_new = events.into_iter().map(|event| table.put(event));
        Ok(is_new.filter(|is_new| *is_new).count() as u64)
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry<E>, QuarantineId>, RepositoryError> {
        let is_asked_for = |entry: &&QuarantineEntry<E>| {
            let (event, verdict) = (&entry.item.event, &entry.item.verdict);
            query.symbol_id.is_none_or(|id| event.symbol_id() == id)
                && query.rule.is_none_or(|rule| verdict.rule == rule)
                && query.state.is_none_or(|state| entry.state == state)
                && query.range.contains(event.time())
                && query.after.is_none_or(|after| entry.id > after)
        };
        let table = read(&self.table);
        let found = table.entries.iter().filter(is_asked_for);
        let items = found.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_limit_plus_one(items, query.limit, |entry| {
            entry.id
        }))
    }

    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry<E>>, RepositoryError> {
        let ids = dedup_sorted_ids(ids)?;
        let table = read(&self.table);
        let found = table
            .entries
            .iter()
            .filter(|entry| ids.binary_search(&entry.id.get()).is_ok());
        Ok(found.cloned().collect())
    }

    async fn resolve(
        &self,
        ids: &[QuarantineId],
        resolution: Resolution,
    ) -> Result<u64, RepositoryError> {
        let ids = dedup_sorted_ids(ids)?;
        let mut changed = 0;
        for entry in write(&self.table).entries.iter_mut() {
            let is_pending = entry.state == QuarantineState::Pending;
            if is_pending && ids.binary_search(&entry.id.get()).is_ok() {
                entry.state = resolution.state();
                changed += 1;
            }
        }
        Ok(changed)
    }
}
