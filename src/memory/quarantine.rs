//! In-memory quarantine, in the order of arrival.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;

use super::{read, write};
use crate::domain::{Page, TickKey};
use crate::error::RepositoryError;
use crate::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineRepository, QuarantineState,
    QuarantinedTick, different_ids, normalized_quarantine,
};

/// Quarantined ticks in memory. Clones share them.
#[derive(Clone, Default)]
pub struct InMemoryQuarantineRepository {
    kept: Arc<RwLock<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// By id. Ids start at 1.
    entries: Vec<QuarantineEntry>,
    /// Indexes into `entries`.
    by_key: HashMap<TickKey, Vec<usize>>,
}

impl Kept {
    /// Adds a tick. Returns whether it is new.
    fn put(&mut self, kept: QuarantinedTick) -> bool {
        let places = self.by_key.entry(kept.tick.key()).or_default();
        let is_same = |place: &usize| {
            let other = &self.entries[*place].kept.tick;
            other.has_content_of(&kept.tick) && other.occurrence == kept.tick.occurrence
        };
        if places.iter().any(is_same) {
            return false;
        }
        places.push(self.entries.len());
        let id = QuarantineId::new(self.entries.len() as i64 + 1);
        let state = QuarantineState::Pending;
        self.entries.push(QuarantineEntry { id, kept, state });
        true
    }
}

impl InMemoryQuarantineRepository {
    /// Creates an empty quarantine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for InMemoryQuarantineRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryQuarantineRepository")
            .field("entries", &read(&self.kept).entries.len())
            .finish()
    }
}

#[async_trait]
impl QuarantineRepository for InMemoryQuarantineRepository {
    async fn put(&self, ticks: &[QuarantinedTick]) -> Result<u64, RepositoryError> {
        let ticks = normalized_quarantine(ticks)?;
        let mut kept = write(&self.kept);
        let is_new = ticks.into_iter().map(|tick| kept.put(tick));
        Ok(is_new.filter(|is_new| *is_new).count() as u64)
    }

    async fn list(
        &self,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantineEntry, QuarantineId>, RepositoryError> {
        let is_asked_for = |entry: &&QuarantineEntry| {
            let (tick, verdict) = (&entry.kept.tick, &entry.kept.verdict);
            query.symbol_id.is_none_or(|id| tick.symbol_id == id)
                && query.rule.is_none_or(|rule| verdict.rule == rule)
                && query.state.is_none_or(|state| entry.state == state)
                && query.range.contains(tick.tick_time)
                && query.after.is_none_or(|after| entry.id > after)
        };
        let kept = read(&self.kept);
        let found = kept.entries.iter().filter(is_asked_for);
        let items = found.take(query.limit.get() + 1).cloned().collect();
        Ok(Page::from_overfull(items, query.limit, |entry| entry.id))
    }

    async fn get(&self, ids: &[QuarantineId]) -> Result<Vec<QuarantineEntry>, RepositoryError> {
        let ids = different_ids(ids)?;
        let kept = read(&self.kept);
        let found = kept
            .entries
            .iter()
            .filter(|entry| ids.binary_search(&entry.id.get()).is_ok());
        Ok(found.cloned().collect())
    }

    async fn decide(
        &self,
        ids: &[QuarantineId],
        state: QuarantineState,
    ) -> Result<u64, RepositoryError> {
        let ids = different_ids(ids)?;
        if state == QuarantineState::Pending {
            return Ok(0);
        }
        let mut changed = 0;
        for entry in write(&self.kept).entries.iter_mut() {
            let is_pending = entry.state == QuarantineState::Pending;
            if is_pending && ids.binary_search(&entry.id.get()).is_ok() {
                entry.state = state;
                changed += 1;
            }
        }
        Ok(changed)
    }
}
