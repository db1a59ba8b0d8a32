//! Runs the conformance suite of oversight on both stores.

use tickbook::Clock;
use tickbook_ledger::conformance::OversightSubject;
use tickbook_ledger::{LedgerRepositories, OversightRepositories};

mod memory {
    use super::*;

    async fn empty_store() -> OversightSubject {
        let ledger = LedgerRepositories::in_memory();
        let oversight = OversightRepositories::in_memory(ledger.accounts.clone());
        OversightSubject::new(ledger, oversight)
    }

    tickbook_ledger::oversight_conformance_tests!(empty_store);
}

mod stopped_clock {
    use super::*;
    use crate::samples::seconds;

    async fn empty_store() -> OversightSubject {
        let clock = Clock::standing_at(seconds(0));
        let ledger = LedgerRepositories::in_memory_with_clock(clock.clone());
        let accounts = ledger.accounts.clone();
        let oversight = OversightRepositories::in_memory_with_clock(accounts, clock);
        OversightSubject::new(ledger, oversight)
    }

    tickbook_ledger::oversight_conformance_tests!(empty_store);
}
