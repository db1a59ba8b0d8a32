//! Backtest runs in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tickbook::RepositoryError;
use tickbook::domain::{Page, SortOrder};

use super::strategy_store::{InMemoryStrategies, StoredRun};
use crate::domain::{
    AccountScope, Artifact, BacktestComparison, BacktestInput, BacktestMetric, BacktestRun,
    BacktestRunId, BacktestState, ContentHash, NewAccount, NewArtifact, RunArtifact,
    check_backtest_account, check_error, sorted_metrics,
};
use crate::repository::{
    BacktestQuery, BacktestRepository, DeletedRun, FinishOutcome, StartedRun, artifact_taken,
    check_compared, check_new_account, check_same_tenant, failed_before, finished_before,
    missing_run, missing_version,
};

#[async_trait]
impl BacktestRepository for InMemoryStrategies {
    async fn start(
        &self,
        scope: &AccountScope,
        account: NewAccount,
        input: BacktestInput,
    ) -> Result<StartedRun, RepositoryError> {
        check_backtest_account(&account).map_err(RepositoryError::invalid)?;
        check_new_account(scope, &account)?;
        let input = input.normalized().map_err(RepositoryError::invalid)?;
        let parameters_hash = input.parameters_hash(&account);
        let now = self.ledger.now();
        let mut state = self.write();
        let strategy = state.strategy(scope, input.strategy_id);
        let missing = || missing_version(input.strategy_id, input.version);
        check_same_tenant(&strategy.ok_or_else(missing)?.strategy, account.tenant_id)?;
        let version = state.version(scope, input.strategy_id, input.version);
        version.ok_or_else(missing)?;
        let key = |input: &BacktestInput| {
            let version = (input.strategy_id, input.version);
            (version, input.data_hash, input.seed)
        };
        let known = state.runs.values_mut().find(|it| {
            key(&it.run.input) == key(&input) && it.run.parameters_hash == parameters_hash
        });
        if let Some(StoredRun { run, .. }) = known {
            if run.state == BacktestState::Failed {
                (run.state, run.started_at) = (BacktestState::Running, now);
                (run.finished_at, run.error) = (None, None);
                run.input.engine_version = input.engine_version;
                run.input.journal_level = input.journal_level;
            }
            return Ok(StartedRun::new(run.clone(), false));
        }
        let account = self.ledger.create_account(account)?;
        state.last_run += 1;
        let id = BacktestRunId::new(state.last_run);
        let run = BacktestRun::new(id, account.account_id, input, parameters_hash, now);
        let stored = StoredRun {
            run: run.clone(),
            metrics: Vec::new(),
            artifacts: BTreeMap::new(),
        };
        state.runs.insert(id, stored);
        Ok(StartedRun::new(run, true))
    }

    async fn finish(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        metrics: &[BacktestMetric],
    ) -> Result<FinishOutcome, RepositoryError> {
        let metrics = sorted_metrics(metrics).map_err(RepositoryError::invalid)?;
        let now = self.ledger.now();
        let mut state = self.write();
        let stored = self.run_mut(&mut state, scope, run_id)?;
        let run = &mut stored.run;
        match run.state {
            BacktestState::Failed => Err(failed_before(run_id)),
            BacktestState::Finished => Ok(FinishOutcome::of_rerun(
                run.clone(),
                &stored.metrics,
                &metrics,
            )),
            BacktestState::Running => {
                run.state = BacktestState::Finished;
                run.finished_at = Some(now.max(run.started_at));
                stored.metrics = metrics;
                Ok(FinishOutcome::Finished(run.clone()))
            }
        }
    }

    async fn fail(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        error: &str,
    ) -> Result<BacktestRun, RepositoryError> {
        check_error(error).map_err(RepositoryError::invalid)?;
        let now = self.ledger.now();
        let mut state = self.write();
        let run = &mut self.run_mut(&mut state, scope, run_id)?.run;
        match run.state {
            BacktestState::Finished => return Err(finished_before(run_id)),
            BacktestState::Failed => {}
            BacktestState::Running => {
                run.state = BacktestState::Failed;
                run.finished_at = Some(now.max(run.started_at));
                run.error = Some(error.to_owned());
            }
        }
        Ok(run.clone())
    }

