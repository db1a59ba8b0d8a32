//! Backtest runs as JSON and as texts.

use serde::Serialize;
use serde_json::{Map, Value};
use tickbook::domain::printable;
use tickbook_ledger::domain::{
    BacktestComparison, BacktestMetric, BacktestRun, BacktestValue, RunArtifact,
};
use tickbook_ledger::repository::DeletedRun;

use crate::table::table;
use crate::times::time_text;

/// The JSON of a run.
#[derive(Debug, Serialize)]
pub(super) struct RunOutput<'a> {
    run_id: i64,
    account_id: i64,
    strategy_id: i64,
    version: i32,
    data_hash: String,
    parameters_hash: String,
    seed: i64,
    engine_version: &'a str,
    parameters: &'a Map<String, Value>,
    from: String,
    to: String,
    starting_capital: Option<String>,
    journal_level: &'static str,
    state: &'static str,
    started_at: String,
    finished_at: Option<String>,
    error: Option<&'a str>,
}

impl<'a> From<&'a BacktestRun> for RunOutput<'a> {
    fn from(run: &'a BacktestRun) -> Self {
        let input = &run.input;
        Self {
            run_id: run.run_id.get(),
            account_id: run.account_id.get(),
            strategy_id: input.strategy_id.get(),
            version: input.version,
            data_hash: input.data_hash.to_string(),
            parameters_hash: run.parameters_hash.to_string(),
            seed: input.seed,
            engine_version: &input.engine_version,
            parameters: input.parameters.as_map(),
            from: time_text(input.range.start()),
            to: time_text(input.range.end()),
            starting_capital: input.starting_capital.map(|it| it.to_string()),
            journal_level: input.journal_level.as_str(),
            state: run.state.as_str(),
            started_at: time_text(run.started_at),
            finished_at: run.finished_at.map(time_text),
            error: run.error.as_deref(),
        }
    }
}

/// The JSON of a metric.
#[derive(Debug, Serialize)]
pub(super) struct MetricOutput<'a> {
    pub(super) metric: &'a str,
    pub(super) definition: &'a str,
    pub(super) value: Option<String>,
    pub(super) reason: Option<&'a str>,
}

/// The JSON of an artifact.
#[derive(Debug, Serialize)]
struct ArtifactOutput<'a> {
    name: &'a str,
    sha256: String,
    media_type: &'a str,
    size: u64,
}

/// A run with its metrics and artifacts.
#[derive(Debug, Serialize)]
pub(super) struct WholeRun<'a> {
    #[serde(flatten)]
    run: RunOutput<'a>,
    metrics: Vec<MetricOutput<'a>>,
    artifacts: Vec<ArtifactOutput<'a>>,
}

impl<'a> WholeRun<'a> {
    pub(super) fn new(
        run: &'a BacktestRun,
        metrics: &'a [BacktestMetric],
        artifacts: &'a [RunArtifact],
    ) -> Self {
        let artifacts = artifacts.iter().map(|it| ArtifactOutput {
            name: &it.name,
            sha256: it.sha256.to_string(),
            media_type: &it.media_type,
            size: it.size,
        });
        Self {
            run: run.into(),
            metrics: metrics.iter().map(Into::into).collect(),
            artifacts: artifacts.collect(),
        }
    }

    /// The run as lines of text.
    pub(super) fn text(&self) -> String {
        let run = &self.run;
        let mut lines = vec![format!(
            "run {} of version {} of strategy {}: {}",
            run.run_id, run.version, run.strategy_id, run.state
        )];
        let mut fact = |label: &str, value: &str| {
            lines.push(format!("{label:<12} {}", printable(value)));
        };
        fact("account", &run.account_id.to_string());
        fact("data", &format!("{} to {}", run.from, run.to));
        fact("seed", &run.seed.to_string());
        fact("engine", run.engine_version);
        if let Some(error) = run.error {
            fact("error", error);
        }
        for metric in &self.metrics {
            let value = match (&metric.value, metric.reason) {
                (Some(value), _) => value.clone(),
                (None, reason) => format!("undefined: {}", reason.unwrap_or_default()),
            };
            let name = format!("{} ({})", metric.metric, metric.definition);
            fact("metric", &format!("{name} {value}"));
        }
        for file in &self.artifacts {
            fact(
                "artifact",
                &format!("{} {} bytes {}", file.name, file.size, file.sha256),
            );
        }
        lines.join("\n")
    }
}

/// Runs as a table.
pub(super) fn runs(runs: &[BacktestRun]) -> String {
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            [
                run.run_id.to_string(),
                run.input.strategy_id.to_string(),
                run.input.version.to_string(),
                run.input.seed.to_string(),
                run.state.to_string(),
                run.account_id.to_string(),
                time_text(run.started_at),
                run.input.engine_version.clone(),
            ]
        })
        .collect();
    let header = [
        "ID", "STRATEGY", "VERSION", "SEED", "STATE", "ACCOUNT", "STARTED", "ENGINE",
    ];
    table(header, &rows)
}

/// The value of a metric, `-` if the run has none.
fn value(value: Option<&BacktestValue>) -> String {
    match value {
        Some(BacktestValue::Defined(value)) => value.to_string(),
        Some(_) => "undefined".to_owned(),
        None => "-".to_owned(),
    }
}

/// Runs side by side: a block of lines for each metric, since there may be many runs.
pub(super) fn comparison(comparison: &BacktestComparison) -> String {
    let rows: Vec<_> = comparison
        .metrics
        .iter()
        .flat_map(|metric| {
            let values = comparison.runs.iter().zip(&metric.values);
            values.map(|(run, found)| {
                [
                    metric.metric.clone(),
                    metric.definition.clone(),
                    run.run_id.to_string(),
                    value(found.as_ref()),
                ]
            })
        })
        .collect();
    table(["METRIC", "DEFINITION", "RUN", "VALUE"], &rows)
}

/// The JSON of a deleted run.
#[derive(Debug, Serialize)]
pub(super) struct DeletedOutput {
    run_id: i64,
    account_id: i64,
    events: i64,
    contents: u64,
}

impl From<DeletedRun> for DeletedOutput {
    fn from(deleted: DeletedRun) -> Self {
        Self {
            run_id: deleted.run_id.get(),
            account_id: deleted.account_id.get(),
            events: deleted.events,
            contents: deleted.contents,
        }
    }
}
