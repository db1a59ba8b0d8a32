//! Risk events and the audit log in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::domain::{Page, SortOrder};
use tickbook::{Clock, Entity, RepositoryError};

use super::store::missing;
use crate::domain::{
    AccountId, AccountScope, AuditChain, AuditChange, AuditEntry, AuditHead, KeyRing, NewRiskEvent,
    RiskEvent, RiskEventId,
};
use crate::repository::{
    AccountRepository, AuditQuery, OversightRepository, RiskEventQuery, check_change,
    checked_acknowledgement, normalized_event,
};

/// Risk events and the audit log in memory. Clones share them.
#[derive(Clone)]
pub struct InMemoryOversight {
    accounts: Arc<dyn AccountRepository>,
    stored: Arc<Mutex<Stored>>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Stored {
    /// Entry n of a chain is at n - 1.
    chains: BTreeMap<AuditChain, Vec<AuditEntry>>,
    /// Event n is at n - 1.
    risks: Vec<RiskEvent>,
}

impl InMemoryOversight {
    /// An empty store whose accounts are those of `accounts`.
    #[must_use]
    pub fn new(accounts: Arc<dyn AccountRepository>, clock: Clock) -> Self {
        Self {
            accounts,
            stored: Arc::default(),
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    /// Whether the scope has the account of an event.
    async fn is_in(
        &self,
        scope: &AccountScope,
        account_id: Option<AccountId>,
    ) -> Result<bool, RepositoryError> {
        match account_id {
            Some(id) => Ok(self.accounts.get(scope, id).await?.is_some()),
            None => Ok(scope.tenant_id().is_none()),
        }
    }
}

impl fmt::Debug for InMemoryOversight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryOversight").finish_non_exhaustive()
    }
}

fn missing_risk(id: RiskEventId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::RiskEvent,
        key: id.to_string(),
    }
}

/// Whether a key comes after another one in an order.
fn is_after<K: Ord>(order: SortOrder, key: &K, after: Option<&K>) -> bool {
    after.is_none_or(|after| match order {
        SortOrder::Ascending => key > after,
        SortOrder::Descending => key < after,
    })
}

fn matches(query: &RiskEventQuery, stored: &RiskEvent) -> bool {
    let event = &stored.event;
    query
        .account_id
        .is_none_or(|id| event.account_id == Some(id))
        && query.kind.is_none_or(|kind| event.kind == kind)
        && query.severity.is_none_or(|it| event.severity == it)
        && query
            .acknowledged
            .is_none_or(|it| stored.acknowledgement.is_some() == it)
        && query.range.contains(event.occurred_at)
        && is_after(query.order, &stored.risk_event_id, query.after.as_ref())
}

#[async_trait]
impl OversightRepository for InMemoryOversight {
    async fn record_audit(
        &self,
        chain: AuditChain,
        change: AuditChange,
        keys: &KeyRing,
    ) -> Result<AuditEntry, RepositoryError> {
        check_change(&change)?;
        let now = self.now();
        let mut stored = self.lock();
        let entries = stored.chains.entry(chain).or_default();
        let last = entries.last();
        let time = last.map_or(now, |last| now.max(last.occurred_at));
        let head = last.map(AuditEntry::head);
        let key = (keys.current_id(), keys.current());
        let entry = AuditEntry::following(head.as_ref(), chain, time, change, key);
        entries.push(entry.clone());
        Ok(entry)
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditEntry, i64>, RepositoryError> {
        let stored = self.lock();
        let entries = stored.chains.get(&query.chain).map_or(&[][..], |it| it);
        let is_wanted = |entry: &&AuditEntry| {
            let change = &entry.change;
            query.actor.as_ref().is_none_or(|it| change.actor == *it)
                && query.action.as_ref().is_none_or(|it| change.action == *it)
                && query.range.contains(entry.occurred_at)
                && is_after(query.order, &entry.sequence, query.after.as_ref())
        };
        let count = query.limit.get() + 1;
        let items: Vec<_> = match query.order {
            SortOrder::Ascending => entries.iter().filter(is_wanted).take(count).collect(),
            SortOrder::Descending => entries.iter().rev().filter(is_wanted).take(count).collect(),
        };
        let items = items.into_iter().cloned().collect();
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |entry: &AuditEntry| entry.sequence,
        ))
    }

    async fn audit_head(&self, chain: AuditChain) -> Result<Option<AuditHead>, RepositoryError> {
        let stored = self.lock();
        let entries = stored.chains.get(&chain);
        Ok(entries.and_then(|it| it.last()).map(AuditEntry::head))
    }

    async fn audit_heads(&self) -> Result<Vec<AuditHead>, RepositoryError> {
        let stored = self.lock();
        let heads = stored.chains.values().filter_map(|it| it.last());
        Ok(heads.map(AuditEntry::head).collect())
    }

    async fn raise_risk(
        &self,
        scope: &AccountScope,
        event: NewRiskEvent,
    ) -> Result<RiskEvent, RepositoryError> {
        let event = normalized_event(&event)?;
        if !self.is_in(scope, event.account_id).await? {
            return Err(missing(event.account_id.unwrap_or(AccountId::new(0))));
        }
        let now = self.now();
        let mut stored = self.lock();
        // a Vec has at most i64::MAX entries
        let id = RiskEventId::new(stored.risks.len() as i64 + 1);
        let raised = RiskEvent::new(id, event, now);
        stored.risks.push(raised.clone());
        Ok(raised)
    }

    async fn acknowledge_risk(
        &self,
        scope: &AccountScope,
        risk_event_id: RiskEventId,
        by: &str,
        note: &str,
    ) -> Result<RiskEvent, RepositoryError> {
        let acknowledgement = checked_acknowledgement(by, note, self.now())?;
        let place = usize::try_from(risk_event_id.get() - 1).unwrap_or(usize::MAX);
        let found = self.lock().risks.get(place).cloned();
        let found = found.ok_or_else(|| missing_risk(risk_event_id))?;
        if !self.is_in(scope, found.event.account_id).await? {
            return Err(missing_risk(risk_event_id));
        }
        let mut stored = self.lock();
        let event = stored.risks.get_mut(place);
        let event = event.ok_or_else(|| missing_risk(risk_event_id))?;
        event.acknowledgement.get_or_insert(acknowledgement);
        Ok(event.clone())
    }

    async fn risk_events(
        &self,
        scope: &AccountScope,
        query: &RiskEventQuery,
    ) -> Result<Page<RiskEvent, RiskEventId>, RepositoryError> {
        let mut found: Vec<_> = {
            let stored = self.lock();
            let matching = stored.risks.iter().filter(|it| matches(query, it));
            matching.cloned().collect()
        };
        if query.order == SortOrder::Descending {
            found.reverse();
        }
        let mut items = Vec::new();
        for event in found {
            if items.len() > query.limit.get() {
                break;
            }
            if self.is_in(scope, event.event.account_id).await? {
                items.push(event);
            }
        }
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |event: &RiskEvent| event.risk_event_id,
        ))
    }
}
