//! Handlers of `/api/v1/ticks`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use tickbook::domain::{Tick, TickCursor};
use tickbook::repository::{InsertReceipt, TickQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{is_closed_page, is_long, list_answer, room};
use super::posting::{Received, Reception, hold_receipt, receipt_answer, receive};
use crate::answers::{ListAnswer, ListRequest};
use crate::app::AppState;
use crate::cursor::RangeCursorText as _;
use crate::http::FREE;
use crate::metrics;
use crate::problem::{Problem, ProblemBody};
use crate::publish::store_and_publish;
use crate::wire::{NewTick, ReceiptBody, TickList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(latest))
        .routes(routes!(list))
        .routes(routes!(insert))
}

/// Size of a tick as JSON in bytes, somewhat above the usual size.
const TICK_BYTES: usize = 240;

/// Maximum number of symbols in one request for the latest ticks.
const LATEST_LIMIT: usize = 1_000;

/// Ticks of a symbol
///
/// Returns the ticks within `[from, to)`, oldest first unless `order=desc`. Pages neither skip nor repeat a
/// tick, even if several ticks have the same time.
#[utoipa::path(
    get,
    operation_id = "list_ticks",
    path = "/api/v1/ticks/{symbol}",
    tag = "ticks",
    params(
        ("symbol" = String, Path, description = "symbol of the ticks", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of ticks, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
    ),
    responses(
        (status = 200, description = "a page of ticks", body = TickList),
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
    let query = TickQuery::new(symbol_id, range)
        .order(order)
        .after(given.cursor(|text| TickCursor::decode(text, symbol_id, range, order))?)
        .limit(given.limit()?);
    let answer = ListAnswer::revalidating(request, &app, symbol_id, &given).await?;
    if let Some(unchanged) = answer.unchanged() {
        return Ok(unchanged);
    }
    let connection = answer.connection();
    let room = room::<Tick>(&app, connection, query.limit.get(), TICK_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(query.limit.get()));
    let now = app.clock.now();
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let page = app.repositories.ticks.range(&query).await?;
        let last = page.items.last().map(|it| it.tick_time);
        let is_closed = is_closed_page(range, order, last.filter(|_| page.next.is_some()), now);
        let list = TickList::new(page, &query);
        let next = list.next_cursor.as_deref();
        list_answer(&list.data, next, TICK_BYTES, room, answer.closed(is_closed)).await
    };
    long_work.run_if(is_long, answering).await
}

/// Latest tick of each of several symbols
///
/// In ascending order of symbol id. Symbols without ticks are omitted.
#[utoipa::path(
    get,
    operation_id = "latest_ticks",
    path = "/api/v1/ticks/latest",
    tag = "ticks",
    params(("symbols" = String, Query, description = "1 to 1000 symbol ids, separated by commas", example = "1,2,3")),
    responses(
        (status = 200, description = "the ticks; next_cursor is null", body = TickList),
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
    let room = room::<Tick>(&app, connection, ids.len(), TICK_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(ids.len()));
    let answering = async move {
        app.known_symbols.require_all(&ids).await?;
        let ticks = app.repositories.ticks.latest_of(&ids).await?;
        let list = TickList::complete(ticks);
        list_answer(&list.data, None, TICK_BYTES, room, answer).await
    };
    long_work.run_if(is_long, answering).await
}

/// Stores ticks
///
/// Each element of the array is checked separately: an invalid element is rejected in the receipt, with its
/// index, and the others are stored. If the status is not 200, nothing was stored, except that after a 503
/// either all or none of the ticks were stored. Sending ticks again is safe: ticks that are already stored
/// count as duplicates.
#[utoipa::path(
    post,
    operation_id = "insert_ticks",
    path = "/api/v1/ticks",
    tag = "ticks",
    params(("symbol" = Option<String>, Query, description = "only with text/csv: the symbol of all rows, which then need no column symbol_id", example = "oanda:EURUSD")),
    request_body(content = Vec<NewTick>, description = "0 to 10000 ticks in any order, 4 MiB at most"),
    responses(
        (status = 200, description = "the result of each element", body = ReceiptBody),
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
        sent,
        working,
        held,
        length,
    } = Reception::<Tick>::read(&app, body, symbol_id).await?;
    let crossed = posted.crossed();
    metrics::count_posted(sent, crossed);
    let ticks = posted.take_events();
    let stored = if ticks.is_empty() {
        InsertReceipt::default()
    } else {
        // the ticks take about as much memory as the body did
        store_and_publish(&app, Arc::clone(&ticks), (working, Arc::clone(&held))).await?
    };
    let refused = (stored.rejected.len(), stored.conflicts.len());
    hold_receipt(&posted, length, refused, &held)?;
    let rejected = posted.into_rejected(&ticks, stored.rejected);
    let receipt = ReceiptBody {
        inserted: stored.inserted,
        duplicates: stored.duplicates,
        conflicts: stored.conflicts.into_iter().map(Into::into).collect(),
        rejected: rejected.into_iter().map(Into::into).collect(),
        crossed,
    };
    metrics::count_receipt(&receipt);
    let rows = receipt.rejected.len() + 2 * receipt.conflicts.len();
    receipt_answer(&receipt, rows, TICK_BYTES)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::header;
    use serde_json::json;
    use tickbook::Repositories;
    use tickbook::domain::NewSymbol;
    use tickbook::repository::MockTickRepository;
    use tokio::task::block_in_place;

    use super::*;
    use crate::readiness::Readiness;

    #[expect(
        clippy::disallowed_methods,
        reason = "a mock cannot return futures, and this call takes long"
    )]
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn abandoned_ticks_hold_memory_until_they_are_stored() {
        let (resume, resumed) = channel::<()>();
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let resumed = Mutex::new(resumed);
        let mut ticks = MockTickRepository::new();
        ticks.expect_insert_batch().once().returning(move |batch| {
            begun.send(()).expect("the test waits");
            let resumed = resumed.lock().expect("no panic");
            let gone_on = block_in_place(|| resumed.recv_timeout(Duration::from_secs(30)));
            gone_on.expect("told to go on");
            Ok(InsertReceipt::default().inserted(batch.len() as u64))
        });
        let mut repositories = Repositories::in_memory();
        let symbol = repositories.symbols.create(NewSymbol::named("a", "B"));
        let id = symbol.await.expect("created").symbol_id.get();
        repositories.ticks = Arc::new(ticks);
        let handle = metrics::install().expect("no other recorder");
        let app = AppState::new(repositories, Readiness::fixed(Vec::new()), handle);
        let memory = app.http.memory().clone();
        let tick = json!({
            "symbol_id": id, "tick_time": "2014-05-01T00:00:00Z", "bid_price": "1", "ask_price": "2"
        });
        let request = axum::http::Request::post("/api/v1/ticks")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!(vec![tick; 1_000]).to_string()))
            .expect("a request");
        let client = tokio::spawn(insert(State(app), request));
        begins.recv().await.expect("they are being stored");
        client.abort();
        assert!(client.await.is_err(), "the client was cancelled");
        assert!(memory.taken() > FREE, "{}", memory.taken());
        resume.send(()).expect("it waits");
        let released = async {
            while memory.taken() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(30), released).await;
        in_time.expect("the memory is released");
    }
}
