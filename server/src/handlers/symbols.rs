//! Handlers of `/api/v1/symbols`.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use tickbook::RepositoryError;
use tickbook::domain::{Symbol, SymbolChange, SymbolCursor};
use tickbook::repository::SymbolQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::page::{is_long, list_answer, room};
use crate::answers::{ListAnswer, ListRequest};
use crate::app::AppState;
use crate::cursor::SymbolCursorText as _;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::read_body::{json_body, object};
use crate::wire::{SymbolBody, SymbolChangeBody, SymbolList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(active(routes!(get)))
        .routes(routes!(change))
}

/// Size of a symbol as JSON in bytes, somewhat above the usual size.
const SYMBOL_BYTES: usize = 600;

/// Lists symbols
///
/// In ascending order of id. `name` and `exchange` are compared case-insensitively.
#[utoipa::path(
    get,
    operation_id = "list_symbols",
    path = "/api/v1/symbols",
    tag = "symbols",
    params(
        ("name" = Option<String>, Query, description = "only symbols of this name", example = "EURUSD"),
        ("exchange" = Option<String>, Query, description = "only symbols of this exchange", example = "oanda"),
        ("active" = Option<bool>, Query, description = "only active (true) or only inactive (false) symbols"),
        ("limit" = Option<u32>, Query, description = "maximum number of symbols, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of symbols", body = SymbolList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(State(app): State<AppState>, request: ListRequest) -> Result<Response, Problem> {
    let known = ["name", "exchange", "active", "limit", "cursor"];
    let query = request.query(&known)?;
    let cursor = query.cursor(SymbolCursor::decode)?;
    let mut wanted = SymbolQuery::default()
        .after(cursor.map(|cursor| cursor.symbol_id))
        .limit(query.limit()?);
    wanted.name = query.text("name").map(str::to_owned);
    wanted.exchange = query.text("exchange").map(str::to_owned);
    wanted.active = query.flag("active")?;
    let query = wanted;
    let answer = ListAnswer::to(request, &app)?;
    let connection = answer.connection();
    let room = room::<Symbol>(&app, connection, query.limit.get(), SYMBOL_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(query.limit.get()));
    let answering = async move {
        let page = app.repositories.symbols.list(&query).await?;
        let list = SymbolList::from(page);
        let next = list.next_cursor.as_deref();
        list_answer(&list.data, next, SYMBOL_BYTES, room, answer).await
    };
    long_work.run_if(is_long, answering).await
}

/// One symbol
#[utoipa::path(
    get,
    operation_id = "get_symbol",
    path = "/api/v1/symbols/{symbol}",
    tag = "symbols",
    params(("symbol" = String, Path, description = "id of the symbol", example = "oanda:EURUSD")),
    responses(
        (status = 200, description = "the symbol", body = SymbolBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<SymbolBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = app.known_symbols.find(&symbol).await?;
    match app.repositories.symbols.get(id).await? {
        Some(symbol) => Ok(Json(symbol.into())),
        None => Err(Problem::unknown_symbol(id)),
    }
}

/// Changes a symbol
///
/// Renames, describes, activates or deactivates it. All given values are stored, or none.
#[utoipa::path(
    patch,
    operation_id = "change_symbol",
    path = "/api/v1/symbols/{symbol}",
    tag = "symbols",
    params(("symbol" = String, Path, description = "id of the symbol", example = "oanda:EURUSD")),
    request_body(content = SymbolChangeBody, description = "the new values, at least one"),
    responses(
        (status = 200, description = "the symbol with the new values", body = SymbolBody),
        (status = 400, description = "invalid parameter or body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "another symbol of the exchange has the name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    request: Request,
) -> Result<Json<SymbolBody>, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let id = app.known_symbols.find(&symbol).await?;
    let body = json_body(&app.http, request).await?;
    let _working = app.http.begin()?;
    let change = SymbolChangeBody::read(object(&body.bytes)?);
    let change = change.and_then(SymbolChangeBody::into_change);
    let change = change.map_err(|rejection| Problem::invalid_body(rejection.detail))?;
    if change == SymbolChange::default() {
        let problem = "the change is empty: give at least one value";
        return Err(Problem::invalid_body(problem));
    }
    match app.repositories.symbols.amend(id, &change).await {
        Ok(amended) => {
            let fields: Vec<_> = amended.changed.iter().map(|change| change.field).collect();
            tracing::info!(symbol_id = %id, ?fields, "a symbol was changed by a request");
            Ok(Json(amended.symbol.into()))
        }
        Err(RepositoryError::InvalidInput { reason }) => Err(Problem::invalid_body(reason)),
        Err(RepositoryError::NotFound { .. }) => Err(Problem::unknown_symbol(id)),
        Err(error) => Err(error.into()),
    }
}
