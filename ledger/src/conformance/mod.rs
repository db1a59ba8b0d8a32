//! The conformance suite: one function for each behaviour of the contract in [`repository`](crate::repository).
//!
//! A backend passes a function that creates an empty store to
//! [`ledger_conformance_tests!`](crate::ledger_conformance_tests) and gets one named test per behaviour;
//! [`relay_conformance_tests!`](crate::relay_conformance_tests) tests the outbox and the order history. A behaviour
//! panics if the store violates it. Random behaviours print the seed that reproduces them.

// the name of a behaviour is its documentation
#[allow(missing_docs)]
pub mod accounts;
#[allow(missing_docs)]
pub mod audit_log;
#[allow(missing_docs)]
pub mod credentials;
#[allow(missing_docs)]
pub mod ledger_positions;
#[allow(missing_docs)]
pub mod ledger_reading;
#[allow(missing_docs)]
pub mod ledger_refusals;
#[allow(missing_docs)]
pub mod ledger_writing;
mod macros;
mod macros_oversight;
mod macros_relay;
mod oversight_subject;
#[allow(missing_docs)]
pub mod position_reports;
#[allow(missing_docs)]
pub mod relay_history;
#[allow(missing_docs)]
pub mod relay_outbox;
mod relay_samples;
#[allow(missing_docs)]
pub mod risk_events;
mod samples;
#[allow(missing_docs)]
pub mod users;

use std::any::Any;

pub use oversight_subject::OversightSubject;

use crate::{LedgerRepositories, RelayRepositories};

/// An empty store under test, and a guard that must live as long.
#[derive(Debug)]
pub struct Subject {
    // fields are dropped in this order: connections close before the guard removes their database
    repositories: LedgerRepositories,
    _guard: Option<Box<dyn Any + Send>>,
}

impl Subject {
    /// A store without a guard.
    #[must_use]
    pub fn new(repositories: LedgerRepositories) -> Self {
        Self {
            repositories,
            _guard: None,
        }
    }

    /// A store that owns `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(repositories: LedgerRepositories, guard: impl Any + Send) -> Self {
        Self {
            repositories,
            _guard: Some(Box::new(guard)),
        }
    }

    /// The store.
    #[must_use]
    pub fn repositories(&self) -> &LedgerRepositories {
        &self.repositories
    }
}

/// An empty ledger under test with its outbox and an empty order history, and a guard that must live as long.
#[derive(Debug)]
pub struct RelaySubject {
    // fields are dropped in this order: connections close before the guard removes their database
    ledger: LedgerRepositories,
    relay: RelayRepositories,
    _guard: Option<Box<dyn Any + Send + Sync>>,
}

impl RelaySubject {
    /// A store without a guard.
    #[must_use]
    pub fn new(ledger: LedgerRepositories, relay: RelayRepositories) -> Self {
        Self {
            ledger,
            relay,
            _guard: None,
        }
    }

    /// A store that owns `guard`, such as a schema that is removed after the test.
    #[must_use]
    pub fn guarded(
        ledger: LedgerRepositories,
        relay: RelayRepositories,
        guard: impl Any + Send + Sync,
    ) -> Self {
        Self {
            ledger,
            relay,
            _guard: Some(Box::new(guard)),
        }
    }

    /// The ledger whose appends fill the outbox.
    #[must_use]
    pub fn ledger(&self) -> &LedgerRepositories {
        &self.ledger
    }

    /// The outbox and the history.
    #[must_use]
    pub fn relay(&self) -> &RelayRepositories {
        &self.relay
    }
}
