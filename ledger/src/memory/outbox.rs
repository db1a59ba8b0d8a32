//! The outbox in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, PageLimit};

use super::store::{InMemoryLedger, Outbox, StoredAccount};
use crate::domain::{AccountId, HistoryEvent};
use crate::repository::{
    AccountSequence, EventRange, OutboxBacklog, OutboxEntry, OutboxPosition, OutboxRepository,
    merged_ranges,
};

impl Outbox {
    /// Adds events that were booked now. Each call is a transaction of its own.
    pub(super) fn add(&mut self, events: EventRange, now: DateTime<Utc>) {
        self.last += 1;
        let position = OutboxPosition::new(self.last, self.last);
        self.entries.push(OutboxEntry::new(position, events, now));
    }
}

/// The event with this number.
fn history_event(account: &StoredAccount, sequence: i64) -> Option<HistoryEvent> {
    let index = usize::try_from(sequence - 1).ok()?;
    let recorded = account.journal.get(index)?;
    // an order keeps its instrument, side and strategy
    let terms = &account.ledger.order(&recorded.order_id)?.terms;
    let owner = account.ledger.account();
    let venue = recorded.event.venue.as_ref().unwrap_or(&owner.terms.venue);
    let event = HistoryEvent::new(
        owner.account_id,
        recorded.clone(),
        terms.symbol_id,
        terms.side,
        venue.clone(),
    );
    let position = account.positions_after.get(index).cloned().flatten();
    Some(
        event
            .with_strategy(terms.strategy_id)
            .with_position(position),
    )
}

#[async_trait]
impl OutboxRepository for InMemoryLedger {
    async fn entries(&self, limit: PageLimit) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let outbox = self.outbox();
        Ok(outbox.entries.iter().take(limit.get()).copied().collect())
    }

    async fn events(&self, ranges: &[EventRange]) -> Result<Vec<HistoryEvent>, RepositoryError> {
        let stored = self.read();
        let mut events = Vec::new();
        for range in merged_ranges(ranges) {
            let Some(account) = stored.get(&range.account_id) else {
                continue;
            };
            let last = range.last.min(account.ledger.sequence());
            let numbers = range.first..=last;
            events.extend(numbers.filter_map(|number| history_event(account, number)));
        }
        Ok(events)
    }

    async fn heads(
        &self,
        after: Option<AccountId>,
        limit: PageLimit,
    ) -> Result<Page<AccountSequence, AccountId>, RepositoryError> {
        let stored = self.read();
        let heads = stored
            .iter()
            .filter(|(id, _)| after.is_none_or(|after| **id > after));
        let heads = heads.map(|(id, account)| AccountSequence::new(*id, account.ledger.sequence()));
        let items = heads.take(limit.get() + 1).collect();
        Ok(Page::from_limit_plus_one(
            items,
            limit,
            |head: &AccountSequence| head.account_id,
        ))
    }

    async fn trim(&self, position: OutboxPosition) -> Result<u64, RepositoryError> {
        let mut outbox = self.outbox();
        let before = outbox.entries.len();
        outbox.entries.retain(|entry| entry.position > position);
        Ok((before - outbox.entries.len()) as u64)
    }

    async fn backlog(&self) -> Result<OutboxBacklog, RepositoryError> {
        let outbox = self.outbox();
        let oldest = outbox.entries.first().map(|entry| entry.recorded_at);
        // a call of `append` is one step, so no transaction is open between two calls
        Ok(OutboxBacklog::new(oldest, None))
    }
}
