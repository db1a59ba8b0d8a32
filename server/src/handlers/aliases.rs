//! Handlers of the names of symbols in feeds.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use tickbook::domain::{Symbol, SymbolId, excerpt};
use tickbook::repository::FeedSymbol;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use crate::app::AppState;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::read_body::{json_body, object};
use crate::wire::{AliasList, NewAlias, SymbolBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(by_alias)))
        .routes(active(routes!(list, remove)))
        .routes(routes!(add))
}

/// The symbol with a name in a feed
///
/// The name is compared exactly.
#[utoipa::path(
    get,
    operation_id = "get_symbol_by_alias",
    path = "/api/v1/symbols/by-alias",
    tag = "symbols",
    params(
        ("feed" = String, Query, description = "the feed", example = "ctrader"),
        ("key" = String, Query, description = "name or number of the symbol in the feed", example = "1"),
    ),
    responses(
        (status = 200, description = "the symbol", body = SymbolBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no symbol has this name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn by_alias(
    State(app): State<AppState>,
    RawQuery(raw): RawQuery,
) -> Result<Json<SymbolBody>, Problem> {
    let (feed, key) = feed_and_key(raw.as_deref())?;
    let symbols = &app.repositories.symbols;
    match symbols.get_by_feed_key(&feed, &key).await? {
        Some(symbol) => Ok(Json(symbol.into())),
        None => Err(unknown(&feed, &key)),
    }
}

/// Names of a symbol in feeds
#[utoipa::path(
    get,
    operation_id = "list_aliases",
    path = "/api/v1/symbols/{symbol}/aliases",
    tag = "symbols",
    params(("symbol" = String, Path, description = "id of the symbol", example = "oanda:EURUSD")),
    responses(
        (status = 200, description = "the names; next_cursor is null", body = AliasList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<AliasList>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    app.known_symbols.require(symbol_id).await?;
    names(&app, symbol_id).await
}

/// Adds a name of a symbol in a feed
///
/// A name of a feed belongs to one symbol. If another symbol has it, the request is refused with 409, unless `move`
/// is true. Feeds use the name from their next start on.
#[utoipa::path(
    post,
    operation_id = "add_alias",
    path = "/api/v1/symbols/{symbol}/aliases",
    tag = "symbols",
    params(("symbol" = String, Path, description = "id of the symbol", example = "oanda:EURUSD")),
    request_body(content = NewAlias, description = "the name"),
    responses(
        (status = 200, description = "all names of the symbol", body = AliasList),
        (status = 400, description = "invalid parameter or body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "another symbol has the name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn add(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    request: Request,
) -> Result<Json<AliasList>, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let body = json_body(&app.http, request).await?;
    let _working = app.http.begin()?;
    let new = NewAlias::read(object(&body.bytes)?);
    let new = new.map_err(|rejection| Problem::invalid_body(rejection.detail))?;
    app.known_symbols.require(symbol_id).await?;
    let mapping = FeedSymbol::new(&*new.feed, &*new.key, symbol_id);
    mapping.validate()?;
    let symbols = &app.repositories.symbols;
    if new.r#move {
        symbols.map_feed_symbols(&[mapping]).await?;
    } else if let Some(owner) = symbols.add_feed_symbol(&mapping).await? {
        return Err(taken(&new.feed, &new.key, &owner));
    }
    names(&app, symbol_id).await
}

/// Removes a name of a symbol in a feed
#[utoipa::path(
    delete,
    operation_id = "remove_alias",
    path = "/api/v1/symbols/{symbol}/aliases",
    tag = "symbols",
    params(
        ("symbol" = String, Path, description = "id of the symbol", example = "oanda:EURUSD"),
        ("feed" = String, Query, description = "the feed", example = "ctrader"),
        ("key" = String, Query, description = "name or number of the symbol in the feed", example = "1"),
    ),
    responses(
        (status = 204, description = "the symbol no longer has the name"),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol, or it does not have this name", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn remove(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<StatusCode, Problem> {
    let (feed, key) = feed_and_key(raw.as_deref())?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    app.known_symbols.require(symbol_id).await?;
    let symbols = &app.repositories.symbols;
    let mapping = FeedSymbol::new(&*feed, &*key, symbol_id);
    match symbols.remove_feed_symbol(&mapping).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&feed, &key)),
    }
}

async fn names(app: &AppState, symbol_id: SymbolId) -> Result<Json<AliasList>, Problem> {
    let names = app.repositories.symbols.feed_symbols(symbol_id).await?;
    Ok(Json(names.into()))
}

/// The required parameters `feed` and `key`.
fn feed_and_key(raw: Option<&str>) -> Result<(String, String), Problem> {
    let query = Query::parse(raw, &["feed", "key"])?;
    let required = |name: &str| {
        let missing = || Problem::invalid_parameter(format!("{name} is missing: add it"));
        query.text(name).map(str::to_owned).ok_or_else(missing)
    };
    Ok((required("feed")?, required("key")?))
}

fn unknown(feed: &str, key: &str) -> Problem {
    let (feed, key) = (excerpt(feed), excerpt(key));
    Problem::not_found(format!("the feed {feed} has no symbol {key}"))
}

fn taken(feed: &str, key: &str, owner: &Symbol) -> Problem {
    let (feed, key) = (excerpt(feed), excerpt(key));
    let (exchange, name, id) = (&owner.exchange, &owner.name, owner.symbol_id);
    Problem::already_exists(format!(
        "{key} of the feed {feed} is {exchange}:{name} (symbol_id {id}): set move to true to take it from there"
    ))
}
