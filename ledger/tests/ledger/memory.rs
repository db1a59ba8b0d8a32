//! Runs the conformance suite on the repositories in memory.

use tickbook::Clock;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::conformance::Subject;

use crate::samples::seconds;

async fn empty_store() -> Subject {
    Subject::new(LedgerRepositories::in_memory())
}

tickbook_ledger::ledger_conformance_tests!(empty_store);

mod stopped_clock {
    use super::*;

    async fn empty_store() -> Subject {
        let clock = Clock::standing_at(seconds(0));
        Subject::new(LedgerRepositories::in_memory_with_clock(clock))
    }

    tickbook_ledger::ledger_conformance_tests!(empty_store);
}
