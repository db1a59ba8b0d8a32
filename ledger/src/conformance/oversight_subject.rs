//! A store of oversight under test.

use std::any::Any;

use crate::{LedgerRepositories, OversightRepositories};

/// An empty store of oversight under test with its accounts, and a guard that must live as long.
#[derive(Debug)]
pub struct OversightSubject {
    // fields are dropped in this order: connections close before the guard removes their database
    ledger: LedgerRepositories,
    oversight: OversightRepositories,
    _guard: Option<Box<dyn Any + Send + Sync>>,
}

impl OversightSubject {
    /// A store without a guard.
    #[must_use]
    pub fn new(ledger: LedgerRepositories, oversight: OversightRepositories) -> Self {
        Self {
            ledger,
            oversight,
            _guard: None,
        }
    }

    /// A store that owns `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(
        ledger: LedgerRepositories,
        oversight: OversightRepositories,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self {
            ledger,
            oversight,
            _guard: Some(Box::new(guard)),
        }
    }

    /// The accounts.
    #[must_use]
    pub fn ledger(&self) -> &LedgerRepositories {
        &self.ledger
    }

    /// The store of oversight.
    #[must_use]
    pub fn oversight(&self) -> &OversightRepositories {
        &self.oversight
    }
}
