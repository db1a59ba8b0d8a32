//! The repository of backtest runs in PostgreSQL.

use async_trait::async_trait;
use diesel::PgConnection;
use tickbook::RepositoryError;
use tickbook::domain::Page;

use super::strategy_store::PgStrategies;
use super::{artifacts, backtests};
use crate::domain::{
    AccountScope, Artifact, BacktestComparison, BacktestInput, BacktestMetric, BacktestRun,
    BacktestRunId, ContentHash, NewAccount, NewArtifact, RunArtifact, check_backtest_account,
    check_error, sorted_metrics,
};
use crate::repository::{
    BacktestQuery, BacktestRepository, DeletedRun, FinishOutcome, StartedRun, check_compared,
    check_new_account,
};

#[async_trait]
impl BacktestRepository for PgStrategies {
    async fn start(
        &self,
        scope: &AccountScope,
        account: NewAccount,
        input: BacktestInput,
    ) -> Result<StartedRun, RepositoryError> {
        check_backtest_account(&account).map_err(RepositoryError::invalid)?;
        check_new_account(scope, &account)?;
        let input = input.normalized().map_err(RepositoryError::invalid)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            backtests::start(connection, &scope, &account, &input, now)
        };
        self.metadata().run_idempotent("start_backtest", work).await
    }

    async fn finish(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        metrics: &[BacktestMetric],
    ) -> Result<FinishOutcome, RepositoryError> {
        let metrics = sorted_metrics(metrics).map_err(RepositoryError::invalid)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            backtests::finish(connection, &scope, run_id, &metrics, now)
        };
        self.metadata()
            .run_idempotent("finish_backtest", work)
            .await
    }

    async fn fail(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        error: &str,
    ) -> Result<BacktestRun, RepositoryError> {
        check_error(error).map_err(RepositoryError::invalid)?;
        let (scope, error, now) = (scope.clone(), error.to_owned(), self.now());
        let work = move |connection: &mut PgConnection| {
            backtests::fail(connection, &scope, run_id, &error, now)
        };
        self.metadata().run_idempotent("fail_backtest", work).await
    }

    async fn get(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Option<BacktestRun>, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| backtests::find(connection, &scope, run_id);
        self.metadata().read("backtest_run", work).await
    }

    async fn runs(
        &self,
        scope: &AccountScope,
        query: &BacktestQuery,
    ) -> Result<Page<BacktestRun, BacktestRunId>, RepositoryError> {
        let (scope, query) = (scope.clone(), query.clone());
        let work = move |connection: &mut PgConnection| backtests::list(connection, &scope, &query);
        self.metadata().read("backtest_runs", work).await
    }

    async fn metrics(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<BacktestMetric>, RepositoryError> {
        let scope = scope.clone();
        let work =
            move |connection: &mut PgConnection| backtests::metrics(connection, &scope, run_id);
        self.metadata().read("backtest_metrics", work).await
    }

    async fn compare(
        &self,
        scope: &AccountScope,
        run_ids: &[BacktestRunId],
    ) -> Result<BacktestComparison, RepositoryError> {
        check_compared(run_ids)?;
        let (scope, run_ids) = (scope.clone(), run_ids.to_vec());
        let work =
            move |connection: &mut PgConnection| backtests::compare(connection, &scope, &run_ids);
        self.metadata().read("compare_backtests", work).await
    }

    async fn put_artifact(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        artifact: NewArtifact,
    ) -> Result<RunArtifact, RepositoryError> {
        artifact.check().map_err(RepositoryError::invalid)?;
        let (scope, now) = (scope.clone(), self.now());
        let work = move |connection: &mut PgConnection| {
            artifacts::put(connection, &scope, run_id, &artifact, now)
        };
        self.metadata().run_idempotent("put_artifact", work).await
    }

    async fn artifacts(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<RunArtifact>, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| artifacts::list(connection, &scope, run_id);
        self.metadata().read("artifacts", work).await
    }

    async fn artifact(
        &self,
        scope: &AccountScope,
        sha256: ContentHash,
    ) -> Result<Option<Artifact>, RepositoryError> {
        let scope = scope.clone();
        let work = move |connection: &mut PgConnection| artifacts::get(connection, &scope, sha256);
        self.metadata().read("artifact", work).await
    }

    async fn delete(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<DeletedRun, RepositoryError> {
        let scope = scope.clone();
        let work =
            move |connection: &mut PgConnection| artifacts::delete_run(connection, &scope, run_id);
        self.metadata().run_once("delete_backtest", work).await
    }
}
