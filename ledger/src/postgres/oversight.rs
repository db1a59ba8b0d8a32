//! Risk events and the audit log in PostgreSQL.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use tickbook::db::{MetadataConnections, MetadataDb};
use tickbook::domain::Page;
use tickbook::{Clock, RepositoryError};

use super::{audit_log, risk_events};
use crate::domain::{
    AccountScope, AuditChain, AuditChange, AuditEntry, AuditHead, KeyRing, NewRiskEvent, RiskEvent,
    RiskEventId,
};
use crate::repository::{
    AuditQuery, OversightRepository, RiskEventQuery, check_change, checked_acknowledgement,
    normalized_event,
};

/// [`OversightRepository`] in the metadata database. Clones share the connections.
#[derive(Clone)]
pub struct PgOversight {
    connections: Arc<dyn MetadataConnections>,
    clock: Clock,
}

impl PgOversight {
    /// A store over `connections`, which connects at its first use.
    #[must_use]
    pub fn new(connections: impl MetadataConnections, clock: Clock) -> Self {
        Self {
            connections: Arc::new(connections),
            clock,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        tickbook::domain::truncate_to_micros(self.clock.now())
    }

    fn metadata(&self) -> MetadataDb {
        self.connections.metadata()
    }
}

impl fmt::Debug for PgOversight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOversight").finish_non_exhaustive()
    }
}

#[async_trait]
impl OversightRepository for PgOversight {
    async fn record_audit(
        &self,
        chain: AuditChain,
        change: AuditChange,
        keys: &KeyRing,
    ) -> Result<AuditEntry, RepositoryError> {
        check_change(&change)?;
        let (keys, now) = (keys.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            audit_log::record(connection, chain, &change, &keys, now)
        };
        self.metadata().run_once("record_audit", work).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditEntry, i64>, RepositoryError> {
        let query = query.clone();
        let work = move |connection: &mut PgConnection| audit_log::entries(connection, &query);
        self.metadata().read("audit", work).await
    }

    async fn audit_head(&self, chain: AuditChain) -> Result<Option<AuditHead>, RepositoryError> {
        let work = move |connection: &mut PgConnection| audit_log::head(connection, chain);
        self.metadata().read("audit_head", work).await
    }

    async fn audit_heads(&self) -> Result<Vec<AuditHead>, RepositoryError> {
        self.metadata().read("audit_heads", audit_log::heads).await
    }

    async fn raise_risk(
        &self,
        scope: &AccountScope,
        event: NewRiskEvent,
    ) -> Result<RiskEvent, RepositoryError> {
        let event = normalized_event(&event)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            risk_events::raise(connection, &scope, &event, now)
        };
        self.metadata().run_once("raise_risk", work).await
    }

    async fn acknowledge_risk(
        &self,
        scope: &AccountScope,
        risk_event_id: RiskEventId,
        by: &str,
        note: &str,
    ) -> Result<RiskEvent, RepositoryError> {
        let acknowledgement = checked_acknowledgement(by, note, self.now())?;
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| {
            risk_events::acknowledge(connection, &scope, risk_event_id, &acknowledgement)
        };
        self.metadata()
            .run_idempotent("acknowledge_risk", work)
            .await
    }

    async fn risk_events(
        &self,
        scope: &AccountScope,
        query: &RiskEventQuery,
    ) -> Result<Page<RiskEvent, RiskEventId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work =
            move |connection: &mut PgConnection| risk_events::list(connection, &scope, &query);
        self.metadata().read("risk_events", work).await
    }
}
