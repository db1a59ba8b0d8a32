//! Handlers of the orders of an account.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{Order, OrderId, StrategyId};
use tickbook_ledger::repository::OrderQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::of_account;
use super::active;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, account_id, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{OrderBody, OrderList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(active(routes!(get)))
}

/// Size of an order as JSON in bytes, somewhat above the usual size.
const ORDER_BYTES: usize = 1_000;

/// Parses the id of an order in the path or a parameter.
pub(super) fn order_id(text: &str) -> Result<OrderId, Problem> {
    OrderId::new(text).map_err(|error| invalid("order_id", &error))
}

/// Orders of an account
///
/// Returns the orders that were created within `[from, to)`, by the number of their first event, oldest first unless
/// `order=desc`. Their status follows from their events.
#[utoipa::path(
    get,
    operation_id = "list_orders",
    path = "/api/v1/accounts/{account_id}/orders",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("symbol_id" = Option<i64>, Query, description = "only orders in this symbol", minimum = 1),
        ("strategy_id" = Option<i64>, Query, description = "only orders of this strategy", minimum = 1),
        ("open" = Option<bool>, Query, description = "true: only orders that may still be executed; false: only the others"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2024-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2024-05-02T00:00:00Z"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
        ("limit" = Option<u32>, Query, description = "maximum number of orders, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of orders", body = OrderList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
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
    let known = [
        "symbol_id",
        "strategy_id",
        "open",
        "from",
        "to",
        "order",
        "limit",
        "cursor",
    ];
    let query = Query::parse(raw.as_deref(), &known)?;
    let account_id = account_id(&id)?;
    let listing = LedgerListing::new(LedgerList::Orders, &id, &query.of_listing());
    let query = OrderQuery::new(account_id)
        .symbol_id(query.id("symbol_id")?.map(SymbolId::new))
        .strategy_id(query.id("strategy_id")?.map(StrategyId::new))
        .open(query.flag("open")?)
        .range(query.range()?)
        .order(query.order()?)
        .after(query.cursor(|text| i64::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<Order>(&app, connection, limit, ORDER_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.ledger.orders.orders(&scope, &query).await;
        let page = page.map_err(|error| of_account(error, account_id))?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<OrderBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), ORDER_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// One order
#[utoipa::path(
    get,
    operation_id = "get_order",
    path = "/api/v1/accounts/{account_id}/orders/{order_id}",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("order_id" = String, Path, description = "id of the order", example = "a-1"),
    ),
    responses(
        (status = 200, description = "the order", body = OrderBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account or order", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn get(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path((id, order)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Result<Json<OrderBody>, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let (account_id, order_id) = (account_id(&id)?, order_id(&order)?);
    let order = app.ledger.orders.order(&scope, account_id, &order_id).await;
    match order.map_err(|error| of_account(error, account_id))? {
        Some(order) => Ok(Json(order.into())),
        None => Err(Problem::unknown_order(account_id, &order_id)),
    }
}
