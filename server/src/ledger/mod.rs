//! The ledger of the server: its repositories, the callers that may use them, and the news of booked events.

mod account_state;
mod caller;
mod news;
mod publishing;
#[cfg(test)]
mod samples;
mod starting;
mod statistics;
mod waiting_events;

use std::fmt;
use std::sync::Arc;

use tickbook::Clock;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::repository::{AccountRepository, LedgerRepository};

use crate::oversight::Oversight;
use crate::store_kind::StoreKind;

pub(crate) use account_state::{AccountState, read_state};
pub use caller::CallerScope;
pub(crate) use caller::{CallerUser, own_scope};
pub(crate) use news::{BookedEvent, Following, OrderNews};
pub use publishing::PublishingLedger;
pub(crate) use starting::{ledger_repositories, start_relay};
pub(crate) use statistics::AppendStatistics;
pub use waiting_events::WaitingEvents;
pub(crate) use waiting_events::{ClientNews, News};

/// The repositories of the ledger, and the news of the events that are appended through them. Clones share both.
#[derive(Clone)]
pub struct Ledger {
    /// Accounts.
    pub accounts: Arc<dyn AccountRepository>,
    /// Orders, fills and positions. Publishes the events that it books.
    pub orders: Arc<dyn LedgerRepository>,
    /// The same, to add to it.
    publishing: PublishingLedger,
    /// Where accounts and events are stored.
    pub store: StoreKind,
    pub(crate) news: OrderNews,
    pub(crate) statistics: AppendStatistics,
}

impl Ledger {
    /// A ledger that publishes and counts what is appended to `repositories`.
    #[must_use]
    pub fn new(repositories: LedgerRepositories, store: StoreKind, clock: Clock) -> Self {
        let LedgerRepositories {
            accounts, ledger, ..
        } = repositories;
        let (news, statistics) = (OrderNews::default(), AppendStatistics::new(clock));
        let orders = PublishingLedger::new(ledger, news.clone(), statistics.clone());
        Self {
            accounts,
            orders: Arc::new(orders.clone()),
            publishing: orders,
            store,
            news,
            statistics,
        }
    }

    /// Applies the rules of risk of `oversight` to what is appended.
    #[must_use]
    pub fn overseen_by(mut self, oversight: &Oversight) -> Self {
        let risks = oversight.risks.clone();
        self.orders = Arc::new(self.publishing.clone().with_risks(risks));
        self
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
