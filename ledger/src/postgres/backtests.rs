//! Backtest runs in PostgreSQL.

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::{Page, SortOrder};
use tickbook::postgres::PgDecimal;

use super::backtest_rows::{
    MetricColumns, MetricRow, RunColumns, RunRow, metric_columns, run_columns,
};
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::strategy_store::push_scope;
use super::{accounts, strategies};
use crate::domain::{
    AccountScope, BacktestComparison, BacktestInput, BacktestMetric, BacktestRun, BacktestRunId,
    BacktestState, ContentHash, NewAccount,
};
use crate::repository::{
    BacktestQuery, FinishOutcome, StartedRun, check_same_tenant, failed_before, finished_before,
    missing_run, missing_version,
};

pub(super) fn id(run_id: BacktestRunId) -> Parameter {
    Parameter::BigInt(run_id.get())
}

pub(super) fn bytes(hash: ContentHash) -> Parameter {
    Parameter::Bytes(hash.as_bytes().to_vec())
}

struct RunOfInput;

impl StatementText for RunOfInput {
    const SQL: &'static str = concat!(
        "SELECT ",
        run_columns!(),
        " FROM backtest_runs r WHERE r.strategy_id = ? AND r.version = ? AND r.data_hash = ? \
         AND r.parameters_hash = ? AND r.seed = ? FOR UPDATE"
    );
    type Row = RunColumns;
}

struct InsertRun;

impl StatementText for InsertRun {
    const SQL: &'static str = concat!(
        "INSERT INTO backtest_runs AS r (account_id, strategy_id, version, data_hash, parameters_hash, seed, \
         engine_version, parameters, data_from, data_to, starting_capital, journal_level, state, started_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?::text::jsonb, ?, ?, ?, ?, 'running', ?) RETURNING ",
        run_columns!()
    );
    type Row = RunColumns;
}

struct RunAgain;

impl StatementText for RunAgain {
    const SQL: &'static str = concat!(
        "UPDATE backtest_runs AS r SET state = 'running', started_at = ?, finished_at = NULL, error = NULL, \
         engine_version = ?, journal_level = ? WHERE r.run_id = ? RETURNING ",
        run_columns!()
    );
    type Row = RunColumns;
}

/// Creates a run with its account, both checked, or finds the run with the same input.
pub(super) fn start(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account: &NewAccount,
    input: &BacktestInput,
    now: DateTime<Utc>,
) -> Result<StartedRun, DbError> {
    let (strategy_id, version) = (input.strategy_id, input.version);
    let missing = || missing_version(strategy_id, version);
    let parameters_hash = input.parameters_hash(account);
    transaction(connection, |connection| {
        let strategy = strategies::lock(connection, scope, strategy_id)?;
        check_same_tenant(&strategy.ok_or_else(missing)?, account.tenant_id)?;
        strategies::version(connection, strategy_id, version)?.ok_or_else(missing)?;
        let identity = || {
            [
                Parameter::BigInt(strategy_id.get()),
                Parameter::Integer(version),
                bytes(input.data_hash),
                bytes(parameters_hash),
                Parameter::BigInt(input.seed),
            ]
        };
        let known = Statement::<RunOfInput>::new(identity());
        let known: Option<RunRow> = known.get_result(connection).optional()?;
        if let Some(known) = known {
            let mut run = known.into_run()?;
            if run.state == BacktestState::Failed {
                let statement = Statement::<RunAgain>::new([
                    Parameter::Time(now),
                    Parameter::Text(input.engine_version.clone()),
                    Parameter::Text(input.journal_level.as_str().to_owned()),
                    id(run.run_id),
                ]);
                run = statement.get_result::<RunRow>(connection)?.into_run()?;
            }
            return Ok(StartedRun::new(run, false));
        }
        let account = accounts::create(connection, account, now)?;
        let mut parameters = vec![Parameter::BigInt(account.account_id.get())];
        parameters.extend(identity());
        parameters.extend([
            Parameter::Text(input.engine_version.clone()),
            Parameter::Text(input.parameters.to_string()),
            Parameter::Time(input.range.start()),
            Parameter::Time(input.range.end()),
            Parameter::OptionalDecimal(input.starting_capital.map(PgDecimal)),
            Parameter::Text(input.journal_level.as_str().to_owned()),
            Parameter::Time(now),
        ]);
        let row: RunRow = Statement::<InsertRun>::new(parameters).get_result(connection)?;
        Ok(StartedRun::new(row.into_run()?, true))
    })
}

