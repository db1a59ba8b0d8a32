//! Handlers of `/api/v1/strategies`.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use tickbook_ledger::domain::{Strategy, StrategyId};
use tickbook_ledger::repository::StrategyQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{named, strategy_id};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::handlers::active;
use crate::handlers::object_body::object_body;
use crate::handlers::page::{is_long, page_answer, room};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::wire::{NewStrategyBody, StrategyBody, StrategyList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(active(routes!(get)))
}

/// Size of a strategy as JSON in bytes, somewhat above the usual size.
const STRATEGY_BYTES: usize = 500;

/// Lists strategies
///
/// In ascending order of id.
#[utoipa::path(
    get,
    operation_id = "list_strategies",
    path = "/api/v1/strategies",
    tag = "strategies",
    params(
        ("name" = Option<String>, Query, description = "only the strategies with this name", example = "ema_crossover"),
        ("limit" = Option<u32>, Query, description = "maximum number of strategies, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of strategies", body = StrategyList),
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
    let query = Query::parse(raw.as_deref(), &["name", "limit", "cursor"])?;
    let listing = LedgerListing::new(LedgerList::Strategies, "", &query.of_listing());
    let after = query.cursor(|text| i64::decode(text, listing))?;
    let mut wanted = StrategyQuery::default()
        .after(after.map(StrategyId::new))
        .limit(query.limit()?);
    wanted.name = query.text("name").map(str::to_owned);
    let limit = wanted.limit.get();
    let room = room::<Strategy>(&app, connection, limit, STRATEGY_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.strategies.strategies.list(&scope, &wanted).await?;
        let next = page.next.map(|next| next.get().encode(listing));
        let data: Vec<StrategyBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), STRATEGY_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// One strategy
#[utoipa::path(
    get,
    operation_id = "get_strategy",
    path = "/api/v1/strategies/{strategy_id}",
    tag = "strategies",
    params(("strategy_id" = i64, Path, description = "id of the strategy", minimum = 1, example = 1)),
    responses(
        (status = 200, description = "the strategy", body = StrategyBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown strategy", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<StrategyBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = strategy_id(&id)?;
    match app.strategies.strategies.get(&scope, id).await? {
        Some(strategy) => Ok(Json(strategy.into())),
        None => Err(Problem::not_found(format!(
            "unknown strategy {id}: /api/v1/strategies lists all strategies"
        ))),
    }
}

/// Creates a strategy
///
/// It has no versions at first.
#[utoipa::path(
    post,
    operation_id = "create_strategy",
    path = "/api/v1/strategies",
    tag = "strategies",
    request_body(content = NewStrategyBody, description = "the strategy, 4 MiB at most"),
    responses(
        (status = 201, description = "the strategy", body = StrategyBody, headers(("Location" = String, description = "its path"))),
        (status = 400, description = "not JSON, or not a valid strategy", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "a strategy of the tenant has the name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn create(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    request: Request,
) -> Result<Response, Problem> {
    let body: NewStrategyBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let strategies = &app.strategies.strategies;
    let created = strategies.create(&scope, body.into_strategy()).await;
    let strategy = created.map_err(named)?;
    let path = format!("/api/v1/strategies/{}", strategy.strategy_id);
    let location = [(header::LOCATION, path)];
    let body = Json(StrategyBody::from(strategy));
    Ok((StatusCode::CREATED, location, body).into_response())
}
