//! Handlers of `/api/v1/exchanges`.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tickbook::RepositoryError;
use tickbook::domain::Exchange;
use tickbook::repository::ExchangeQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::object_body::{object_body, of_body};
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::ExchangeCursor;
use crate::http::Connection;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::wire::{ExchangeBody, ExchangeChangesBody, ExchangeList, NewExchangeBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(active(routes!(get)))
        .routes(routes!(change))
}

/// Size of an exchange as JSON in bytes, somewhat above the size with a session on each weekday.
const EXCHANGE_BYTES: usize = 1_000;

/// Lists exchanges
///
/// In ascending order of name, case-insensitively, with their sessions.
#[utoipa::path(
    get,
    operation_id = "list_exchanges",
    path = "/api/v1/exchanges",
    tag = "exchanges",
    params(
        ("limit" = Option<u32>, Query, description = "maximum number of exchanges, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of exchanges", body = ExchangeList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["limit", "cursor"])?;
    let cursor = query.cursor(ExchangeCursor::decode)?;
    let mut wanted = ExchangeQuery::default().limit(query.limit()?);
    wanted.after = cursor.map(|cursor| cursor.name);
    let limit = wanted.limit.get();
    let room = room::<Exchange>(&app, connection, limit, EXCHANGE_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.repositories.symbols.list_exchanges(&wanted).await?;
        let list = ExchangeList::from(page);
        page_answer(
            &list.data,
            list.next_cursor.as_deref(),
            EXCHANGE_BYTES,
            room,
        )
        .await
    };
    long_work.run_if(is_long, answering).await
}

/// One exchange
///
/// With its sessions.
#[utoipa::path(
    get,
    operation_id = "get_exchange",
    path = "/api/v1/exchanges/{exchange}",
    tag = "exchanges",
    params(("exchange" = String, Path, description = "name of the exchange, case-insensitive", example = "NSE")),
    responses(
        (status = 200, description = "the exchange", body = ExchangeBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown exchange", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<ExchangeBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    match app.repositories.symbols.get_exchange(&name).await? {
        Some(exchange) => Ok(Json(exchange.into())),
        None => Err(Problem::unknown_exchange(&name)),
    }
}

/// Creates an exchange
///
/// The first symbol of an exchange also creates it, without other values.
#[utoipa::path(
    post,
    operation_id = "create_exchange",
    path = "/api/v1/exchanges",
    tag = "exchanges",
    request_body(content = NewExchangeBody, description = "the exchange, 4 MiB at most"),
    responses(
        (status = 201, description = "the exchange", body = ExchangeBody, headers(("Location" = String, description = "its path"))),
        (status = 400, description = "not JSON, or not a valid exchange", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "an exchange has the name, case-insensitively", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn create(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    let body: NewExchangeBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let exchange = body.into_exchange().map_err(Problem::invalid_body)?;
    let created = app.repositories.symbols.create_exchange(&exchange).await;
    created.map_err(of_body)?;
    let name = utf8_percent_encode(&exchange.name, NON_ALPHANUMERIC);
    let location = [(header::LOCATION, format!("/api/v1/exchanges/{name}"))];
    let body = Json(ExchangeBody::from(exchange));
    Ok((StatusCode::CREATED, location, body).into_response())
}

/// Changes an exchange
///
/// Omitted fields do not change. `sessions` replaces all sessions.
#[utoipa::path(
    patch,
    operation_id = "change_exchange",
    path = "/api/v1/exchanges/{exchange}",
    tag = "exchanges",
    params(("exchange" = String, Path, description = "name of the exchange, case-insensitive", example = "NSE")),
    request_body(content = ExchangeChangesBody, description = "the changes, 4 MiB at most"),
    responses(
        (status = 200, description = "the changed exchange", body = ExchangeBody),
        (status = 400, description = "not JSON, or not valid changes", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown exchange", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<ExchangeBody>, Problem> {
    let body: ExchangeChangesBody = object_body(&app, request).await?;
    let _working = app.http.begin()?;
    let facts = body.into_facts().map_err(Problem::invalid_body)?;
    let symbols = &app.repositories.symbols;
    match symbols.describe_exchange(&name, &facts).await {
        Ok(exchange) => Ok(Json(exchange.into())),
        Err(RepositoryError::NotFound { .. }) => Err(Problem::unknown_exchange(&name)),
        Err(error) => Err(of_body(error)),
    }
}
