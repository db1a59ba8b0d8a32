//! Handlers of the events of an account.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use tickbook::RepositoryError;
use tickbook_ledger::domain::{AccountId, AccountScope, OrderId, RecordedEvent};
use tickbook_ledger::repository::{OrderEventQuery, QuarantineQuery, QuarantinedEvent};
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::account_orders::order_id;
use super::accounts::of_account;
use super::page::{is_long, page_answer, room};
use super::posting::receipt_answer;
use crate::app::AppState;
use crate::cursor::{LedgerCursorText as _, LedgerList, LedgerListing};
use crate::http::{Connection, FREE};
use crate::ledger::CallerScope;
use crate::metrics::count_rejected_events;
use crate::params::{Query, account_id};
use crate::posted_events::PostedEvents;
use crate::problem::{Problem, ProblemBody};
use crate::read_body::{JsonBody, elements, json_body};
use crate::wire::{
    AppendReceiptBody, OrderEventBody, QuarantinedEventBody, QuarantinedEventList,
    RecordedEventBody, RecordedEventList,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, append))
        .routes(routes!(of_order))
        .routes(routes!(quarantine))
}

/// Size of an event as JSON in bytes, somewhat above the usual size.
const EVENT_BYTES: usize = 800;

/// Size of a row of a receipt as JSON in bytes, somewhat above the usual size.
const RECEIPT_ROW_BYTES: usize = 120;

/// Events of an account
///
/// Returns the journal by ascending number. The events of an account have the numbers 1, 2, 3 and so on, without gaps.
#[utoipa::path(
    get,
    operation_id = "list_account_events",
    path = "/api/v1/accounts/{account_id}/events",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("from_sequence" = Option<i64>, Query, description = "number of the first event, 1 by default", minimum = 1, example = 1),
        ("limit" = Option<u32>, Query, description = "maximum number of events, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of events", body = RecordedEventList),
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
    let query = Query::parse(raw.as_deref(), &["from_sequence", "limit", "cursor"])?;
    let account_id = account_id(&id)?;
    events(app, scope, (account_id, None), query, connection).await
}

/// Events of an order
///
/// Returns the events of one order by ascending number.
#[utoipa::path(
    get,
    operation_id = "list_order_events",
    path = "/api/v1/accounts/{account_id}/orders/{order_id}/events",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("order_id" = String, Path, description = "id of the order", example = "a-1"),
        ("limit" = Option<u32>, Query, description = "maximum number of events, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of events", body = RecordedEventList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account or order", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn of_order(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path((id, order)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["limit", "cursor"])?;
    let (account_id, order_id) = (account_id(&id)?, order_id(&order)?);
    let of_order = (account_id, Some(order_id));
    events(app, scope, of_order, query, connection).await
}