struct GetRun;

impl StatementText for GetRun {
    const SQL: &'static str = concat!(
        "SELECT ",
        run_columns!(),
        " FROM backtest_runs r WHERE r.run_id = ?"
    );
    type Row = RunColumns;
}

struct LockRun;

impl StatementText for LockRun {
    const SQL: &'static str = concat!(
        "SELECT ",
        run_columns!(),
        " FROM backtest_runs r WHERE r.run_id = ? FOR UPDATE"
    );
    type Row = RunColumns;
}

/// The run, if its account is in the scope.
fn of_scope(
    connection: &mut PgConnection,
    scope: &AccountScope,
    row: Option<RunRow>,
) -> Result<Option<BacktestRun>, DbError> {
    let Some(row) = row else {
        return Ok(None);
    };
    let run = row.into_run()?;
    let account = accounts::find(connection, scope, run.account_id)?;
    Ok(account.map(|_| run))
}

/// A run of the scope.
pub(super) fn find(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
) -> Result<Option<BacktestRun>, DbError> {
    let statement = Statement::<GetRun>::new([id(run_id)]);
    let row = statement.get_result(connection).optional()?;
    of_scope(connection, scope, row)
}

/// A run of the scope, whose row is locked.
pub(super) fn lock(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
) -> Result<BacktestRun, DbError> {
    let statement = Statement::<LockRun>::new([id(run_id)]);
    let row = statement.get_result(connection).optional()?;
    let found = of_scope(connection, scope, row)?;
    Ok(found.ok_or_else(|| missing_run(run_id))?)
}

struct InsertMetrics;

impl StatementText for InsertMetrics {
    const SQL: &'static str = "INSERT INTO backtest_metrics (run_id, metric, definition, value, reason) \
         SELECT ?::bigint, * FROM UNNEST(?::text[], ?::text[], ?::numeric[], ?::text[])";
    type Row = BigInt;
}

struct EndRun;

impl StatementText for EndRun {
    const SQL: &'static str = concat!(
        "UPDATE backtest_runs AS r SET state = ?, finished_at = GREATEST(?, r.started_at), error = ? \
         WHERE r.run_id = ? RETURNING ",
        run_columns!()
    );
    type Row = RunColumns;
}

