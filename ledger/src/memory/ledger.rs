//! Orders, fills and positions in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::RepositoryError;
use tickbook::domain::{Page, SortOrder};

use super::store::{InMemoryLedger, StoredAccount, missing};
use crate::domain::{
    AccountId, AccountLedger, AccountScope, Fill, FillOrder, Order, OrderEvent, OrderId, Outcome,
    PositionKey, PositionReport, RecordedEvent,
};
use crate::repository::{
    AppendReceipt, EventRange, FillQuery, LedgerRepository, OrderEventQuery, OrderQuery,
    PositionEntry, PositionQuery, QuarantineQuery, QuarantineReason, QuarantinedEvent,
    Verification, normalized_reports,
};

impl InMemoryLedger {
    fn in_account<T>(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        read: impl FnOnce(&StoredAccount) -> T,
    ) -> Result<T, RepositoryError> {
        let stored = self.read();
        let found = stored.get(&account_id).filter(|it| it.is_in(scope));
        found.map(read).ok_or_else(|| missing(account_id))
    }
}

/// Whether an order is wanted and after the last one of the page before.
fn matches(order: &Order, query: &OrderQuery) -> bool {
    let is_after = |after: i64| match query.order {
        SortOrder::Ascending => order.first_sequence > after,
        SortOrder::Descending => order.first_sequence < after,
    };
    query.symbol_id.is_none_or(|id| order.terms.symbol_id == id)
        && query
            .strategy_id
            .is_none_or(|id| order.terms.strategy_id == Some(id))
        && query.open.is_none_or(|open| order.is_open() == open)
        && query.range.contains(order.created_at)
        && query.after.is_none_or(is_after)
}

#[async_trait]
impl LedgerRepository for InMemoryLedger {
    async fn append(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        events: &[OrderEvent],
        expected: Option<i64>,
    ) -> Result<AppendReceipt, RepositoryError> {
        let now = self.now();
        let mut stored = self.write();
        let found = stored.get_mut(&account_id).filter(|it| it.is_in(scope));
        let account = found.ok_or_else(|| missing(account_id))?;
        let last = account.ledger.sequence();
        if let Some(expected) = expected
            && expected != last
        {
            return Err(RepositoryError::invalid(format_args!(
                "invalid expected sequence {expected}: the last event of account {account_id} is {last}"
            )));
        }
        let mut receipt = AppendReceipt::default();
        for (index, event) in events.iter().enumerate() {
            let outcome = account.ledger.apply(event, now);
            receipt.add(index, &outcome);
            match outcome {
                Outcome::Conflict { first } => {
                    account.keep(event, QuarantineReason::Conflict { first }, now);
                }
                Outcome::Quarantined(refusal) => account.keep(event, refusal.into(), now),
                booked => {
                    if let Some(recorded) = booked.recorded() {
                        account.record(recorded.clone());
                    }
                }
            }
        }
        receipt.sequence = account.ledger.sequence();
        if receipt.sequence > last {
            let events = EventRange::new(account_id, last + 1, receipt.sequence);
            self.outbox().add(events, now);
        }
        Ok(receipt)
    }

    async fn order(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        order_id: &OrderId,
    ) -> Result<Option<Order>, RepositoryError> {
        self.in_account(scope, account_id, |account| {
            account.ledger.order(order_id).cloned()
        })
    }

    async fn orders(
        &self,
        scope: &AccountScope,
        query: &OrderQuery,
    ) -> Result<Page<Order, i64>, RepositoryError> {
        let mut items = self.in_account(scope, query.account_id, |account| {
            let orders = account
                .ledger
                .orders()
                .filter(|order| matches(order, query));
            orders.cloned().collect::<Vec<_>>()
        })?;
        items.sort_by_key(|order| order.first_sequence);
        if query.order == SortOrder::Descending {
            items.reverse();
        }
        Ok(Page::from_limit_plus_one(items, query.limit, |order| {
            order.first_sequence
        }))
    }

    async fn events(
        &self,
        scope: &AccountScope,
        query: &OrderEventQuery,
    ) -> Result<Page<RecordedEvent, i64>, RepositoryError> {
        self.in_account(scope, query.account_id, |account| {
            let found = account.journal.iter().filter(|recorded| {
                query
                    .order_id
                    .as_ref()
                    .is_none_or(|id| recorded.order_id == *id)
                    && query.after.is_none_or(|after| recorded.sequence > after)
            });
            let items = found.take(query.limit.get() + 1).cloned().collect();
            Page::from_limit_plus_one(items, query.limit, |it: &RecordedEvent| it.sequence)
        })
    }

