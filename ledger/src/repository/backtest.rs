//! The repository of backtest runs.

use std::collections::BTreeSet;
use std::fmt::Debug;

use async_trait::async_trait;
use tickbook::domain::Page;
use tickbook::{Entity, RepositoryError};

use super::backtest_query::{
    BacktestQuery, DeletedRun, FinishOutcome, MAX_COMPARED_RUNS, StartedRun,
};
use crate::domain::{
    AccountScope, Artifact, BacktestComparison, BacktestInput, BacktestMetric, BacktestRun,
    BacktestRunId, ContentHash, NewAccount, NewArtifact, RunArtifact,
};

/// Stores backtest runs with their metrics and artifacts.
///
/// A run has an account of its own in the environment `backtest`. The engine appends orders and fills to this account
/// with [`LedgerRepository::append`](super::LedgerRepository::append), in batches of up to some thousand events.
///
/// The same input gives the same run: strategy version, data, parameters and seed. An engine that repeats a run appends
/// the same events, which are duplicates, and finishes it with the same metrics. Other metrics are a conflict, which
/// shows that the engine is not deterministic or has changed.
///
/// A run is in the scope of a caller if its account is. All methods return [`NotFound`](RepositoryError::NotFound) if the
/// run does not exist or is outside of the scope.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rust_decimal::Decimal;
/// use tickbook::domain::TimeRange;
/// use tickbook_ledger::StrategyRepositories;
/// use tickbook_ledger::domain::{
///     AccountScope, BacktestInput, BacktestMetric, ContentHash, Currency, Environment, NewAccount, NewStrategy,
///     NewStrategyVersion, TenantId, Venue,
/// };
/// use tickbook_ledger::memory::InMemoryLedger;
/// use tickbook_ledger::repository::FinishOutcome;
///
/// let StrategyRepositories { strategies, backtests, .. } =
///     StrategyRepositories::in_memory(&InMemoryLedger::new());
/// let scope = AccountScope::tenant(TenantId::new(1));
/// let strategy = strategies.create(&scope, NewStrategy::new(TenantId::new(1), "ema_crossover")).await?;
/// let id = strategy.strategy_id;
/// strategies.add_version(&scope, id, NewStrategyVersion::new("git:8f14e45")).await?;
///
/// let (venue, usd) = (Venue::new("sim")?, Currency::new("USD")?);
/// let account = NewAccount::new(TenantId::new(1), "ema 1, seed 42", venue, Environment::Backtest, usd);
/// let range = TimeRange::new("2024-01-01T00:00:00Z".parse()?, "2024-02-01T00:00:00Z".parse()?)?;
/// let input = BacktestInput::new(id, 1, ContentHash::of(b"ticks"), range, "engine 1.2").seed(42);
/// let run = backtests.start(&scope, account, input).await?.run;
/// // … append the events of the run to run.account_id …
///
/// let metrics = [BacktestMetric::new("net_profit", "base_currency_1", Decimal::from(1250))];
/// let outcome = backtests.finish(&scope, run.run_id, &metrics).await?;
/// assert!(matches!(outcome, FinishOutcome::Finished(_)));
/// let other = [BacktestMetric::new("net_profit", "base_currency_1", Decimal::from(1251))];
/// let outcome = backtests.finish(&scope, run.run_id, &other).await?;
/// assert!(matches!(outcome, FinishOutcome::Conflict { .. }));
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BacktestRepository: Debug + Send + Sync + 'static {
    /// Creates a run and its account. If a run with the same input exists, that run is the result and no account is
    /// created; a failed run is running again, with the given program and journal level.
    ///
    /// # Errors
    /// [`NotFound`](RepositoryError::NotFound) if the version does not exist or is outside of the scope.
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if another account of the tenant has the name.
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the account or the input is invalid, the account is not in the
    /// environment `backtest` or belongs to another tenant than the strategy, or the scope does not cover all accounts of
    /// the tenant.
    async fn start(
        &self,
        scope: &AccountScope,
        account: NewAccount,
        input: BacktestInput,
    ) -> Result<StartedRun, RepositoryError>;

    /// Stores the metrics of a run, which is finished then. The metrics of a finished run do not change: equal ones are
    /// accepted, and different ones are a conflict.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if a metric is invalid or is given twice, or if the run failed.
    async fn finish(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        metrics: &[BacktestMetric],
    ) -> Result<FinishOutcome, RepositoryError>;

    /// Ends a run without metrics. A run that failed before keeps the first reason.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the run is finished, or `error` has not 1 to 1,000 printable
    /// characters.
    async fn fail(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        error: &str,
    ) -> Result<BacktestRun, RepositoryError>;

    /// Returns a run; `None` if it does not exist or is outside of the scope.
    async fn get(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Option<BacktestRun>, RepositoryError>;

    /// Returns a page of the runs of the scope, by id.
    async fn runs(
        &self,
        scope: &AccountScope,
        query: &BacktestQuery,
    ) -> Result<Page<BacktestRun, BacktestRunId>, RepositoryError>;

    /// Returns the metrics of a run, by name and definition. A run that is not finished has none.
    async fn metrics(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<BacktestMetric>, RepositoryError>;

    /// Returns several runs with their metrics side by side, as of one instant.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if no run, one run twice, or more than 20 runs are given.
    async fn compare(
        &self,
        scope: &AccountScope,
        run_ids: &[BacktestRunId],
    ) -> Result<BacktestComparison, RepositoryError>;

    /// Attaches a file to a run. The same file is accepted again.
    ///
    /// # Errors
    /// [`InvalidInput`](RepositoryError::InvalidInput) if the file is invalid or too large,
    /// [`AlreadyExists`](RepositoryError::AlreadyExists) if the run has another file with the name.
    async fn put_artifact(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        artifact: NewArtifact,
    ) -> Result<RunArtifact, RepositoryError>;

    /// Returns the files of a run, by name.
    async fn artifacts(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<RunArtifact>, RepositoryError>;

    /// Returns a content; `None` if no run of the scope has it.
    async fn artifact(
        &self,
        scope: &AccountScope,
        sha256: ContentHash,
    ) -> Result<Option<Artifact>, RepositoryError>;

    /// Deletes a run with its metrics, its artifacts, and its account with all events, orders, fills and positions. The
    /// ids are not used again. Copies in the time-series database stay.
    async fn delete(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<DeletedRun, RepositoryError>;
}

/// Checks runs to compare.
pub(crate) fn check_compared(run_ids: &[BacktestRunId]) -> Result<(), RepositoryError> {
    let distinct: BTreeSet<_> = run_ids.iter().collect();
    if run_ids.is_empty() || run_ids.len() > MAX_COMPARED_RUNS {
        return Err(RepositoryError::invalid(format_args!(
            "invalid number of runs {}: compare 1 to {MAX_COMPARED_RUNS}",
            run_ids.len()
        )));
    }
    match distinct.len() == run_ids.len() {
        true => Ok(()),
        false => Err(RepositoryError::invalid(
            "a run is given twice: give each run once",
        )),
    }
}

/// The error of an unknown run and of one outside of the scope.
pub(crate) fn missing_run(run_id: BacktestRunId) -> RepositoryError {
    RepositoryError::NotFound {
        entity: Entity::BacktestRun,
        key: run_id.to_string(),
    }
}

/// The error of a finish of a run that failed.
pub(crate) fn failed_before(run_id: BacktestRunId) -> RepositoryError {
    RepositoryError::invalid(format_args!(
        "backtest run {run_id} failed: start it again before it is finished"
    ))
}

/// The error of a failure of a run that is finished.
pub(crate) fn finished_before(run_id: BacktestRunId) -> RepositoryError {
    RepositoryError::invalid(format_args!(
        "backtest run {run_id} is finished: its result does not change"
    ))
}

/// The error of a file whose name is taken.
pub(crate) fn artifact_taken(run_id: BacktestRunId, name: &str) -> RepositoryError {
    RepositoryError::AlreadyExists {
        entity: Entity::Artifact,
        key: format!(
            "{} of backtest run {run_id}",
            tickbook::domain::excerpt(name)
        ),
    }
}