fn end(
    connection: &mut PgConnection,
    run_id: BacktestRunId,
    state: BacktestState,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<BacktestRun, DbError> {
    let statement = Statement::<EndRun>::new([
        Parameter::Text(state.as_str().to_owned()),
        Parameter::Time(now),
        Parameter::OptionalText(error.map(str::to_owned)),
        id(run_id),
    ]);
    let row: RunRow = statement.get_result(connection)?;
    Ok(row.into_run()?)
}

/// Finishes a run with metrics that are checked and sorted.
pub(super) fn finish(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
    metrics: &[BacktestMetric],
    now: DateTime<Utc>,
) -> Result<FinishOutcome, DbError> {
    transaction(connection, |connection| {
        let run = lock(connection, scope, run_id)?;
        match run.state {
            BacktestState::Failed => return Err(failed_before(run_id).into()),
            BacktestState::Finished => {
                let stored = metrics_of(connection, &[run_id])?;
                let stored: Vec<_> = stored.into_iter().map(MetricRow::into_metric).collect();
                return Ok(FinishOutcome::of_rerun(run, &stored, metrics));
            }
            BacktestState::Running => {}
        }
        let texts = |text: &dyn Fn(&BacktestMetric) -> Option<String>| {
            Parameter::Texts(metrics.iter().map(text).collect())
        };
        let values = metrics.iter().map(|it| it.value.value().map(PgDecimal));
        let statement = Statement::<InsertMetrics>::new([
            id(run_id),
            texts(&|it| Some(it.metric.clone())),
            texts(&|it| Some(it.definition.clone())),
            Parameter::Decimals(values.collect()),
            texts(&|it| it.value.reason().map(str::to_owned)),
        ]);
        statement.execute(connection)?;
        let run = end(connection, run_id, BacktestState::Finished, None, now)?;
        Ok(FinishOutcome::Finished(run))
    })
}

pub(super) fn fail(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
    error: &str,
    now: DateTime<Utc>,
) -> Result<BacktestRun, DbError> {
    transaction(connection, |connection| {
        let run = lock(connection, scope, run_id)?;
        match run.state {
            BacktestState::Finished => Err(finished_before(run_id).into()),
            BacktestState::Failed => Ok(run),
            BacktestState::Running => {
                let state = BacktestState::Failed;
                end(connection, run_id, state, Some(error), now)
            }
        }
    })
}

pub(super) fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &BacktestQuery,
) -> Result<Page<BacktestRun, BacktestRunId>, DbError> {
    let mut select = Selection::<RunColumns>::new(concat!("SELECT ", run_columns!()));
    select.push(
        " FROM backtest_runs r JOIN accounts a ON a.account_id = r.account_id WHERE TRUE",
        [],
    );
    push_scope(&mut select, scope);
    if let Some(strategy_id) = query.strategy_id {
        let strategy_id = Parameter::BigInt(strategy_id.get());
        select.push(" AND r.strategy_id = ?", [strategy_id]);
    }
    if let Some(version) = query.version {
        select.push(" AND r.version = ?", [Parameter::Integer(version)]);
    }
    if let Some(state) = query.state {
        let state = Parameter::Text(state.as_str().to_owned());
        select.push(" AND r.state = ?", [state]);
    }
    let (compares, order) = match query.order {
        SortOrder::Ascending => (" AND r.run_id > ?", " ORDER BY r.run_id LIMIT ?"),
        SortOrder::Descending => (" AND r.run_id < ?", " ORDER BY r.run_id DESC LIMIT ?"),
    };
    if let Some(after) = query.after {
        select.push(compares, [id(after)]);
    }
    // at most a page and one more
    select.push(order, [Parameter::BigInt(query.limit.get() as i64 + 1)]);
    let runs = select.collect(connection, RunRow::into_run)?;
    Ok(Page::from_limit_plus_one(
        runs,
        query.limit,
        |it: &BacktestRun| it.run_id,
    ))
}

struct Metrics;

impl StatementText for Metrics {
    const SQL: &'static str = concat!(
        "SELECT ",
        metric_columns!(),
        " FROM backtest_metrics m WHERE m.run_id = ANY(?) \
         ORDER BY m.run_id, m.metric COLLATE \"C\", m.definition COLLATE \"C\""
    );
    type Row = MetricColumns;
}

/// The metrics of runs of any scope.
fn metrics_of(
    connection: &mut PgConnection,
    run_ids: &[BacktestRunId],
) -> Result<Vec<MetricRow>, DbError> {
    let ids = run_ids.iter().map(|id| Some(id.get())).collect();
    let statement = Statement::<Metrics>::new([Parameter::BigInts(ids)]);
    Ok(statement.load(connection)?)
}

pub(super) fn metrics(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
) -> Result<Vec<BacktestMetric>, DbError> {
    let run = find(connection, scope, run_id)?;
    run.ok_or_else(|| missing_run(run_id))?;
    let rows = metrics_of(connection, &[run_id])?;
    Ok(rows.into_iter().map(MetricRow::into_metric).collect())
}

struct OneSnapshot;

impl StatementText for OneSnapshot {
    const SQL: &'static str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";
    type Row = BigInt;
}

pub(super) fn compare(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_ids: &[BacktestRunId],
) -> Result<BacktestComparison, DbError> {
    transaction(connection, |connection| {
        Statement::<OneSnapshot>::new([]).execute(connection)?;
        let mut results = Vec::with_capacity(run_ids.len());
        for run_id in run_ids {
            let run = find(connection, scope, *run_id)?;
            results.push((run.ok_or_else(|| missing_run(*run_id))?, Vec::new()));
        }
        for row in metrics_of(connection, run_ids)? {
            let of_run = results
                .iter_mut()
                .find(|(run, _)| run.run_id.get() == row.run_id);
            if let Some((_, metrics)) = of_run {
                metrics.push(row.into_metric());
            }
        }
        Ok(BacktestComparison::new(results))
    })
}
