//! Publishes booked events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::domain::{Page, PageLimit};
use tickbook::{Backoff, RepositoryError};
use tickbook_ledger::domain::{
    AccountId, AccountScope, Fill, FillOrder, Order, OrderEvent, OrderId, PositionKey,
    PositionReport, RecordedEvent,
};
use tickbook_ledger::repository::{
    AppendReceipt, BookedEffect, FillQuery, LedgerRepository, OrderEventQuery, OrderQuery,
    PositionEntry, PositionQuery, QuarantineQuery, QuarantinedEvent, Verification,
};
use tokio::time::sleep;

use super::news::{BookedEvent, NewsOfAccount, OrderNews};
use super::statistics::AppendStatistics;
use crate::oversight::RiskWatch;

/// Delays between attempts to learn what a lost append has booked.
const RETRIES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// Appends events through another repository, counts the results, and publishes booked events when the append has
/// returned.
///
/// Appends of one account run one after the other, so that its events are published in the order of their numbers. If
/// it is not known what an append has booked, followers of the account learn the number of its last event as soon as the
/// repository answers again.
#[derive(Debug, Clone)]
pub struct PublishingLedger {
    ledger: Arc<dyn LedgerRepository>,
    news: OrderNews,
    statistics: AppendStatistics,
    risks: Option<RiskWatch>,
}

impl PublishingLedger {
    pub(super) fn new(
        ledger: Arc<dyn LedgerRepository>,
        news: OrderNews,
        statistics: AppendStatistics,
    ) -> Self {
        Self {
            ledger,
            news,
            statistics,
            risks: None,
        }
    }

    /// Applies rules of risk to what is appended.
    #[must_use]
    pub(super) fn with_risks(self, risks: RiskWatch) -> Self {
        let risks = Some(risks);
        Self { risks, ..self }
    }

    async fn publish(
        &self,
        scope: &AccountScope,
        account: &NewsOfAccount,
        account_id: AccountId,
        receipt: &AppendReceipt,
    ) {
        if !account.is_followed() {
            return;
        }
        for effects in receipt.effects.chunks(PageLimit::MAX.get()) {
            match self.booked(scope, account_id, effects).await {
                Ok(events) => {
                    let last = effects.last().map_or(0, |last| last.sequence);
                    account.publish(&events, last);
                }
                Err(error) => {
                    let error = error.with_causes();
                    tracing::warn!(%error, %account_id, "cannot read booked events: followers get a gap");
                    break;
                }
            }
        }
        account.publish(&[], receipt.sequence);
    }

    /// The events of `effects`, which have numbers without gaps.
    async fn booked(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        effects: &[BookedEffect],
    ) -> Result<Vec<Arc<BookedEvent>>, RepositoryError> {
        let Some(first) = effects.first() else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(effects.len()).unwrap_or(i64::MAX);
        let query = OrderEventQuery::new(account_id)
            .after(first.sequence - 1)
            .limit(PageLimit::try_from(limit).unwrap_or(PageLimit::MAX));
        let page = self.ledger.events(scope, &query).await?;
        let pairs = page.items.into_iter().zip(effects);
        let pairs = pairs.filter(|(recorded, booked)| recorded.sequence == booked.sequence);
        let event = |(recorded, booked): (RecordedEvent, &BookedEffect)| {
            let effect = booked.effect.clone();
            Arc::new(BookedEvent { recorded, effect })
        };
        Ok(pairs.map(event).collect())
    }

    /// Asks for the number of the last event until the repository answers, and publishes it.
    async fn publish_last(self, scope: AccountScope, account_id: AccountId) {
        let account = self.news.account(account_id);
        let mut delays = RETRIES.delays();
        while account.is_followed() {
            sleep(delays.next_delay()).await;
            let _turn = account.turn().await;
            match self.ledger.append(&scope, account_id, &[], None).await {
                Ok(receipt) => {
                    account.publish(&[], receipt.sequence);
                    break;
                }
                Err(error) => {
                    let error = error.with_causes();
                    tracing::debug!(%error, %account_id, "cannot read the last event; retrying");
                }
            }
        }
        account.end_asking();
    }
}

#[async_trait]
impl LedgerRepository for PublishingLedger {
    async fn append(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        events: &[OrderEvent],
        expected: Option<i64>,
    ) -> Result<AppendReceipt, RepositoryError> {
        if events.is_empty() {
            return self
                .ledger
                .append(scope, account_id, events, expected)
                .await;
        }
        let account = self.news.account(account_id);
        let _turn = account.turn().await;
        let begun = Instant::now();
        let appended = self
            .ledger
            .append(scope, account_id, events, expected)
            .await;
        self.statistics.count(events, &appended, begun.elapsed());
        if let (Some(risks), Ok(receipt)) = (&self.risks, &appended) {
            risks.appended(account_id, receipt);
        }
        match &appended {
            Ok(receipt) => self.publish(scope, &account, account_id, receipt).await,
            Err(error) if !error.is_certainly_not_applied() && account.begin_asking() => {
                tokio::spawn(self.clone().publish_last(scope.clone(), account_id));
            }
            Err(_) => {}
        }
        appended
    }

    async fn order(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        order_id: &OrderId,
    ) -> Result<Option<Order>, RepositoryError> {
        self.ledger.order(scope, account_id, order_id).await
    }

    async fn orders(
        &self,
        scope: &AccountScope,
        query: &OrderQuery,
    ) -> Result<Page<Order, i64>, RepositoryError> {
        self.ledger.orders(scope, query).await
    }

    async fn events(
        &self,
        scope: &AccountScope,
        query: &OrderEventQuery,
    ) -> Result<Page<RecordedEvent, i64>, RepositoryError> {
        self.ledger.events(scope, query).await
    }

    async fn fills(
        &self,
        scope: &AccountScope,
        query: &FillQuery,
    ) -> Result<Page<Fill, FillOrder>, RepositoryError> {
        self.ledger.fills(scope, query).await
    }

    async fn positions(
        &self,
        scope: &AccountScope,
        query: &PositionQuery,
    ) -> Result<Page<PositionEntry, PositionKey>, RepositoryError> {
        self.ledger.positions(scope, query).await
    }

    async fn quarantined(
        &self,
        scope: &AccountScope,
        query: &QuarantineQuery,
    ) -> Result<Page<QuarantinedEvent, i64>, RepositoryError> {
        self.ledger.quarantined(scope, query).await
    }

    async fn verify(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        self.ledger.verify(scope, account_id).await
    }

    async fn rebuild(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
    ) -> Result<Verification, RepositoryError> {
        self.ledger.rebuild(scope, account_id).await
    }

    async fn report_positions(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        reports: &[PositionReport],
    ) -> Result<(), RepositoryError> {
        let ledger = &self.ledger;
        ledger.report_positions(scope, account_id, reports).await
    }

    async fn position_reports(
        &self,
        scope: &AccountScope,
        account_id: AccountId,
        as_of: Option<DateTime<Utc>>,
    ) -> Result<Vec<PositionReport>, RepositoryError> {
        let ledger = &self.ledger;
        ledger.position_reports(scope, account_id, as_of).await
    }
}

#[cfg(test)]
mod tests;
