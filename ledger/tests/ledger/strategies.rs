//! Strategies and backtests: the conformance suite, mocks, and what PostgreSQL adds.

mod mocks;
mod postgres;
mod report;

use tickbook::Clock;
use tickbook_ledger::conformance::StrategySubject;
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::{LedgerRepositories, StrategyRepositories};

use crate::samples::seconds;

fn over(store: &InMemoryLedger) -> StrategySubject {
    let strategies = StrategyRepositories::in_memory(store);
    StrategySubject::new(LedgerRepositories::over(store), strategies)
}

mod memory {
    use super::*;

    async fn empty_store() -> StrategySubject {
        over(&InMemoryLedger::new())
    }

    tickbook_ledger::strategy_conformance_tests!(empty_store);
}

mod stopped_clock {
    use super::*;

    async fn empty_store() -> StrategySubject {
        over(&InMemoryLedger::with_clock(Clock::standing_at(seconds(0))))
    }

    tickbook_ledger::strategy_conformance_tests!(empty_store);
}
