//! Handler of the fills of an account.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{Fill, FillOrder};
use tickbook_ledger::repository::FillQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account_orders::order_id;
use super::accounts::of_account;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, account_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{FillBody, FillList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Size of a fill as JSON in bytes, somewhat above the usual size.
const FILL_BYTES: usize = 700;

/// Fills of an account
///
/// Returns the executions with times at the venue within `[from, to)`, oldest first, in their present form. Busted fills
/// are included.
#[utoipa::path(
    get,
    operation_id = "list_fills",
    path = "/api/v1/accounts/{account_id}/fills",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("symbol_id" = Option<i64>, Query, description = "only fills in this symbol", minimum = 1),
        ("order_id" = Option<String>, Query, description = "only fills of this order", example = "a-1"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2024-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2024-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of fills, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of fills", body = FillList),
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
    let known = ["symbol_id", "order_id", "from", "to", "limit", "cursor"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let account_id = account_id(&id)?;
    let listing = LedgerListing::new(LedgerList::Fills, &id, &query.of_listing());
    let order_id = query.text("order_id").map(order_id).transpose()?;
    let query = FillQuery::new(account_id, query.range()?)
        .symbol_id(query.id("symbol_id")?.map(SymbolId::new))
        .order_id(order_id)
        .after(query.cursor(|text| FillOrder::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<Fill>(&app, connection, limit, FILL_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.ledger.orders.fills(&scope, &query).await;
        let page = page.map_err(|error| of_account(error, account_id))?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<FillBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), FILL_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}