async fn events(
    app: AppState,
    scope: AccountScope,
    (account_id, order_id): (AccountId, Option<OrderId>),
    query: Query,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let path = match &order_id {
        Some(order_id) => format!("{account_id}/{order_id}"),
        None => account_id.to_string(),
    };
    let listing = LedgerListing::new(LedgerList::Events, &path, &query.of_listing());
    let after = match query.cursor(|text| i64::decode(text, listing))? {
        Some(after) => Some(after),
        None => query.sequence("from_sequence", 1)?.map(|first| first - 1),
    };
    let wanted = OrderEventQuery::new(account_id)
        .order_id(order_id.clone())
        .after(after)
        .limit(query.limit()?);
    let limit = wanted.limit.get();
    let room = room::<RecordedEvent>(&app, connection, limit, EVENT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let of_account = |error| of_account(error, account_id);
        let ledger = &app.ledger.orders;
        if let Some(order_id) = &order_id {
            let order = ledger.order(&scope, account_id, order_id).await;
            if order.map_err(of_account)?.is_none() {
                return Err(Problem::unknown_order(account_id, order_id));
            }
        }
        let page = ledger.events(&scope, &wanted).await.map_err(of_account)?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<RecordedEventBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), EVENT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Appends events
///
/// Each element of the array is treated separately: an element that is not an event is rejected in the receipt with its
/// index, an event that contradicts a booked one or cannot be booked is kept in the quarantine, and the others are
/// booked, in the order of the array. If the status is not 200, nothing was booked, except that after a 503 either all or
/// none of them were booked. Sending events again is safe: booked events count as duplicates.
#[utoipa::path(
    post,
    operation_id = "append_events",
    path = "/api/v1/accounts/{account_id}/events",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("expected" = Option<i64>, Query, description = "books nothing unless the last event of the account has this number; 0 for an account without events", minimum = 0, example = 0),
    ),
    request_body(content = Vec<OrderEventBody>, description = "0 to 10000 events, 4 MiB at most"),
    responses(
        (status = 200, description = "the result of each element", body = AppendReceiptBody),
        (status = 400, description = "invalid parameter, not JSON, not an array, or too many elements", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body arrived too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the last event has another number than expected", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "more than 4 MiB", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not declared as JSON, or in an unknown coding", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn append(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let query = Query::parse(request.uri().query(), &["expected"])?;
    let account_id = account_id(&id)?;
    let expected = query.sequence("expected", 0)?;
    let body = json_body(&app.http, request).await?;
    let (long_work, is_long) = (app.long_work.clone(), body.bytes.len() > FREE);
    let appending = append_body(app, scope, account_id, expected, body);
    long_work.run_if(is_long, appending).await
}

async fn append_body(
    app: AppState,
    scope: AccountScope,
    account_id: AccountId,
    expected: Option<i64>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let JsonBody { bytes, held } = body;
    let held = Arc::new(held);
    // a slow body does not hold a permit of an active request
    let working = app.http.begin()?;
    let mut posted = {
        let elements = elements(&bytes, "events")?;
        PostedEvents::read(&elements, bytes.len(), &held).await?
    };
    drop(bytes);
    let unknown = app.known_symbols.unknown(&posted.symbol_ids()).await?;
    posted.reject_unknown(&unknown);
    let (events, indexes, rejected) = posted.into_parts();
    count_rejected_events(rejected.len());
    // once started, the events are appended and published even if the client disconnects
    let (ledger, kept) = (Arc::clone(&app.ledger.orders), Arc::clone(&held));
    let appending = async move {
        let appended = ledger.append(&scope, account_id, &events, expected).await;
        drop((events, kept, working));
        appended
    };
    let appending = tokio::spawn(appending.in_current_span());
    let appended = appending.await.unwrap_or_else(|error| {
        Err(RepositoryError::Internal {
            operation: "append_events",
            reason: error.to_string(),
        })
    });
    let receipt = appended.map_err(|error| match error {
        RepositoryError::InvalidInput { reason } if expected.is_some() => {
            Problem::other_sequence(reason)
        }
        error => of_account(error, account_id),
    })?;
    let rows = receipt.total() + 4 * (rejected.len() + receipt.quarantined.len());
    let receipt = AppendReceiptBody::new(receipt, &indexes, rejected);
    receipt_answer(&receipt, rows, RECEIPT_ROW_BYTES)
}

/// Events of an account that were not booked
///
/// Returns the events that contradict a booked one or cannot be booked, in the order of their arrival, each once. If the
/// reason ends, for example because the order was created meanwhile, an event is booked when it is sent again.
#[utoipa::path(
    get,
    operation_id = "list_quarantined_events",
    path = "/api/v1/accounts/{account_id}/quarantine",
    tag = "accounts",
    params(
        ("account_id" = i64, Path, description = "id of the account", minimum = 1, example = 7),
        ("limit" = Option<u32>, Query, description = "maximum number of events, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of events", body = QuarantinedEventList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown account", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn quarantine(
    State(app): State<AppState>,
    CallerScope(scope): CallerScope,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["limit", "cursor"])?;
    let account_id = account_id(&id)?;
    let listing = LedgerListing::new(LedgerList::Quarantine, &id, &query.of_listing());
    let query = QuarantineQuery::new(account_id)
        .after(query.cursor(|text| i64::decode(text, listing))?)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<QuarantinedEvent>(&app, connection, limit, EVENT_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.ledger.orders.quarantined(&scope, &query).await;
        let page = page.map_err(|error| of_account(error, account_id))?;
        let next = page.next.map(|next| next.encode(listing));
        let data: Vec<QuarantinedEventBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), EVENT_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}
