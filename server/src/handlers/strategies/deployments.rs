//! Handlers of deployments of strategies.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use tickbook_ledger::domain::{AccountId, Deployment, DeploymentId};
use tickbook_ledger::repository::DeploymentQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{named, strategy_id};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::handlers::object_body::object_body;
use crate::handlers::page::{is_long, page_answer, room};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, positive_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{DeploymentBody, DeploymentChangesBody, DeploymentList, NewDeploymentBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(change))
}

/// Size of a deployment as JSON in bytes, somewhat above the usual size.
const DEPLOYMENT_BYTES: usize = 400;

/// Deployments of a strategy
///
/// In ascending order of id, running and stopped ones.
#[utoipa::path(
    get,
    operation_id = "list_deployments",
    path = "/api/v1/strategies/{strategy_id}/deployments",
    tag = "strategies",
    params(
        ("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1),
        ("account_id" = Option<i64>, Query, description = "only deployments to this account", minimum = 1),
        ("running" = Option<bool>, Query, description = "only running (true) or only stopped (false) deployments"),
        ("limit" = Option<u32>, Query, description = "maximum number of deployments, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of deployments; empty for an unknown strategy", body = DeploymentList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
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
    let known = ["account_id", "running", "limit", "cursor"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let listing = LedgerListing::new(LedgerList::Deployments, &id, &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let wanted = DeploymentQuery::default()
        .strategy_id(strategy_id(&id)?)
        .account_id(query.id("account_id")?.map(AccountId::new))
        .running(query.flag("running")?)
        .after(after.map(DeploymentId::new))
        .limit(query.limit()?);
    let limit = wanted.limit.get();
    let room = room::<Deployment>(&app, connection, limit, DEPLOYMENT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app
            .strategies
            .strategies
            .deployments(&scope, &wanted)
            .await?;
        let next = page.next.map(|next| next.get().encode(listing));
        let data: Vec<DeploymentBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), DEPLOYMENT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Begins a deployment
///
/// An account runs one version of a strategy at a time.
#[utoipa::path(
    post,
    operation_id = "deploy_strategy",
    path = "/api/v1/strategies/{strategy_id}/deployments",
    tag = "strategies",
    params(("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1)),
    request_body(content = NewDeploymentBody, description = "the deployment, 4 MiB at most"),
    responses(
        (status = 201, description = "the deployment", body = DeploymentBody),
        (status = 400, description = "not JSON, or not a valid deployment", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown strategy, version or account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "a deployment of the strategy to the account is running", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn begin(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = strategy_id(&id)?;
    let body: NewDeploymentBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let strategies = &app.strategies.strategies;
    let begun = strategies.deploy(&scope, body.into_deployment(id)).await;
    let begun = begun.map_err(named)?;
    let (account_id, version) = (begun.terms.account_id, begun.terms.version);
    tracing::info!(strategy_id = %id, %account_id, version, "a strategy was deployed by a request");
    let body = Json(DeploymentBody::from(begun));
    Ok((StatusCode::CREATED, body).into_response())
}

/// Stops a deployment
///
/// A stopped deployment keeps the time at which it was stopped, so the request may be repeated.
#[utoipa::path(
    patch,
    operation_id = "stop_deployment",
    path = "/api/v1/deployments/{deployment_id}",
    tag = "strategies",
    params(("deployment_id" = i64, Path, description = "id of the deployment", minimum = 1, example = 5)),
    request_body(content = DeploymentChangesBody, description = "the stop"),
    responses(
        (status = 200, description = "the stopped deployment", body = DeploymentBody),
        (status = 400, description = "invalid parameter or body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown deployment", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<DeploymentBody>, Problem> {
    let id = DeploymentId::new(positive_id("deployment_id", &id)?);
    let DeploymentChangesBody { stopped } = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    if !stopped {
        let problem = "stopped: a deployment cannot run again: expected true";
        return Err(Problem::invalid_body(problem));
    }
    let stopped = app.strategies.strategies.stop(&scope, id).await;
    let stopped = stopped.map_err(named)?;
    tracing::info!(deployment_id = %id, "a deployment was stopped by a request");
    Ok(Json(stopped.into()))
}
