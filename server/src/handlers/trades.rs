//! Handlers of `/api/v1/trades`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use tickbook::domain::{Trade, TradeCursor};
use tickbook::repository::{InsertReceipt, TradeQuery, delete_trades};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::page::{is_closed_page, is_long, list_answer, room};
use super::posting::{Received, Reception, hold_receipt, receipt_answer, receive};
use crate::answers::{ListAnswer, ListRequest};
use crate::app::AppState;
use crate::cursor::RangeCursorText as _;
use crate::http::FREE;
use crate::metrics::count_trade_receipt;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::publish::store_and_publish;
use crate::wire::{DeletedTradesBody, NewTrade, TradeList, TradeReceiptBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(latest))
        .routes(routes!(list))
        .routes(active(routes!(delete)))
        .routes(routes!(insert))
}

/// Size of a trade as JSON in bytes, somewhat above the usual size.
const TRADE_BYTES: usize = 260;

/// Maximum number of symbols in one request for the latest trades.
const LATEST_LIMIT: usize = 1_000;

/// Trades of a symbol
///
/// Returns the trades within `[from, to)`, oldest first unless `order=desc`. Pages neither skip nor repeat a
/// trade, even if several trades have the same time.
#[utoipa::path(
    get,
    operation_id = "list_trades",
    path = "/api/v1/trades/{symbol}",
    tag = "trades",
    params(
        ("symbol" = String, Path, description = "symbol of the trades", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of trades, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
    ),
    responses(
        (status = 200, description = "a page of trades", body = TradeList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    request: ListRequest,
) -> Result<Response, Problem> {
    let given = request.query(&["from", "to", "limit", "cursor", "order"])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let (range, order) = (given.range()?, given.order()?);
    let query = TradeQuery::new(symbol_id, range)
        .order(order)
        .after(given.cursor(|text| TradeCursor::decode(text, symbol_id, range, order))?)
        .limit(given.limit()?);
    let answer = ListAnswer::revalidating(request, &app, symbol_id, &given).await?;
    if let Some(unchanged) = answer.unchanged() {
        return Ok(unchanged);
    }
    let connection = answer.connection();
    let room = room::<Trade>(&app, connection, query.limit.get(), TRADE_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(query.limit.get()));
    let now = app.clock.now();
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let page = app.repositories.trades.range(&query).await?;
        let last = page.items.last().map(|it| it.trade_time);
        let is_closed = is_closed_page(range, order, last.filter(|_| page.next.is_some()), now);
        let list = TradeList::new(page, &query);
        let next = list.next_cursor.as_deref();
        list_answer(
            &list.data,
            next,
            TRADE_BYTES,
            room,
            answer.closed(is_closed),
        )
        .await
    };
    long_work.run_if(is_long, answering).await
}

/// Deletes trades of a symbol
///
/// Deletes the trades within `[from, to)`, of which both are required. Days are deleted one after the other: if
/// the status is not 200, some of them may be deleted, and the request may be repeated.
#[utoipa::path(
    delete,
    operation_id = "delete_trades",
    path = "/api/v1/trades/{symbol}",
    tag = "trades",
    params(
        ("symbol" = String, Path, description = "symbol of the trades", example = "oanda:EURUSD"),
        ("from" = String, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = String, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "what was deleted", body = DeletedTradesBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn delete(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<DeletedTradesBody>, Problem> {
    let query = Query::parse(raw.as_deref(), &["from", "to"])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let range = query.required_range()?;
    app.known_symbols.require(symbol_id).await?;
    let trades = &*app.repositories.trades;
    let deleted = delete_trades(trades, symbol_id, range, |_| {}).await?;
    tracing::info!(%symbol_id, trades = deleted.trades, "trades were deleted by a request");
    Ok(Json(deleted.into()))
}

/// Latest trade of each of several symbols
///
/// In ascending order of symbol id. Symbols without trades are omitted.
#[utoipa::path(
    get,
    operation_id = "latest_trades",
    path = "/api/v1/trades/latest",
    tag = "trades",
    params(("symbols" = String, Query, description = "1 to 1000 symbol ids, separated by commas", example = "1,2,3")),
    responses(
        (status = 200, description = "the trades; next_cursor is null", body = TradeList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn latest(
    State(app): State<AppState>,
    request: ListRequest,
) -> Result<Response, Problem> {
    let query = request.query(&["symbols"])?;
    let ids = query.symbol_ids("symbols", LATEST_LIMIT)?;
    let answer = ListAnswer::to(request, &app)?;
    let connection = answer.connection();
    let room = room::<Trade>(&app, connection, ids.len(), TRADE_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(ids.len()));
    let answering = async move {
        app.known_symbols.require_all(&ids).await?;
        let trades = app.repositories.trades.latest_of(&ids).await?;
        let list = TradeList::complete(trades);
        list_answer(&list.data, None, TRADE_BYTES, room, answer).await
    };
    long_work.run_if(is_long, answering).await
}

/// Stores trades
///
/// Each element of the array is checked separately: an invalid element is rejected in the receipt, with its
/// index, and the others are stored. If the status is not 200, nothing was stored, except that after a 503
/// either all or none of the trades were stored. Sending trades again is safe: trades that are already stored
/// count as duplicates.
#[utoipa::path(
    post,
    operation_id = "insert_trades",
    path = "/api/v1/trades",
    tag = "trades",
    params(("symbol" = Option<String>, Query, description = "only with text/csv: the symbol of all rows, which then need no column symbol_id", example = "oanda:EURUSD")),
    request_body(content = Vec<NewTrade>, description = "0 to 10000 trades in any order, 4 MiB at most"),
    responses(
        (status = 200, description = "the result of each element", body = TradeReceiptBody),
        (status = 400, description = "not JSON, not an array, or too many elements", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "declared neither as JSON nor as CSV, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn insert(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    let received = receive(&app, request).await?;
    let is_long = received.0.1.bytes.len() > FREE;
    let long_work = app.long_work.clone();
    long_work.run_if(is_long, store(app, received)).await
}

async fn store(app: AppState, (body, symbol_id): Received) -> Result<Response, Problem> {
    let Reception {
        mut posted,
        working,
        held,
        length,
        ..
    } = Reception::<Trade>::read(&app, body, symbol_id).await?;
    let trades = posted.take_events();
    let stored = if trades.is_empty() {
        InsertReceipt::default()
    } else {
        // the trades take about as much memory as the body did
        let kept = (working, Arc::clone(&held));
        store_and_publish(&app, Arc::clone(&trades), kept).await?
    };
    let refused = (stored.rejected.len(), stored.conflicts.len());
    hold_receipt(&posted, length, refused, &held)?;
    let rejected = posted.into_rejected(&trades, stored.rejected);
    let receipt = TradeReceiptBody {
        inserted: stored.inserted,
        duplicates: stored.duplicates,
        conflicts: stored.conflicts.into_iter().map(Into::into).collect(),
        rejected: rejected.into_iter().map(Into::into).collect(),
    };
    count_trade_receipt(&receipt);
    let rows = receipt.rejected.len() + 2 * receipt.conflicts.len();
    receipt_answer(&receipt, rows, TRADE_BYTES)
}
