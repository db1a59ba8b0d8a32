//! Copies the events of entries, and those that are missing before them.

use std::collections::BTreeMap;

use tickbook::RepositoryError;

use super::{Relay, metrics};
use crate::domain::AccountId;
use crate::repository::{AccountSequence, EventRange, OutboxEntry};

/// The work of one or more rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayTotals {
    /// Entries that were copied and removed from the outbox.
    pub entries: u64,
    /// Events that are new in the history.
    pub inserted: u64,
    /// Events that were there before.
    pub duplicates: u64,
    /// Events that are not in the journal, because their account was deleted.
    pub absent: u64,
}

impl RelayTotals {
    /// The work of these rounds and of others.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            entries: self.entries + other.entries,
            inserted: self.inserted + other.inserted,
            duplicates: self.duplicates + other.duplicates,
            absent: self.absent + other.absent,
        }
    }
}

/// One range for each account, from the first event that is not copied to the last event of the entries.
fn ranges(entries: &[OutboxEntry], cursors: &BTreeMap<AccountId, i64>) -> Vec<EventRange> {
    let mut ranges: BTreeMap<AccountId, EventRange> = BTreeMap::new();
    for entry in entries {
        let events = entry.events;
        let range = ranges.entry(events.account_id).or_insert(events);
        range.first = range.first.min(events.first);
        range.last = range.last.max(events.last);
    }
    for (account_id, range) in &mut ranges {
        let cursor = cursors.get(account_id).copied().unwrap_or(0);
        // a cursor beyond the entries is no reason to leave their events out: the metadata database may have been
        // replaced by an older one, and events that are there already are not written again
        range.first = range.first.min(cursor + 1);
    }
    ranges.into_values().collect()
}

/// Divides ranges into transactions of at most `max_events` events.
pub(super) fn transactions(ranges: &[EventRange], max_events: u32) -> Vec<Vec<EventRange>> {
    let max_events = i64::from(max_events.max(1));
    let mut found = Vec::new();
    let (mut transaction, mut free) = (Vec::new(), max_events);
    for range in ranges {
        let mut rest = *range;
        while rest.count() > 0 {
            let last = rest.last.min(rest.first + free - 1);
            let part = EventRange { last, ..rest };
            transaction.push(part);
            free -= part.count();
            rest.first = last + 1;
            if free == 0 {
                found.push(std::mem::take(&mut transaction));
                free = max_events;
            }
        }
    }
    if !transaction.is_empty() {
        found.push(transaction);
    }
    found
}

impl Relay {
    /// Copies the first entries, up to the largest number of a round, and removes them.
    ///
    /// # Errors
    /// The first error of a repository. The round may be repeated.
    pub async fn round(&self) -> Result<RelayTotals, RepositoryError> {
        let outbox = &self.repositories.outbox;
        let entries = outbox.entries(self.config.max_entries).await?;
        let Some(last) = entries.last() else {
            return Ok(RelayTotals::default());
        };
        let mut accounts: Vec<_> = entries.iter().map(|it| it.events.account_id).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let cursors = self.repositories.history.cursors(&accounts).await?;
        let mut totals = self.copy(&ranges(&entries, &cursors)).await?;
        let now = self.clock.now();
        for entry in &entries {
            metrics::observe_delay(now - entry.recorded_at);
        }
        outbox.trim(last.position).await?;
        totals.entries = entries.len() as u64;
        Ok(totals)
    }

    /// Copies the events of ranges, one for each account, and sets the cursors to their ends.
    pub(super) async fn copy(&self, ranges: &[EventRange]) -> Result<RelayTotals, RepositoryError> {
        let mut totals = RelayTotals::default();
        for transaction in transactions(ranges, self.config.max_events) {
            let events = self.repositories.outbox.events(&transaction).await?;
            let cursors: Vec<_> = transaction
                .iter()
                .map(|range| AccountSequence::new(range.account_id, range.last))
                .collect();
            let receipt = self.repositories.history.write(&events, &cursors).await?;
            let expected: i64 = transaction.iter().map(EventRange::count).sum();
            let absent = u64::try_from(expected).unwrap_or(0);
            let absent = absent.saturating_sub(events.len() as u64);
            if absent > 0 {
                tracing::warn!(absent, "events of the outbox are not in the journal");
            }
            metrics::count_events(receipt);
            totals = totals.plus(RelayTotals {
                entries: 0,
                inserted: receipt.inserted,
                duplicates: receipt.duplicates,
                absent,
            });
        }
        Ok(totals)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::repository::OutboxPosition;

    const A: AccountId = AccountId::new(1);
    const B: AccountId = AccountId::new(2);

    fn entry(id: i64, account_id: AccountId, first: i64, last: i64) -> OutboxEntry {
        let events = EventRange::new(account_id, first, last);
        OutboxEntry::new(OutboxPosition::new(id, id), events, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn ranges_begin_after_the_cursor_or_earlier() {
        let entries = [entry(1, A, 4, 5), entry(2, B, 1, 1), entry(3, A, 6, 9)];
        let from = |cursor| {
            let cursors = BTreeMap::from([(A, cursor), (B, 0)]);
            ranges(&entries, &cursors)[0]
        };
        assert_eq!(from(3), EventRange::new(A, 4, 9));
        // events are missing in the history
        assert_eq!(from(1), EventRange::new(A, 2, 9));
        // the history is ahead
        assert_eq!(from(20), EventRange::new(A, 4, 9));
        let none = ranges(&entries, &BTreeMap::new());
        assert_eq!(none, [EventRange::new(A, 1, 9), EventRange::new(B, 1, 1)]);
    }

    #[test]
    fn transactions_have_at_most_so_many_events() {
        let ranges = [EventRange::new(A, 1, 7), EventRange::new(B, 3, 3)];
        let parts = transactions(&ranges, 3);
        assert_eq!(
            parts,
            [
                vec![EventRange::new(A, 1, 3)],
                vec![EventRange::new(A, 4, 6)],
                vec![EventRange::new(A, 7, 7), EventRange::new(B, 3, 3)],
            ]
        );
        assert_eq!(transactions(&ranges, 8), [ranges.to_vec()]);
        assert_eq!(transactions(&ranges, 0).len(), 8);
        assert_eq!(transactions(&[], 3), Vec::<Vec<EventRange>>::new());
    }
}