    async fn get(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Option<BacktestRun>, RepositoryError> {
        let state = self.read();
        let found = state.runs.get(&run_id).map(|it| it.run.clone());
        Ok(found.filter(|it| self.sees(scope, it.account_id)))
    }

    async fn runs(
        &self,
        scope: &AccountScope,
        query: &BacktestQuery,
    ) -> Result<Page<BacktestRun, BacktestRunId>, RepositoryError> {
        let state = self.read();
        let is_ascending = query.order == SortOrder::Ascending;
        let found = state.runs.values().map(|it| &it.run).filter(|run| {
            let input = &run.input;
            query.strategy_id.is_none_or(|id| input.strategy_id == id)
                && query.version.is_none_or(|it| input.version == it)
                && query.state.is_none_or(|it| run.state == it)
                && query.after.is_none_or(|after| match is_ascending {
                    true => run.run_id > after,
                    false => run.run_id < after,
                })
                && self.sees(scope, run.account_id)
        });
        let count = query.limit.get() + 1;
        let items = match is_ascending {
            true => found.take(count).cloned().collect(),
            false => found.rev().take(count).cloned().collect(),
        };
        Ok(Page::from_limit_plus_one(
            items,
            query.limit,
            |it: &BacktestRun| it.run_id,
        ))
    }

    async fn metrics(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<BacktestMetric>, RepositoryError> {
        let mut state = self.write();
        let stored = self.run_mut(&mut state, scope, run_id)?;
        Ok(stored.metrics.clone())
    }

    async fn compare(
        &self,
        scope: &AccountScope,
        run_ids: &[BacktestRunId],
    ) -> Result<BacktestComparison, RepositoryError> {
        check_compared(run_ids)?;
        let mut state = self.write();
        let results = run_ids.iter().map(|run_id| {
            let stored = self.run_mut(&mut state, scope, *run_id)?;
            Ok((stored.run.clone(), stored.metrics.clone()))
        });
        let results: Result<Vec<_>, RepositoryError> = results.collect();
        Ok(BacktestComparison::new(results?))
    }

    async fn put_artifact(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
        artifact: NewArtifact,
    ) -> Result<RunArtifact, RepositoryError> {
        artifact.check().map_err(RepositoryError::invalid)?;
        let described = RunArtifact::of(&artifact);
        let mut state = self.write();
        let stored = self.run_mut(&mut state, scope, run_id)?;
        match stored.artifacts.get(&artifact.name) {
            Some(known) if *known == described => return Ok(described),
            Some(_) => return Err(artifact_taken(run_id, &artifact.name)),
            None => {}
        }
        stored.artifacts.insert(artifact.name, described.clone());
        state.contents.insert(described.sha256, artifact.content);
        Ok(described)
    }

    async fn artifacts(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<Vec<RunArtifact>, RepositoryError> {
        let mut state = self.write();
        let stored = self.run_mut(&mut state, scope, run_id)?;
        Ok(stored.artifacts.values().cloned().collect())
    }

    async fn artifact(
        &self,
        scope: &AccountScope,
        sha256: ContentHash,
    ) -> Result<Option<Artifact>, RepositoryError> {
        let state = self.read();
        let runs = state.runs.values();
        let mut files = runs
            .filter(|it| self.sees(scope, it.run.account_id))
            .flat_map(|it| it.artifacts.values());
        let found = files.find(|it| it.sha256 == sha256);
        let content = state.contents.get(&sha256);
        Ok(found
            .zip(content)
            .map(|(file, content)| Artifact::new(&file.media_type, content.clone())))
    }

    async fn delete(
        &self,
        scope: &AccountScope,
        run_id: BacktestRunId,
    ) -> Result<DeletedRun, RepositoryError> {
        let mut state = self.write();
        let account_id = self.run_mut(&mut state, scope, run_id)?.run.account_id;
        state
            .runs
            .remove(&run_id)
            .ok_or_else(|| missing_run(run_id))?;
        state
            .deployments
            .retain(|_, it| it.terms.account_id != account_id);
        let files = state.runs.values().flat_map(|it| it.artifacts.values());
        let used: Vec<_> = files.map(|it| it.sha256).collect();
        let before = state.contents.len();
        state.contents.retain(|sha256, _| used.contains(sha256));
        let contents = (before - state.contents.len()) as u64;
        let events = self.ledger.delete_account(account_id);
        Ok(DeletedRun::new(run_id, account_id, events, contents))
    }
}
