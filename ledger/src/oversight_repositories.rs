//! The repositories of oversight: risk events, the audit log, credentials and users.

use std::sync::Arc;

use tickbook::Clock;
#[cfg(feature = "postgres")]
use tickbook::db::MetadataConnections;

use crate::memory::{InMemoryCredentials, InMemoryOversight, InMemoryUsers};
#[cfg(feature = "postgres")]
use crate::postgres::{PgCredentials, PgOversight, PgUsers};
use crate::repository::{
    AccountRepository, CredentialRepository, OversightRepository, UserRepository,
};

/// The repositories of oversight. Clones share them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OversightRepositories {
    /// Risk events and the audit log.
    pub oversight: Arc<dyn OversightRepository>,
    /// Encrypted credentials.
    pub credentials: Arc<dyn CredentialRepository>,
    /// Users and their grants.
    pub users: Arc<dyn UserRepository>,
}

impl OversightRepositories {
    /// Combines repositories, for example mocks.
    #[must_use]
    pub fn new(
        oversight: Arc<dyn OversightRepository>,
        credentials: Arc<dyn CredentialRepository>,
        users: Arc<dyn UserRepository>,
    ) -> Self {
        Self {
            oversight,
            credentials,
            users,
        }
    }

    /// Empty repositories in memory with the system clock. The accounts are those of `accounts`.
    #[must_use]
    pub fn in_memory(accounts: Arc<dyn AccountRepository>) -> Self {
        Self::in_memory_with_clock(accounts, Clock::system())
    }

    /// Empty repositories in memory.
    #[must_use]
    pub fn in_memory_with_clock(accounts: Arc<dyn AccountRepository>, clock: Clock) -> Self {
        Self::new(
            Arc::new(InMemoryOversight::new(Arc::clone(&accounts), clock.clone())),
            Arc::new(InMemoryCredentials::new(
                Arc::clone(&accounts),
                clock.clone(),
            )),
            Arc::new(InMemoryUsers::new(accounts, clock)),
        )
    }

    /// The repositories in PostgreSQL, in the metadata database.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(connections: impl MetadataConnections + Clone) -> Self {
        Self::postgres_with_clock(connections, Clock::system())
    }

    /// The repositories in PostgreSQL with another clock.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres_with_clock(
        connections: impl MetadataConnections + Clone,
        clock: Clock,
    ) -> Self {
        Self::new(
            Arc::new(PgOversight::new(connections.clone(), clock.clone())),
            Arc::new(PgCredentials::new(connections.clone(), clock.clone())),
            Arc::new(PgUsers::new(connections, clock)),
        )
    }
}
