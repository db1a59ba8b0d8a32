//! Runs the conformance suite on the repositories in PostgreSQL.

use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::conformance::Subject;

async fn empty_store() -> Subject {
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    tickbook::postgres::migrate_metadata(&pools.metadata())
        .await
        .expect("migrations of the metadata database");
    Subject::guarded(LedgerRepositories::postgres(pools.metadata()), schemas)
}

tickbook_ledger::ledger_conformance_tests!(empty_store);
