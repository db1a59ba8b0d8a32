//! The ledger of a server that starts.

use tickbook::Clock;
use tickbook::db::DatabasePools;
use tickbook_ledger::memory::InMemoryLedger;
use tickbook_ledger::relay::{Relay, RelayRepositories};
use tickbook_ledger::{LedgerRepositories, PerformanceRepositories, StrategyRepositories};
use tokio_util::sync::CancellationToken;

/// The repositories of the ledger and of strategies: in the metadata database, or without databases in memory.
pub(crate) fn ledger_repositories(
    pools: Option<&DatabasePools>,
    clock: &Clock,
) -> (LedgerRepositories, StrategyRepositories) {
    match pools {
        Some(pools) => (
            LedgerRepositories::postgres(pools.clone()),
            StrategyRepositories::postgres(pools.clone()),
        ),
        None => {
            let store = InMemoryLedger::with_clock(clock.clone());
            let strategies = StrategyRepositories::in_memory(&store);
            (LedgerRepositories::over(&store), strategies)
        }
    }
}

/// The performance of accounts: in the time-series database, or without databases in memory.
pub(crate) fn performance_repositories(pools: Option<&DatabasePools>) -> PerformanceRepositories {
    match pools {
        Some(pools) => PerformanceRepositories::postgres(pools.timeseries()),
        None => PerformanceRepositories::in_memory(),
    }
}

/// Copies booked order events to the time-series database until `stop`.
pub(crate) fn start_relay(pools: &DatabasePools, clock: &Clock, stop: &CancellationToken) {
    let relay = Relay::new(RelayRepositories::postgres(pools)).with_clock(clock.clone());
    let stop = stop.clone().cancelled_owned();
    tokio::spawn(async move { relay.run(stop).await });
}
