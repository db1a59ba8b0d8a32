//! Handlers of versions of strategies.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use tickbook_ledger::domain::StrategyVersion;
use tickbook_ledger::repository::StrategyVersionQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{named, strategy_id, version_number};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::handlers::active;
use crate::handlers::object_body::object_body;
use crate::handlers::page::{is_long, page_answer, room};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::wire::{NewStrategyVersionBody, StrategyVersionBody, StrategyVersionList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(active(routes!(get)))
}

/// Size of a version as JSON in bytes, somewhat above the usual size.
const VERSION_BYTES: usize = 2_000;

/// Versions of a strategy
///
/// In ascending order of number.
#[utoipa::path(
    get,
    operation_id = "list_strategy_versions",
    path = "/api/v1/strategies/{strategy_id}/versions",
    tag = "strategies",
    params(
        ("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1),
        ("limit" = Option<u32>, Query, description = "maximum number of versions, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of versions", body = StrategyVersionList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown strategy", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["limit", "cursor"])?;
    let listing = LedgerListing::new(LedgerList::StrategyVersions, &id, &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let wanted = StrategyVersionQuery::new(strategy_id(&id)?)
        // a larger number continues after the last version
        .after(after.map(|after| i32::try_from(after).unwrap_or(i32::MAX)))
        .limit(query.limit()?);
    let limit = wanted.limit.get();
    let room = room::<StrategyVersion>(&app, connection, limit, VERSION_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.strategies.strategies.versions(&scope, &wanted).await;
        let page = page.map_err(named)?;
        let next = page.next.map(|next| i64::from(next).encode(listing));
        let data: Vec<StrategyVersionBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), VERSION_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// One version of a strategy
#[utoipa::path(
    get,
    operation_id = "get_strategy_version",
    path = "/api/v1/strategies/{strategy_id}/versions/{version}",
    tag = "strategies",
    params(
        ("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1),
        ("version" = i32, Path, description = "number of the version", minimum = 1, example = 3),
    ),
    responses(
        (status = 200, description = "the version", body = StrategyVersionBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown strategy or version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path((id, version)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Result<Json<StrategyVersionBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let (id, version) = (strategy_id(&id)?, version_number(&version)?);
    let strategies = &app.strategies.strategies;
    match strategies.version(&scope, id, version).await? {
        Some(version) => Ok(Json(version.into())),
        None => Err(Problem::not_found(format!(
            "unknown version {version}: /api/v1/strategies/{id}/versions lists the versions of the strategy"
        ))),
    }
}

/// Adds a version to a strategy
///
/// If the strategy has a version with the same content already, the status is 200 and nothing is added, so the request
/// may be repeated.
#[utoipa::path(
    post,
    operation_id = "add_strategy_version",
    path = "/api/v1/strategies/{strategy_id}/versions",
    tag = "strategies",
    params(("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1)),
    request_body(content = NewStrategyVersionBody, description = "the version, 4 MiB at most"),
    responses(
        (status = 200, description = "the version with the same content", body = StrategyVersionBody, headers(("Location" = String, description = "its path"))),
        (status = 201, description = "the new version", body = StrategyVersionBody, headers(("Location" = String, description = "its path"))),
        (status = 400, description = "not JSON, or not a valid version", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown strategy", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn add(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = strategy_id(&id)?;
    let body: NewStrategyVersionBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let version = body.into_version().map_err(Problem::invalid_body)?;
    let strategies = &app.strategies.strategies;
    let added = strategies.add_version(&scope, id, version).await;
    let added = added.map_err(named)?;
    let status = match added.is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let path = format!("/api/v1/strategies/{id}/versions/{}", added.version.version);
    let body = Json(StrategyVersionBody::from(added.version));
    Ok((status, [(header::LOCATION, path)], body).into_response())
}
