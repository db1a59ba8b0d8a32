//! Backtest runs, metrics and files as rows.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Numeric, Text, Timestamptz};
use tickbook::domain::TimeRange;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::stored::invalid;
use super::strategy_rows::stored_hash;
use crate::domain::{
    AccountId, BacktestInput, BacktestMetric, BacktestRun, BacktestRunId, JsonObject, RunArtifact,
    StrategyId,
};

/// The columns of a [`RunRow`] of the table `r`.
macro_rules! run_columns {
    () => {
        "r.run_id, r.account_id, r.strategy_id, r.version, r.data_hash, r.parameters_hash, r.seed, r.engine_version, \
         r.parameters::text, r.data_from, r.data_to, r.starting_capital, r.journal_level, r.state, r.started_at, \
         r.finished_at, r.error"
    };
}

pub(super) use run_columns;

pub(super) type RunColumns = (
    BigInt,
    BigInt,
    BigInt,
    Integer,
    Binary,
    Binary,
    BigInt,
    Text,
    Text,
    Timestamptz,
    Timestamptz,
    Nullable<Numeric>,
    Text,
    Text,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Text>,
);

#[derive(Debug, Queryable)]
pub(super) struct RunRow {
    run_id: i64,
    account_id: i64,
    strategy_id: i64,
    version: i32,
    data_hash: Vec<u8>,
    parameters_hash: Vec<u8>,
    seed: i64,
    engine_version: String,
    parameters: String,
    data_from: DateTime<Utc>,
    data_to: DateTime<Utc>,
    starting_capital: Option<PgDecimal>,
    journal_level: String,
    state: String,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl RunRow {
    pub(super) fn into_run(self) -> Result<BacktestRun, RepositoryError> {
        let id = self.run_id;
        let error = |column, reason: &dyn std::fmt::Display| {
            invalid(Entity::BacktestRun, id, column, reason)
        };
        let hash = |column, bytes: &[u8]| stored_hash(Entity::BacktestRun, id, column, bytes);
        let range = TimeRange::new(self.data_from, self.data_to);
        let range = range.map_err(|reason| error("data_from", &reason))?;
        let parameters: Result<JsonObject, _> = self.parameters.parse();
        let parameters = parameters.map_err(|reason| error("parameters", &reason))?;
        let level = self.journal_level.parse();
        let level = level.map_err(|it: crate::domain::UnknownName| error("journal_level", &it))?;
        let input = BacktestInput::new(
            StrategyId::new(self.strategy_id),
            self.version,
            hash("data_hash", &self.data_hash)?,
            range,
            self.engine_version,
        )
        .seed(self.seed)
        .parameters(parameters)
        .starting_capital(self.starting_capital.map(|it| it.0.normalize()))
        .journal_level(level);
        let state = self.state.parse();
        let state = state.map_err(|it: crate::domain::UnknownName| error("state", &it))?;
        let parameters_hash = hash("parameters_hash", &self.parameters_hash)?;
        let (run_id, account_id) = (BacktestRunId::new(id), AccountId::new(self.account_id));
        let started_at = self.started_at;
        let mut run = BacktestRun::new(run_id, account_id, input, parameters_hash, started_at);
        (run.state, run.finished_at, run.error) = (state, self.finished_at, self.error);
        Ok(run)
    }
}

/// The columns of a [`MetricRow`] of the table `m`.
macro_rules! metric_columns {
    () => {
        "m.run_id, m.metric, m.definition, m.value, m.reason"
    };
}

pub(super) use metric_columns;

pub(super) type MetricColumns = (BigInt, Text, Text, Nullable<Numeric>, Nullable<Text>);

#[derive(Debug, Queryable)]
pub(super) struct MetricRow {
    pub(super) run_id: i64,
    metric: String,
    definition: String,
    value: Option<PgDecimal>,
    reason: Option<String>,
}

impl MetricRow {
    pub(super) fn into_metric(self) -> BacktestMetric {
        match self.value {
            Some(value) => BacktestMetric::new(self.metric, self.definition, value.0.normalize()),
            None => {
                let reason = self.reason.unwrap_or_default();
                BacktestMetric::undefined(self.metric, self.definition, reason)
            }
        }
    }
}

pub(super) type FileColumns = (Text, Binary, Text, BigInt);

#[derive(Debug, Queryable)]
pub(super) struct FileRow {
    name: String,
    sha256: Vec<u8>,
    media_type: String,
    size: i64,
}

impl FileRow {
    pub(super) fn into_file(self, run_id: BacktestRunId) -> Result<RunArtifact, RepositoryError> {
        let sha256 = stored_hash(Entity::Artifact, run_id.get(), "sha256", &self.sha256)?;
        let size = u64::try_from(self.size).unwrap_or_default();
        Ok(RunArtifact::new(self.name, sha256, self.media_type, size))
    }
}
