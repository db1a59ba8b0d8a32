//! Handler of the positions of an account.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::PositionKey;
use tickbook_ledger::repository::{PositionEntry, PositionQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::of_account;
use super::marks::Marks;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::Connection;
use crate::ledger::CallerScope;
use crate::params::{Query, account_id, invalid};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{PositionBody, PositionList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Size of a position as JSON in bytes, somewhat above the usual size.
const POSITION_BYTES: usize = 600;

/// Positions of an account
///
/// Returns the positions, flat ones too unless `open=true`, by strategy, symbol and name. With `as_of`, returns the
/// positions that all fills up to that time at the venue give, inclusive, with the corrections that are known now.
///
/// An open position is valued at `mark`; without it at the valid book of a feed, otherwise at the last stored quote, with
/// `as_of` at the last stored quote up to that time. A long position is valued at the bid, a short one at the ask.
#[utoipa::path(
    get,
    operation_id = "list_positions",
    path = "/api/v1/accounts/{account_id}/positions",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("symbol_id" = Option<i64>, Query, description = "only positions in this symbol", minimum = 1),
        ("open" = Option<bool>, Query, description = "true: only positions that are not flat; false: only flat ones"),
        ("as_of" = Option<String>, Query, description = "inclusive", example = "2024-05-01T16:00:00Z"),
        ("mark" = Option<String>, Query, description = "price at which open positions in symbol_id are valued", example = "101"),
        ("limit" = Option<u32>, Query, description = "maximum number of positions, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of positions", body = PositionList),
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
    let known = ["symbol_id", "open", "as_of", "mark", "limit", "cursor"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let account_id = account_id(&id)?;
    let listing = LedgerListing::new(LedgerList::Positions, &id, &query.of_listing());
    let (symbol_id, given) = (query.id("symbol_id")?, query.decimal("mark")?);
    if given.is_some() && symbol_id.is_none() {
        let problem = "symbol_id is missing: a price is that of one symbol";
        return Err(invalid("mark", &problem));
    }
    let query = PositionQuery::new(account_id)
        .symbol_id(symbol_id.map(SymbolId::new))
        .open(query.flag("open")?)
        .as_of(query.time("as_of")?)
        .after(query.cursor(|text| PositionKey::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<PositionEntry>(&app, connection, limit, POSITION_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.ledger.orders.positions(&scope, &query).await;
        let page = page.map_err(|error| of_account(error, account_id))?;
        let next = page.next.as_ref().map(|next| next.encode(listing));
        let marks = Marks::read(&app, &scope, &query, &page.items, given).await?;
        let mut data = Vec::with_capacity(page.items.len());
        for entry in page.items {
            let valuation = marks.valuation(&entry);
            let valuation = valuation.map_err(|error| invalid("mark", &error))?;
            data.push(PositionBody::new(entry, valuation));
        }
        page_answer(&data, next.as_deref(), POSITION_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}
