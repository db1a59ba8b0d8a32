//! The loaded parts of the ledgers of recently used accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::append::LoadedLedger;
use crate::domain::AccountId;

/// The largest number of orders, fills and events that are kept.
const MAX_ENTRIES: usize = 200_000;

/// The place of an account. A writer holds it, so that writers of this process follow each other.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<LoadedLedger>>>;

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    slots: HashMap<AccountId, Used>,
    /// The number of uses so far.
    uses: u64,
}

#[derive(Debug)]
struct Used {
    slot: Slot,
    last_use: u64,
    entries: usize,
}

impl Cache {
    // no change panics halfway
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of an account.
    pub(super) fn slot(&self, account_id: AccountId) -> Slot {
        let mut slots = self.lock();
        slots.uses += 1;
        let last_use = slots.uses;
        let used = slots.slots.entry(account_id).or_insert_with(|| Used {
            slot: Slot::default(),
            last_use,
            entries: 0,
        });
        used.last_use = last_use;
        Arc::clone(&used.slot)
    }

    /// Tells how many entries the place of an account has. Forgets the accounts that were not used for longest, until
    /// all have at most [`MAX_ENTRIES`].
    pub(super) fn resize(&self, account_id: AccountId, entries: usize) {
        let mut slots = self.lock();
        if let Some(used) = slots.slots.get_mut(&account_id) {
            used.entries = entries;
        }
        let mut total: usize = slots.slots.values().map(|used| used.entries).sum();
        while total > MAX_ENTRIES {
            let oldest = slots.slots.iter().min_by_key(|(_, used)| used.last_use);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                return;
            };
            let forgotten = slots.slots.remove(&oldest);
            total -= forgotten.map_or(0, |used| used.entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_accounts_are_forgotten_first() {
        let cache = Cache::default();
        let (first, second) = (AccountId::new(1), AccountId::new(2));
        let slot = cache.slot(first);
        cache.resize(first, MAX_ENTRIES / 2);
        let other = cache.slot(second);
        cache.resize(second, MAX_ENTRIES / 2);
        assert!(Arc::ptr_eq(&slot, &cache.slot(first)));
        cache.resize(first, MAX_ENTRIES / 2 + 1);
        assert!(Arc::ptr_eq(&slot, &cache.slot(first)));
        assert!(!Arc::ptr_eq(&other, &cache.slot(second)));
    }
}
