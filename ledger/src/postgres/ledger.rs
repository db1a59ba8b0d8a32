//! Orders, fills and positions in PostgreSQL.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use tickbook::RepositoryError;
use tickbook::db::DbError;
use tickbook::domain::{Page, earliest_time, latest_time};

use super::accounts::find;
use super::append::{Batch, append};
use super::store::PgLedger;
use super::stored::missing;
use super::{position_reports, quarantine, reading, verification};
use crate::domain::{
    Account, AccountId, AccountScope, Fill, FillOrder, Order, OrderEvent, OrderId, PositionKey,
    PositionReport, RecordedEvent,
};
use crate::repository::{
    AppendReceipt, FillQuery, LedgerRepository, OrderEventQuery, OrderQuery, PositionEntry,
    PositionQuery, QuarantineQuery, QuarantinedEvent, Verification, normalized_reports,
};

impl PgLedger {
    /// Reads from an account of the scope.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        scope: &AccountScope,
        account_id: AccountId,
        read: impl Fn(&mut PgConnection, &Account) -> Result<T, DbError> + Send + Sync + 'static,
    ) -> Result<T, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| {
            let account = find(connection, &scope, account_id)?;
            let account = account.ok_or_else(|| missing(account_id))?;
            read(connection, &account)
        };
        self.metadata().read(operation, work).await
    }
}

#[async_trait]
impl LedgerRepository for PgLedger {
    async fn append(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        events: &[OrderEvent],
        expected: Option<i64>,
    ) -> Result<AppendReceipt, RepositoryError> {
        let batch = Batch {
            scope: scope.clone(),
            account_id,
            events: events.to_vec(),
            expected,
            recorded_at: self.now(),
        };
        let slot = self.cache.slot(account_id);
        let mut slot = slot.lock().await;
        let loaded = Arc::new(Mutex::new(slot.take()));
        let stored = Arc::clone(&loaded);
        let work = move |connection: &mut PgConnection| {
            let known = stored.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (receipt, loaded) = append(connection, &batch, known)?;
            *stored.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
            Ok(receipt)
        };
        let receipt = match expected {
            None => {
                self.metadata()
                    .run_idempotent("append_order_events", work)
                    .await
            }
            // a second run would find another last event
            Some(_) => self.metadata().run_once("append_order_events", work).await,
        }?;
        *slot = loaded.lock().unwrap_or_else(PoisonError::into_inner).take();
        let entries = slot.as_ref().map_or(0, |it| it.ledger.size());
        self.cache.resize(account_id, entries);
        Ok(receipt)
    }

    async fn order(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        order_id: &OrderId,
    ) -> Result<Option<Order>, RepositoryError> {
        let order_id = order_id.clone();
        self.read("order", scope, account_id, move |connection, _| {
            reading::order(connection, account_id, &order_id)
        })
        .await
    }

    async fn orders(
        &self,
        scope: &AccountScope,
        query: &OrderQuery,
    ) -> Result<Page<Order, i64>, RepositoryError> {
        let (account_id, query) = (query.account_id, query.clone());
        self.read("orders", scope, account_id, move |connection, _| {
            reading::orders(connection, &query)
        })
        .await
    }

    async fn events(
        &self,
        scope: &AccountScope,
        query: &OrderEventQuery,
    ) -> Result<Page<RecordedEvent, i64>, RepositoryError> {
        let (account_id, query) = (query.account_id, query.clone());
        self.read("order_events", scope, account_id, move |connection, _| {
            reading::events(connection, &query)
        })
        .await
    }

    async fn fills(
        &self,
        scope: &AccountScope,
        query: &FillQuery,
    ) -> Result<Page<Fill, FillOrder>, RepositoryError> {
        let (account_id, query) = (query.account_id, query.clone());
        self.read("fills", scope, account_id, move |connection, _| {
            reading::fills(connection, &query)
        })
        .await
    }

    async fn positions(
        &self,
        scope: &AccountScope,
        query: &PositionQuery,
    ) -> Result<Page<PositionEntry, PositionKey>, RepositoryError> {
        let (account_id, query) = (query.account_id, query.clone());
        self.read(
            "positions",
            scope,
            account_id,
            move |connection, account| reading::positions(connection, account, &query),
        )
        .await
    }

    async fn quarantined(
        &self,
        scope: &AccountScope,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantinedEvent, i64>, RepositoryError> {
        let (account_id, query) = (query.account_id, query.clone());
        self.read(
            "quarantined_order_events",
            scope,
            account_id,
            move |connection, _| quarantine::list(connection, &query),
        )
        .await
    }

    async fn verify(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        let scope = scope.clone();
        self.metadata()
            .run_dedicated("verify_ledger", move |connection| {
                verification::verify(connection, &scope, account_id)
            })
            .await
    }

    async fn rebuild(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        let scope = scope.clone();
        self.metadata()
            .run_dedicated("rebuild_ledger", move |connection| {
                verification::rebuild(connection, &scope, account_id)
            })
            .await
    }

    async fn report_positions(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        reports: &[PositionReport],
    ) -> Result<(), RepositoryError> {
        // the last report of a position and time replaces the others
        let reports = normalized_reports(reports, self.now())?;
        let mut latest = BTreeMap::new();
        for report in reports {
            let key = (
                report.symbol_id,
                report.position_name.clone(),
                report.reported_at,
            );
            latest.insert(key, report);
        }
        let reports: Vec<_> = latest.into_values().collect();
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| {
            find(connection, &scope, account_id)?.ok_or_else(|| missing(account_id))?;
            position_reports::put(connection, account_id, &reports)
        };
        self.metadata()
            .run_idempotent("report_positions", work)
            .await
    }

    async fn position_reports(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Vec<PositionReport>, RepositoryError> {
        let as_of = as_of.map(|time| time.clamp(earliest_time(), latest_time()));
        self.read(
            "position_reports",
            scope,
            account_id,
            move |connection, _| position_reports::latest(connection, account_id, as_of),
        )
        .await
    }
}
