//! Finds events that only the history has.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, TimeRange};

use super::RelayRepositories;
use crate::domain::{AccountId, OrderId, RecordedEvent};
use crate::repository::{EventRange, HistoryQuery};

/// The history of an account compared with its journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountComparison {
    /// The number of events in the history.
    pub copied: u64,
    /// Events of the history that the journal does not have, by the time of their booking. The metadata database lost
    /// them: append them again, or ask the venue.
    pub surplus: Vec<RecordedEvent>,
}

/// The parts of an event that the history and the journal have in common.
type Identity = (i64, DateTime<Utc>, OrderId);

fn identity(recorded: &RecordedEvent) -> Identity {
    (
        recorded.sequence,
        recorded.recorded_at,
        recorded.order_id.clone(),
    )
}

/// Reads the history of an account, and returns the events that its journal does not have: no event has the number, or
/// the event with the number was booked at another time or has other content.
///
/// Events that are not copied yet are no difference. An account that does not exist has an empty journal.
///
/// # Errors
/// The first error of a repository.
pub async fn compare_account(
    repositories: &RelayRepositories,
    account_id: AccountId,
) -> Result<AccountComparison, RepositoryError> {
    let mut found = AccountComparison::default();
    let mut query = HistoryQuery::new(account_id, TimeRange::all()).limit(PageLimit::MAX);
    loop {
        let page = repositories.history.events(&query).await?;
        found.copied += page.items.len() as u64;
        let ranges = page.items.iter();
        let ranges = ranges.map(|it| EventRange::new(account_id, it.sequence, it.sequence));
        let ranges: Vec<_> = ranges.collect();
        let journal = repositories.outbox.events(&ranges).await?;
        let journal: BTreeMap<Identity, RecordedEvent> = journal
            .into_iter()
            .map(|event| (identity(&event.recorded), event.recorded))
            .collect();
        let is_known = |copy: &RecordedEvent| {
            let original = journal.get(&identity(copy));
            original.is_some_and(|original| original.event.digest() == copy.event.digest())
        };
        found
            .surplus
            .extend(page.items.into_iter().filter(|copy| !is_known(copy)));
        query.after = page.next;
        if query.after.is_none() {
            return Ok(found);
        }
    }
}
