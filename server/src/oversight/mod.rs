//! Oversight in the server: it records administrative requests in the audit log, and raises risk events.

mod audit_log;
mod audit_request;
mod risk_watch;
mod starting;

use std::fmt;
use std::sync::Arc;

use tickbook::Clock;
use tickbook_ledger::OversightRepositories;
use tickbook_ledger::repository::{AccountRepository, OversightRepository, UserRepository};
use tickbook_ledger::risk::RiskLimits;

pub use audit_log::AuditLog;
pub(crate) use audit_request::{ChangeNote, record_change};
pub(crate) use risk_watch::{RiskWatch, watch_feeds};
pub(crate) use starting::{open_audit_log, oversight_repositories};

/// Risk events and the audit log. Clones share them.
#[derive(Clone)]
pub struct Oversight {
    /// Risk events and entries of the audit log.
    pub repository: Arc<dyn OversightRepository>,
    /// Users and their grants, which decide what the tokens of users may use.
    pub users: Arc<dyn UserRepository>,
    /// Records administrative requests; `None`: they are not recorded.
    pub audit_log: Option<AuditLog>,
    pub(crate) risks: RiskWatch,
}

impl Oversight {
    /// Oversight with these repositories and rules.
    #[must_use]
    pub fn new(
        repositories: &OversightRepositories,
        audit_log: Option<AuditLog>,
        limits: RiskLimits,
        clock: Clock,
    ) -> Self {
        let repository = Arc::clone(&repositories.oversight);
        Self {
            risks: RiskWatch::new(Arc::clone(&repository), limits, clock),
            repository,
            users: Arc::clone(&repositories.users),
            audit_log,
        }
    }

    /// Oversight in memory, without an audit log and without limits.
    #[must_use]
    pub fn in_memory(accounts: Arc<dyn AccountRepository>) -> Self {
        let repositories = OversightRepositories::in_memory(accounts);
        Self::new(&repositories, None, RiskLimits::default(), Clock::system())
    }
}

impl fmt::Debug for Oversight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oversight")
            .field("audit_log", &self.audit_log)
            .finish_non_exhaustive()
    }
}
