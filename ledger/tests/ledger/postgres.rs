//! The repositories in PostgreSQL: the conformance suite, and what a store outside of the process adds.

mod killed;
mod oversight;
mod plans;
mod scripts;
mod several_writers;
mod tampered;
mod vault;
mod whole_day;

use diesel::PgConnection;
use tickbook::Database;
use tickbook::db::{DatabaseConfig, DatabasePools, ScratchSchemas};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::conformance::Subject;
use tickbook_ledger::domain::{
    Account, AccountScope, CostMethod, Currency, Environment, NewAccount, TenantId, Venue,
};

/// A schema with the tables of the ledger.
struct Site {
    schemas: ScratchSchemas,
}

impl Site {
    async fn new() -> Self {
        let site = Self {
            schemas: ScratchSchemas::create(),
        };
        tickbook::postgres::migrate_metadata(&site.pools().metadata())
            .await
            .expect("migrations of the metadata database");
        site
    }

    fn config(&self) -> DatabaseConfig {
        self.schemas.config()
    }

    fn pools(&self) -> DatabasePools {
        DatabasePools::new(&self.config())
    }

    /// Repositories that share nothing with others, like those of another process.
    fn repositories(&self) -> LedgerRepositories {
        LedgerRepositories::postgres(self.pools().metadata())
    }

    fn connection(&self) -> PgConnection {
        self.schemas.connection(Database::Metadata)
    }
}

/// The seed of `TICKBOOK_SEED`, or a random one.
fn seed() -> u64 {
    let given = std::env::var("TICKBOOK_SEED");
    given.map_or_else(
        |_| fastrand::u64(..),
        |text| text.parse().expect("a number"),
    )
}

fn scope() -> AccountScope {
    AccountScope::tenant(TenantId::new(1))
}

async fn account(repositories: &LedgerRepositories, name: &str, method: CostMethod) -> Account {
    let (venue, usd) = (
        Venue::new("V").expect("an id"),
        Currency::new("USD").expect("an id"),
    );
    let account = NewAccount::new(TenantId::new(1), name, venue, Environment::Live, usd);
    let created = repositories
        .accounts
        .create(&scope(), account.cost_method(method))
        .await;
    created.expect("a new account")
}

async fn empty_store() -> Subject {
    let site = Site::new().await;
    Subject::guarded(site.repositories(), site.schemas)
}

tickbook_ledger::ledger_conformance_tests!(empty_store);
