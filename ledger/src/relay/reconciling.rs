//! Compares the cursors of all accounts with their journals, and copies what is missing.

use tickbook::RepositoryError;
use tickbook::domain::PageLimit;

use super::copying::RelayTotals;
use super::{Relay, metrics};
use crate::domain::AccountId;
use crate::repository::{AccountSequence, EventRange};

/// The comparison of the cursors with the journals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciliation {
    /// The events that were missing.
    pub copied: RelayTotals,
    /// Accounts whose cursor is beyond the last event of their journal. The metadata database was replaced by an older
    /// one: [`compare_account`](super::compare_account) lists the events that it lost.
    pub ahead: Vec<AccountSequence>,
}

impl Relay {
    /// Compares the cursors of all accounts with their journals, and copies the events that are missing.
    ///
    /// [`run`](Self::run) calls it at its start and after each failure.
    ///
    /// # Errors
    /// The first error of a repository. The call may be repeated.
    pub async fn reconcile(&self) -> Result<Reconciliation, RepositoryError> {
        let (outbox, history) = (&self.repositories.outbox, &self.repositories.history);
        let mut found = Reconciliation::default();
        let mut after = None;
        loop {
            let page = outbox.heads(after, PageLimit::default()).await?;
            let ids: Vec<_> = page.items.iter().map(|head| head.account_id).collect();
            let cursors = history.cursors(&ids).await?;
            let mut missing = Vec::new();
            for head in page.items {
                let cursor = cursors.get(&head.account_id).copied().unwrap_or(0);
                if cursor > head.sequence {
                    found
                        .ahead
                        .push(AccountSequence::new(head.account_id, cursor));
                }
                missing.push(EventRange::new(head.account_id, cursor + 1, head.sequence));
            }
            missing.retain(|range| range.count() > 0);
            found.copied = found.copied.plus(self.copy(&missing).await?);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        metrics::set_accounts_ahead(found.ahead.len());
        for AccountSequence {
            account_id,
            sequence,
        } in &found.ahead
        {
            tracing::error!(
                %account_id,
                sequence,
                "the order history has events that the journal does not have: run `tickbook ledger verify`"
            );
        }
        Ok(found)
    }

    /// Copies the whole journal of an account again, after the time-series database was lost or replaced by an older one.
    ///
    /// Events that are there already are not written again. Events that are only in the history stay.
    ///
    /// # Errors
    /// The first error of a repository. The call may be repeated.
    pub async fn resend(&self, account_id: AccountId) -> Result<RelayTotals, RepositoryError> {
        let before = AccountId::new(account_id.get().saturating_sub(1));
        let one = PageLimit::new(1).map_err(RepositoryError::invalid)?;
        let page = self.repositories.outbox.heads(Some(before), one).await?;
        let head = page
            .items
            .into_iter()
            .find(|it| it.account_id == account_id);
        let Some(head) = head else {
            return Err(RepositoryError::NotFound {
                entity: tickbook::Entity::Account,
                key: account_id.to_string(),
            });
        };
        // if the call ends early, the relay continues from here
        let start = AccountSequence::new(account_id, 0);
        self.repositories.history.write(&[], &[start]).await?;
        let whole = EventRange::new(account_id, 1, head.sequence);
        self.copy(&[whole]).await
    }
}
