//! Handlers of artifacts and reports of backtest runs.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use tickbook_ledger::domain::ContentHash;
use tickbook_ledger::report;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::backtests::run_id;
use super::named;
use crate::app::AppState;
use crate::handlers::active;
use crate::ledger::CallerScope;
use crate::params::{Query, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{RunArtifactBody, RunArtifactList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(list)))
        .routes(active(routes!(get)))
        .routes(routes!(show_report))
}

/// A report has a style sheet in the page, and no script.
const REPORT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// Artifacts of a backtest run
///
/// By name, without their contents.
#[utoipa::path(
    get,
    operation_id = "list_artifacts",
    path = "/api/v1/backtests/{run_id}/artifacts",
    tag = "backtests",
    params(("run_id" = i64, Path, description = "id of the run", minimum = 1, example = 12)),
    responses(
        (status = 200, description = "the files", body = RunArtifactList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<RunArtifactList>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let files = app
        .strategies
        .backtests
        .artifacts(&scope, run_id(&id)?)
        .await;
    let data = files.map_err(named)?.into_iter();
    Ok(Json(RunArtifactList {
        data: data.map(RunArtifactBody::from).collect(),
        next_cursor: None,
    }))
}

/// The content of an artifact
///
/// Browsers save it, and do not show it.
#[utoipa::path(
    get,
    operation_id = "get_artifact",
    path = "/api/v1/artifacts/{sha256}",
    tag = "backtests",
    params(("sha256" = String, Path, description = "SHA-256 digest of the content, 64 hexadecimal digits", example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
    responses(
        (status = 200, description = "the bytes, with the media type of the artifact", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no run has this content", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(sha256): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let hash: Result<ContentHash, _> = sha256.parse();
    let hash = hash.map_err(|error| invalid("sha256", &error))?;
    let found = app.strategies.backtests.artifact(&scope, hash).await?;
    let Some(artifact) = found else {
        let detail = format!("unknown artifact {hash}: no backtest run has this content");
        return Err(Problem::not_found(detail));
    };
    let media_type = HeaderValue::from_str(&artifact.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, media_type),
        // a stored page must not run with the rights of this server
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    Ok((headers, artifact.content).into_response())
}

/// Report of a backtest run
///
/// The run with its metrics, and its equity and drawdown if it has the artifact `equity.json`. With `format=html` the
/// response is a page with charts.
#[utoipa::path(
    get,
    operation_id = "get_backtest_report",
    path = "/api/v1/backtests/{run_id}/report",
    tag = "backtests",
    params(
        ("run_id" = i64, Path, description = "id of the run", minimum = 1, example = 12),
        ("format" = Option<String>, Query, description = "json (default) or html", example = "json"),
    ),
    responses(
        (status = 200, description = "the report", content((serde_json::Value = "application/json"), (String = "text/html"))),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown run", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn show_report(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["format"])?;
    let is_html = match query.text("format") {
        None | Some("json") => false,
        Some("html") => true,
        Some(other) => {
            let shown = tickbook::domain::excerpt(other);
            let problem = format!("invalid format {shown}: expected json or html");
            return Err(invalid("format", &problem));
        }
    };
    let id = run_id(&id)?;
    let long_work = app.long_work.clone();
    let answering = async move {
        let _working = app.http.begin()?;
        let accounts = &*app.ledger.accounts;
        let report = report::load(&scope, accounts, &app.strategies, id).await;
        let report = report.map_err(named)?;
        Ok(match is_html {
            true => page(report.to_html()),
            false => Json(report.to_json()).into_response(),
        })
    };
    long_work.run_if(true, answering).await
}

fn page(html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, REPORT_POLICY),
    ];
    (headers, html).into_response()
}