    async fn fills(
        &self,
        scope: &AccountScope,
        query: &FillQuery,
    ) -> Result<Page<Fill, FillOrder>, RepositoryError> {
        let mut items = self.in_account(scope, query.account_id, |account| {
            let found = account.ledger.fills().filter(|fill| {
                query.symbol_id.is_none_or(|id| fill.symbol_id() == id)
                    && query
                        .order_id
                        .as_ref()
                        .is_none_or(|id| fill.order_id == *id)
                    && query.range.contains(fill.order.trade_time)
                    && query.after.is_none_or(|after| fill.order > after)
            });
            found.cloned().collect::<Vec<_>>()
        })?;
        items.sort_by_key(|fill| fill.order);
        Ok(Page::from_limit_plus_one(items, query.limit, |fill| {
            fill.order
        }))
    }

    async fn positions(
        &self,
        scope: &AccountScope,
        query: &PositionQuery,
    ) -> Result<Page<PositionEntry, PositionKey>, RepositoryError> {
        let all = self.in_account(scope, query.account_id, |account| match query.as_of {
            Some(time) => account.ledger.positions_as_of(time),
            None => {
                let positions = account.ledger.positions();
                Ok(positions
                    .map(|(key, it)| (key.clone(), it.clone()))
                    .collect())
            }
        })?;
        let all = all.map_err(RepositoryError::invalid)?;
        let found = all.into_iter().filter(|(key, position)| {
            query.symbol_id.is_none_or(|id| key.symbol_id == id)
                && query
                    .open
                    .is_none_or(|open| position.quantity.is_zero() != open)
                && query.after.as_ref().is_none_or(|after| key > after)
        });
        let found = found.map(|(key, position)| PositionEntry::new(key, position));
        let items = found.take(query.limit.get() + 1).collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |entry: &PositionEntry| entry.key.clone(),
        ))
    }

    async fn quarantined(
        &self,
        scope: &AccountScope,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantinedEvent, i64>, RepositoryError> {
        self.in_account(scope, query.account_id, |account| {
            let found = account.quarantine.iter();
            let found = found.filter(|it| query.after.is_none_or(|after| it.number > after));
            let items = found.take(query.limit.get() + 1).cloned().collect();
            Page::from_limit_plus_one(items, query.limit, |it: &QuarantinedEvent| it.number)
        })
    }

    async fn verify(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        self.in_account(scope, account_id, |account| {
            let rebuilt = AccountLedger::rebuilt(account.ledger.account(), &account.journal);
            let sequence = account.ledger.sequence();
            Verification::new(sequence, account.ledger.digest(), rebuilt.digest())
        })
    }

    async fn rebuild(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        let mut stored = self.write();
        let found = stored.get_mut(&account_id).filter(|it| it.is_in(scope));
        let account = found.ok_or_else(|| missing(account_id))?;
        let rebuilt = AccountLedger::rebuilt(account.ledger.account(), &account.journal);
        let (before, after) = (account.ledger.digest(), rebuilt.digest());
        account.ledger = rebuilt;
        let sequence = account.ledger.sequence();
        Ok(Verification::new(sequence, before, after))
    }

    async fn report_positions(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        reports: &[PositionReport],
    ) -> Result<(), RepositoryError> {
        let reports = normalized_reports(reports, self.now())?;
        let mut stored = self.write();
        let found = stored.get_mut(&account_id).filter(|it| it.is_in(scope));
        let account = found.ok_or_else(|| missing(account_id))?;
        for report in reports {
            let key = (
                report.symbol_id,
                report.position_name.clone(),
                report.reported_at,
            );
            account.reports.insert(key, report);
        }
        Ok(())
    }

    async fn position_reports(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Vec<PositionReport>, RepositoryError> {
        self.in_account(scope, account_id, |account| {
            let reports = account.reports.values();
            let reports = reports.filter(|it| as_of.is_none_or(|time| it.reported_at <= time));
            // the last one of each position
            let mut latest = BTreeMap::new();
            for report in reports {
                latest.insert((report.symbol_id, &report.position_name), report.clone());
            }
            latest.into_values().collect()
        })
    }
}
