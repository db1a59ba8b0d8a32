//! Handlers of `/api/v1/backtests`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook_ledger::domain::{BacktestRun, BacktestRunId, BacktestState, StrategyId};
use tickbook_ledger::repository::BacktestQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{named, version_parameter};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::handlers::active;
use crate::handlers::page::{is_long, page_answer, room};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, positive_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{
    BacktestComparisonBody, BacktestList, BacktestMetricBody, BacktestMetricList, BacktestRunBody,
    DeletedRunBody,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(active(routes!(compare)))
        .routes(active(routes!(get, delete)))
        .routes(active(routes!(metrics)))
}

/// Size of a run as JSON in bytes, somewhat above the usual size.
const RUN_BYTES: usize = 1_500;

/// Parses the id of a run in the path.
pub(super) fn run_id(text: &str) -> Result<BacktestRunId, Problem> {
    positive_id("run_id", text).map(BacktestRunId::new)
}

/// No run has this id, or the caller may not see it.
fn unknown(run_id: BacktestRunId) -> Problem {
    let detail = format!("unknown backtest run {run_id}: /api/v1/backtests lists all runs");
    Problem::not_found(detail)
}

/// Lists backtest runs
///
/// In ascending order of id unless `order=desc`.
#[utoipa::path(
    get,
    operation_id = "list_backtests",
    path = "/api/v1/backtests",
    tag = "backtests",
    params(
        ("strategy_id" = Option<i64>, Query, description = "only runs of this strategy", minimum = 1),
        ("version" = Option<i32>, Query, description = "only runs of versions with this number", minimum = 1),
        ("state" = Option<String>, Query, description = "only runs in this state: running, finished or failed"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
        ("limit" = Option<u32>, Query, description = "maximum number of runs, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of runs", body = BacktestList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let known = [
        "strategy_id",
        "version",
        "state",
        "order",
        "limit",
        "cursor",
    ];
    let query = Query::parse(raw.as_deref(), &known)?;
    let listing = LedgerListing::new(LedgerList::Backtests, "", &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let wanted = BacktestQuery::default()
        .strategy_id(query.id("strategy_id")?.map(StrategyId::new))
        .version(version_parameter(&query)?)
        .state(query.parsed::<BacktestState>("state")?)
        .order(query.order()?)
        .after(after.map(BacktestRunId::new))
        .limit(query.limit()?);
    let limit = wanted.limit.get();
    let room = room::<BacktestRun>(&app, connection, limit, RUN_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.strategies.backtests.runs(&scope, &wanted).await?;
        let next = page.next.map(|next| next.get().encode(listing));
        let data: Vec<BacktestRunBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), RUN_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Compares backtest runs
///
/// Returns the metrics of up to 20 runs side by side.
#[utoipa::path(
    get,
    operation_id = "compare_backtests",
    path = "/api/v1/backtests/compare",
    tag = "backtests",
    params(("runs" = String, Query, description = "ids of runs, separated by commas", example = "12,13")),
    responses(
        (status = 200, description = "the runs and their metrics", body = BacktestComparisonBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn compare(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    RawQuery(raw): RawQuery,
) -> Result<Json<BacktestComparisonBody>, Problem> {
    let query = Query::parse(raw.as_deref(), &["runs"])?;
    let Some(runs) = query.text("runs").filter(|text| !text.is_empty()) else {
        let detail = "runs is missing: give ids of runs, as in runs=12,13";
        return Err(Problem::invalid_parameter(detail));
    };
    let ids = runs.split(',').map(|id| positive_id("runs", id));
    let ids: Result<Vec<_>, Problem> = ids.map(|id| id.map(BacktestRunId::new)).collect();
    let compared = app.strategies.backtests.compare(&scope, &ids?).await;
    match compared {
        Ok(compared) => Ok(Json(compared.into())),
        Err(tickbook::RepositoryError::InvalidInput { reason }) => {
            Err(Problem::invalid_parameter(format!("runs: {reason}")))
        }
        Err(error) => Err(named(error)),
    }
}

/// One backtest run
#[utoipa::path(
    get,
    operation_id = "get_backtest",
    path = "/api/v1/backtests/{run_id}",
    tag = "backtests",
    params(("run_id" = i64, Path, description = "id of the run", minimum = 1, example = 12)),
    responses(
        (status = 200, description = "the run", body = BacktestRunBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<BacktestRunBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = run_id(&id)?;
    match app.strategies.backtests.get(&scope, id).await? {
        Some(run) => Ok(Json(run.into())),
        None => Err(unknown(id)),
    }
}

/// Deletes a backtest run
///
/// Deletes its metrics, its artifacts, and its account with all events, orders, fills and positions. Copies in the
/// time-series database stay.
#[utoipa::path(
    delete,
    operation_id = "delete_backtest",
    path = "/api/v1/backtests/{run_id}",
    tag = "backtests",
    params(("run_id" = i64, Path, description = "id of the run", minimum = 1, example = 12)),
    responses(
        (status = 200, description = "what was deleted", body = DeletedRunBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn delete(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<DeletedRunBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = run_id(&id)?;
    let deleted = app.strategies.backtests.delete(&scope, id).await;
    let deleted = deleted.map_err(named)?;
    tracing::info!(run_id = %id, events = deleted.events, "a backtest run was deleted by a request");
    Ok(Json(deleted.into()))
}

/// Metrics of a backtest run
///
/// By name and definition.
#[utoipa::path(
    get,
    operation_id = "list_backtest_metrics",
    path = "/api/v1/backtests/{run_id}/metrics",
    tag = "backtests",
    params(("run_id" = i64, Path, description = "id of the run", minimum = 1, example = 12)),
    responses(
        (status = 200, description = "the metrics", body = BacktestMetricList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn metrics(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<BacktestMetricList>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = run_id(&id)?;
    let metrics = app.strategies.backtests.metrics(&scope, id).await;
    let data = metrics.map_err(named)?.into_iter();
    Ok(Json(BacktestMetricList {
        data: data.map(BacktestMetricBody::from).collect(),
        next_cursor: None,
    }))
}
