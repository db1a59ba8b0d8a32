//! Queries and results of backtest runs.

use tickbook::domain::{PageLimit, SortOrder};

use crate::domain::{
    AccountId, BacktestMetric, BacktestRun, BacktestRunId, BacktestState, MetricDifference,
    StrategyId,
};

/// The largest number of runs that are compared at once.
pub const MAX_COMPARED_RUNS: usize = 20;

/// A query for backtest runs, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestQuery {
    /// Only runs of this strategy.
    pub strategy_id: Option<StrategyId>,
    /// Only runs of versions with this number.
    pub version: Option<i32>,
    /// Only runs in this state.
    pub state: Option<BacktestState>,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only runs after this one, in the order of the query.
    pub after: Option<BacktestRunId>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl Default for BacktestQuery {
    /// The first 500 runs, oldest first.
    fn default() -> Self {
        Self {
            strategy_id: None,
            version: None,
            state: None,
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }
}

impl BacktestQuery {
    /// Returns only runs of this strategy.
    #[must_use]
    pub fn strategy_id(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns only runs of versions with this number.
    #[must_use]
    pub fn version(mut self, version: impl Into<Option<i32>>) -> Self {
        self.version = version.into();
        self
    }

    /// Returns only runs in this state.
    #[must_use]
    pub fn state(mut self, state: impl Into<Option<BacktestState>>) -> Self {
        self.state = state.into();
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn order(mut self, order: SortOrder) -> Self {
        self.order = order;
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<BacktestRunId>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// The result of [`BacktestRepository::start`](super::BacktestRepository::start).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartedRun {
    /// The run with the given input.
    pub run: BacktestRun,
    /// Whether this call created it. A run that exists already may be finished.
    pub is_new: bool,
}

impl StartedRun {
    /// A run that was created (`is_new`) or existed already.
    #[must_use]
    pub fn new(run: BacktestRun, is_new: bool) -> Self {
        Self { run, is_new }
    }
}

/// The result of [`BacktestRepository::finish`](super::BacktestRepository::finish).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinishOutcome {
    /// The metrics are stored.
    Finished(BacktestRun),
    /// The run was finished before, with the same metrics.
    Unchanged(BacktestRun),
    /// The run was finished before, with other metrics. Nothing is changed.
    Conflict {
        /// The stored run.
        run: BacktestRun,
        /// The metrics that differ, by name and definition.
        differences: Vec<MetricDifference>,
    },
}

impl FinishOutcome {
    /// The outcome for a finished run: the stored metrics and the given ones, both sorted.
    pub(crate) fn of_rerun(
        run: BacktestRun,
        stored: &[BacktestMetric],
        given: &[BacktestMetric],
    ) -> Self {
        let differences = crate::domain::metric_differences(stored, given);
        match differences.is_empty() {
            true => Self::Unchanged(run),
            false => Self::Conflict { run, differences },
        }
    }
}

/// The result of [`BacktestRepository::delete`](super::BacktestRepository::delete).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedRun {
    /// The run.
    pub run_id: BacktestRunId,
    /// Its account, which was deleted with it.
    pub account_id: AccountId,
    /// The number of events of the account.
    pub events: i64,
    /// The number of contents of artifacts that no other run has.
    pub contents: u64,
}

impl DeletedRun {
    /// What was deleted.
    #[must_use]
    pub fn new(run_id: BacktestRunId, account_id: AccountId, events: i64, contents: u64) -> Self {
        Self {
            run_id,
            account_id,
            events,
            contents,
        }
    }
}
