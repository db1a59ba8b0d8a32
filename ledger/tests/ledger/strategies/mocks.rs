//! Unit tests of a program with mocks of strategies and backtests.

use std::sync::Arc;

use tickbook::RepositoryError;
use tickbook_ledger::StrategyRepositories;
use tickbook_ledger::domain::{AccountScope, BacktestMetric, BacktestRunId};
use tickbook_ledger::repository::{MockBacktestRepository, MockStrategyRepository};

use crate::samples::dec;

/// A part of a program: the names of the metrics of a run that are undefined.
async fn undefined(
    repositories: &StrategyRepositories,
    run_id: BacktestRunId,
) -> Result<Vec<String>, RepositoryError> {
    let scope = AccountScope::all();
    let metrics = repositories.backtests.metrics(&scope, run_id).await?;
    let undefined = metrics.into_iter().filter(|it| it.value.reason().is_some());
    Ok(undefined.map(|it| it.metric).collect())
}

#[tokio::test]
async fn undefined_metrics_are_listed() {
    let mut backtests = MockBacktestRepository::new();
    backtests
        .expect_metrics()
        .withf(|_, run_id| *run_id == BacktestRunId::new(7))
        .returning(|_, _| {
            let defined = BacktestMetric::new("net", "d", dec("1"));
            let undefined = BacktestMetric::undefined("sharpe", "d", "fewer than two days");
            Ok(vec![defined, undefined])
        });
    let strategies = Arc::new(MockStrategyRepository::new());
    let repositories = StrategyRepositories::new(strategies, Arc::new(backtests));
    let found = undefined(&repositories, BacktestRunId::new(7)).await;
    assert_eq!(found.expect("read"), ["sharpe"]);
}
