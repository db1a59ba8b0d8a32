//! Handlers of the newest tick or trade as of a time.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chrono::{DateTime, Utc};
use tickbook::domain::SymbolId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use crate::app::AppState;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::wire::{TickBody, TradeBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(tick)))
        .routes(active(routes!(trade)))
}

/// Tick of a symbol as of a time
///
/// Returns the last tick with `tick_time <= at`, by `(tick_time, sequence)`.
#[utoipa::path(
    get,
    operation_id = "get_tick_as_of",
    path = "/api/v1/ticks/{symbol}/as-of",
    tag = "ticks",
    params(
        ("symbol" = String, Path, description = "symbol of the tick", example = "oanda:EURUSD"),
        ("at" = String, Query, description = "inclusive", example = "2014-05-01T12:00:00Z"),
    ),
    responses(
        (status = 200, description = "the tick", body = TickBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol, or no tick until then", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn tick(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<TickBody>, Problem> {
    let (symbol_id, at) = symbol_and_time(&app, &symbol, raw.as_deref()).await?;
    match app.repositories.ticks.as_of(symbol_id, at).await? {
        Some(tick) => Ok(Json(tick.into())),
        None => Err(none("tick", symbol_id)),
    }
}

/// Trade of a symbol as of a time
///
/// Returns the last trade with `trade_time <= at`, by `(trade_time, sequence)`.
#[utoipa::path(
    get,
    operation_id = "get_trade_as_of",
    path = "/api/v1/trades/{symbol}/as-of",
    tag = "trades",
    params(
        ("symbol" = String, Path, description = "symbol of the trade", example = "oanda:EURUSD"),
        ("at" = String, Query, description = "inclusive", example = "2014-05-01T12:00:00Z"),
    ),
    responses(
        (status = 200, description = "the trade", body = TradeBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol, or no trade until then", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn trade(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<TradeBody>, Problem> {
    let (symbol_id, at) = symbol_and_time(&app, &symbol, raw.as_deref()).await?;
    match app.repositories.trades.as_of(symbol_id, at).await? {
        Some(trade) => Ok(Json(trade.into())),
        None => Err(none("trade", symbol_id)),
    }
}

async fn symbol_and_time(
    app: &AppState,
    symbol: &str,
    raw: Option<&str>,
) -> Result<(SymbolId, DateTime<Utc>), Problem> {
    let at = Query::parse(raw, &["at"])?.time("at")?;
    let at = at.ok_or_else(|| Problem::invalid_parameter("at is missing: give a time"))?;
    let symbol_id = app.known_symbols.find(symbol).await?;
    app.known_symbols.require(symbol_id).await?;
    Ok((symbol_id, at))
}

fn none(what: &str, symbol_id: SymbolId) -> Problem {
    Problem::not_found(format!(
        "symbol {symbol_id} has no {what} at this time or before it"
    ))
}
