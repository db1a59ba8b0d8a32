//! Reads what a report shows.

use tickbook::RepositoryError;

use super::BacktestReport;
use crate::StrategyRepositories;
use crate::domain::{AccountScope, BacktestRunId, EquityCurve};
use crate::repository::{AccountRepository, missing_run, missing_version};

/// Reads the report of a run. Its equity curve is the artifact [`EquityCurve::ARTIFACT`].
///
/// # Errors
/// [`NotFound`](RepositoryError::NotFound) if the run does not exist or is outside of the scope. The first error of a
/// repository.
pub async fn load(
    scope: &AccountScope,
    accounts: &dyn AccountRepository,
    repositories: &StrategyRepositories,
    run_id: BacktestRunId,
) -> Result<BacktestReport, RepositoryError> {
    let (strategies, backtests) = (&repositories.strategies, &repositories.backtests);
    let run = backtests.get(scope, run_id).await?;
    let run = run.ok_or_else(|| missing_run(run_id))?;
    let metrics = backtests.metrics(scope, run_id).await?;
    let (id, number) = (run.input.strategy_id, run.input.version);
    let missing = || missing_version(id, number);
    let strategy = strategies.get(scope, id).await?.ok_or_else(missing)?;
    let version = strategies.version(scope, id, number).await?;
    let version = version.ok_or_else(missing)?;
    let account = accounts.get(scope, run.account_id).await?;
    let files = backtests.artifacts(scope, run_id).await?;
    let report = BacktestReport::new(strategy, version, run, metrics)
        .with_currency(account.map(|it| it.terms.base_currency));
    let Some(file) = files.iter().find(|it| it.name == EquityCurve::ARTIFACT) else {
        return Ok(report);
    };
    let content = backtests.artifact(scope, file.sha256).await?;
    let content = content.map(|it| it.content).unwrap_or_default();
    let curve = EquityCurve::from_json(&content);
    Ok(report.with_curve(curve.map_err(|error| error.to_string())))
}
