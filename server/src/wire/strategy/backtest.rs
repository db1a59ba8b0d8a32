//! Backtest runs as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tickbook_ledger::domain::{BacktestComparison, BacktestMetric, BacktestRun, BacktestValue};
use tickbook_ledger::repository::DeletedRun;
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// A run of a strategy over stored market data. Its orders and fills are those of its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "run_id": 12, "account_id": 31, "strategy_id": 1, "version": 3,
    "data_hash": "e4d909c290d0fb1ca068ffaddf22cbd0d4d21fc1a5a9d3a2a3b4ed3ea1f2b80c",
    "parameters_hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "seed": 42,
    "engine_version": "engine 1.2", "parameters": {"fee": "0.001"}, "from": "2024-01-01T00:00:00.000000Z",
    "to": "2024-02-01T00:00:00.000000Z", "starting_capital": "10000", "journal_level": "all", "state": "finished",
    "started_at": "2024-05-01T12:00:00.100000Z", "finished_at": "2024-05-01T12:00:03.250000Z", "error": null
}))]
pub struct BacktestRunBody {
    /// The id, positive.
    #[schema(example = 12, minimum = 1)]
    pub run_id: i64,
    /// The account of the run, in the environment backtest.
    #[schema(example = 31, minimum = 1)]
    pub account_id: i64,
    /// The strategy.
    #[schema(example = 1, minimum = 1)]
    pub strategy_id: i64,
    /// The version of the strategy.
    #[schema(example = 3, minimum = 1)]
    pub version: i32,
    /// The SHA-256 digest of the market data.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub data_hash: String,
    /// The SHA-256 digest of the parameters, the range, the capital and the terms of the account.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub parameters_hash: String,
    /// The seed of random numbers.
    #[schema(example = 42)]
    pub seed: i64,
    /// Name and version of the program.
    #[schema(example = "engine 1.2")]
    pub engine_version: String,
    /// The parameters beside those of the strategy version.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The start of the data, inclusive.
    pub from: TimeText,
    /// The end of the data, exclusive.
    pub to: TimeText,
    /// The capital at the start, in the base currency of the account.
    pub starting_capital: Option<DecimalText>,
    /// The events that the run records: none, fills or all.
    #[schema(example = "all")]
    pub journal_level: String,
    /// running, finished or failed.
    #[schema(example = "finished")]
    pub state: String,
    /// When it was started last.
    pub started_at: TimeText,
    /// When it finished or failed; null while it is running.
    pub finished_at: Option<TimeText>,
    /// Why it failed; null if it did not fail.
    pub error: Option<String>,
}

impl From<BacktestRun> for BacktestRunBody {
    fn from(run: BacktestRun) -> Self {
        let input = run.input;
        Self {
            run_id: run.run_id.get(),
            account_id: run.account_id.get(),
            strategy_id: input.strategy_id.get(),
            version: input.version,
            data_hash: input.data_hash.to_string(),
            parameters_hash: run.parameters_hash.to_string(),
            seed: input.seed,
            engine_version: input.engine_version,
            parameters: input.parameters.into_value(),
            from: TimeText(input.range.start()),
            to: TimeText(input.range.end()),
            starting_capital: input.starting_capital.map(DecimalText),
            journal_level: input.journal_level.as_str().to_owned(),
            state: run.state.as_str().to_owned(),
            started_at: TimeText(run.started_at),
            finished_at: run.finished_at.map(TimeText),
            error: run.error,
        }
    }
}

/// A page of runs, by ascending `run_id` unless `order=desc`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestList {
    /// The runs.
    pub data: Vec<BacktestRunBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// A metric of a run under a named definition. Either `value` or `reason` is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "metric": "sharpe_ratio", "definition": "sample_sd_252", "value": "1.932352253728219", "reason": null
}))]
pub struct BacktestMetricBody {
    /// The name.
    #[schema(example = "sharpe_ratio")]
    pub metric: String,
    /// Name and version of the formula.
    #[schema(example = "sample_sd_252")]
    pub definition: String,
    /// The value; null if the metric is undefined.
    pub value: Option<DecimalText>,
    /// Why the metric is undefined.
    pub reason: Option<String>,
}

impl From<BacktestMetric> for BacktestMetricBody {
    fn from(metric: BacktestMetric) -> Self {
        let MetricValueBody { value, reason } = metric.value.into();
        Self {
            metric: metric.metric,
            definition: metric.definition,
            value,
            reason,
        }
    }
}

/// The metrics of a run, by name and definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestMetricList {
    /// The metrics; none if the run is not finished.
    pub data: Vec<BacktestMetricBody>,
    /// Always null, since all metrics are in one page.
    pub next_cursor: Option<String>,
}

/// The value of a metric, or why it has none. One of the two is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"value": "1.932352253728219", "reason": null}))]
pub struct MetricValueBody {
    /// The value.
    pub value: Option<DecimalText>,
    /// Why the metric is undefined.
    pub reason: Option<String>,
}

impl From<BacktestValue> for MetricValueBody {
    fn from(value: BacktestValue) -> Self {
        Self {
            value: value.value().map(DecimalText),
            reason: value.reason().map(str::to_owned),
        }
    }
}

/// A metric of several runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "metric": "sharpe_ratio", "definition": "sample_sd_252",
    "values": [{"value": "1.93", "reason": null}, null]
}))]
pub struct ComparedMetricBody {
    /// The name.
    #[schema(example = "sharpe_ratio")]
    pub metric: String,
    /// Name and version of the formula.
    #[schema(example = "sample_sd_252")]
    pub definition: String,
    /// The result of each run, in the order of `runs`; null if a run has no such metric.
    pub values: Vec<Option<MetricValueBody>>,
}

/// Runs side by side.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacktestComparisonBody {
    /// The runs, in the order of the parameter.
    pub runs: Vec<BacktestRunBody>,
    /// The metrics that at least one run has, by name and definition.
    pub metrics: Vec<ComparedMetricBody>,
}

impl From<BacktestComparison> for BacktestComparisonBody {
    fn from(comparison: BacktestComparison) -> Self {
        let metrics = comparison.metrics.into_iter().map(|it| ComparedMetricBody {
            metric: it.metric,
            definition: it.definition,
            values: it.values.into_iter().map(|it| it.map(Into::into)).collect(),
        });
        Self {
            runs: comparison.runs.into_iter().map(Into::into).collect(),
            metrics: metrics.collect(),
        }
    }
}

/// What was deleted with a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"run_id": 12, "account_id": 31, "events": 1500, "contents": 2}))]
pub struct DeletedRunBody {
    /// The run.
    #[schema(example = 12, minimum = 1)]
    pub run_id: i64,
    /// Its account.
    #[schema(example = 31, minimum = 1)]
    pub account_id: i64,
    /// The number of events of the account.
    #[schema(example = 1500, minimum = 0)]
    pub events: i64,
    /// The number of contents of artifacts that no other run has.
    #[schema(example = 2, minimum = 0)]
    pub contents: u64,
}

impl From<DeletedRun> for DeletedRunBody {
    fn from(deleted: DeletedRun) -> Self {
        Self {
            run_id: deleted.run_id.get(),
            account_id: deleted.account_id.get(),
            events: deleted.events,
            contents: deleted.contents,
        }
    }
}
