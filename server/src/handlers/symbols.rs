//! Handlers of `/api/v1/symbols`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook::domain::{Symbol, SymbolCursor};
use tickbook::repository::SymbolQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::SymbolCursorText as _;
use crate::http::Connection;
use crate::params::{Query, symbol_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{SymbolBody, SymbolList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
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
pub async fn list(
    State(app): State<AppState>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let known = ["name", "exchange", "active", "limit", "cursor"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let cursor = query.cursor(SymbolCursor::decode)?;
    let mut wanted = SymbolQuery::default()
        .after(cursor.map(|cursor| cursor.symbol_id))
        .limit(query.limit()?);
    wanted.name = query.text("name").map(str::to_owned);
    wanted.exchange = query.text("exchange").map(str::to_owned);
    wanted.active = query.flag("active")?;
    let query = wanted;
    let room = room::<Symbol>(&app, connection, query.limit.get(), SYMBOL_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(query.limit.get()));
    let answering = async move {
        let page = app.repositories.symbols.list(&query).await?;
        let list = SymbolList::from(page);
        page_answer(&list.data, list.next_cursor.as_deref(), SYMBOL_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// One symbol
#[utoipa::path(
    get,
    operation_id = "get_symbol",
    path = "/api/v1/symbols/{symbol_id}",
    tag = "symbols",
    params(("symbol_id" = i64, Path, description = "id of the symbol", minimum = 1, example = 1)),
    responses(
        (status = 200, description = "the symbol", body = SymbolBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<SymbolBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let id = symbol_id("symbol_id", &id)?;
    match app.repositories.symbols.get(id).await? {
        Some(symbol) => Ok(Json(symbol.into())),
        None => Err(Problem::unknown_symbol(id)),
    }
}
