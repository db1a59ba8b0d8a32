//! Handlers that count the ticks or trades of a symbol.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde::{Deserialize, Serialize};
use tickbook::domain::{SymbolId, TimeRange};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use crate::app::AppState;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(ticks)))
        .routes(active(routes!(trades)))
}

/// The number of ticks or trades of a symbol in a range.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"symbol_id": 1, "count": 86_412}))]
pub struct CountBody {
    /// The symbol.
    #[schema(minimum = 1)]
    pub symbol_id: i64,
    /// The number of ticks or trades.
    #[schema(minimum = 0)]
    pub count: u64,
}

/// Number of ticks of a symbol
///
/// Counts the ticks within `[from, to)`. Without `from` and `to`, it counts all ticks of the symbol.
#[utoipa::path(
    get,
    operation_id = "count_ticks",
    path = "/api/v1/ticks/{symbol}/count",
    tag = "ticks",
    params(
        ("symbol" = String, Path, description = "symbol of the ticks", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "the number", body = CountBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn ticks(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<CountBody>, Problem> {
    let (symbol_id, range) = symbol_and_range(&app, &symbol, raw.as_deref()).await?;
    let count = app.repositories.ticks.count(symbol_id, range).await?;
    Ok(body(symbol_id, count))
}

/// Number of trades of a symbol
///
/// Counts the trades within `[from, to)`. Without `from` and `to`, it counts all trades of the symbol.
#[utoipa::path(
    get,
    operation_id = "count_trades",
    path = "/api/v1/trades/{symbol}/count",
    tag = "trades",
    params(
        ("symbol" = String, Path, description = "symbol of the trades", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "the number", body = CountBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn trades(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<CountBody>, Problem> {
    let (symbol_id, range) = symbol_and_range(&app, &symbol, raw.as_deref()).await?;
    let count = app.repositories.trades.count(symbol_id, range).await?;
    Ok(body(symbol_id, count))
}

async fn symbol_and_range(
    app: &AppState,
    symbol: &str,
    raw: Option<&str>,
) -> Result<(SymbolId, TimeRange), Problem> {
    let range = Query::parse(raw, &["from", "to"])?.range()?;
    let symbol_id = app.known_symbols.find(symbol).await?;
    app.known_symbols.require(symbol_id).await?;
    Ok((symbol_id, range))
}

fn body(symbol_id: SymbolId, count: u64) -> Json<CountBody> {
    Json(CountBody {
        symbol_id: symbol_id.get(),
        count,
    })
}
