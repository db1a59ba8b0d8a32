//! Handlers of `/api/v1/books`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use tickbook::RepositoryError;
use tickbook::domain::book::{BookInterval, BookSnapshot, MAX_STORED_LEVELS};
use tickbook::domain::{BookCursor, PageLimit, SymbolId, TimeRange, earliest_time};
use tickbook::repository::{BookIntervalQuery, BookSnapshotQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::RangeCursorText as _;
use crate::http::Connection;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};
use crate::wire::{BookBody, BookIntervalList, BookSnapshotList};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(book)))
        .routes(routes!(snapshots))
        .routes(routes!(intervals))
}

/// The number of levels of each side for which a request names none.
const DEPTH: usize = 20;

/// Size of a level as JSON in bytes, somewhat above the usual size, and in memory.
const LEVEL_BYTES: usize = 72;

/// Size of a snapshot without its levels as JSON in bytes, somewhat above the usual size.
const SNAPSHOT_BYTES: usize = 300;

/// Maximum size of a page of snapshots, as read and as sent.
const PAGE_BYTES: usize = 4 << 20;

/// Size of an interval as JSON in bytes, somewhat above the usual size.
const INTERVAL_BYTES: usize = 160;

fn depth(query: &Query) -> Result<usize, Problem> {
    let depth = query.parsed::<usize>("depth")?.unwrap_or(DEPTH);
    match depth {
        1..=MAX_STORED_LEVELS => Ok(depth),
        _ => Err(Problem::invalid_parameter(format!(
            "depth: {depth} is out of range: expected 1 to {MAX_STORED_LEVELS}"
        ))),
    }
}

/// Order book of a symbol
///
/// Without `at`, returns the present book of the feeds of this server. With `at`, returns the stored book of that
/// instant: the last snapshot before it, with all stored updates since then. `state` says whether the levels are
/// known; a known book without levels has no liquidity.
#[utoipa::path(
    get,
    operation_id = "get_book",
    path = "/api/v1/books/{symbol}",
    tag = "books",
    params(
        ("symbol" = String, Path, description = "symbol of the book", example = "oanda:EURUSD"),
        ("depth" = Option<u32>, Query, description = "maximum number of levels of each side, 20 by default", minimum = 1, maximum = 1_000),
        ("at" = Option<String>, Query, description = "the instant of a stored book", example = "2014-05-01T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "the book, or why it is not known", body = BookBody),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn book(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<BookBody>, Problem> {
    let query = Query::parse(raw.as_deref(), &["depth", "at"])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let depth = depth(&query)?;
    let at = query.time("at")?;
    app.known_symbols.require(symbol_id).await?;
    let body = match at {
        None => BookBody::live(symbol_id, app.books.get(symbol_id, depth), depth),
        Some(at) => match app.repositories.books.book_at(symbol_id, at).await? {
            Some(book) => BookBody::stored(book, depth),
            None => BookBody::not_stored(symbol_id, last_interval(&app, symbol_id, at).await?, at),
        },
    };
    Ok(Json(body))
}

/// The last interval that begins at or before `at`.
async fn last_interval(
    app: &AppState,
    symbol_id: SymbolId,
    at: DateTime<Utc>,
) -> Result<Option<BookInterval>, RepositoryError> {
    let after = at.checked_add_signed(TimeDelta::microseconds(1));
    let after = after.unwrap_or(at);
    let from = earliest_time().min(after);
    let range = TimeRange::new(from, after).map_err(RepositoryError::invalid)?;
    let one = PageLimit::new(1).map_err(RepositoryError::invalid)?;
    let query = BookIntervalQuery::new(symbol_id, range).descending();
    let page = app.repositories.books.intervals(&query.limit(one)).await?;
    Ok(page.items.into_iter().next())
}

/// Snapshots of the order book of a symbol
///
/// Returns the stored snapshots within `[from, to)`, oldest first unless `order=desc`. A page may have fewer snapshots
/// than `limit` and a `next_cursor`, if they have many levels.
#[utoipa::path(
    get,
    operation_id = "list_book_snapshots",
    path = "/api/v1/books/{symbol}/snapshots",
    tag = "books",
    params(
        ("symbol" = String, Path, description = "symbol of the book", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("depth" = Option<u32>, Query, description = "maximum number of levels of each side, 20 by default", minimum = 1, maximum = 1_000),
        ("limit" = Option<u32>, Query, description = "maximum number of snapshots, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
    ),
    responses(
        (status = 200, description = "a page of snapshots", body = BookSnapshotList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn snapshots(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let known = ["from", "to", "depth", "limit", "cursor", "order"];
    let query = Query::parse(raw.as_deref(), &known)?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let (range, order, depth) = (query.range()?, query.order()?, depth(&query)?);
    let row_bytes = SNAPSHOT_BYTES + 2 * depth * LEVEL_BYTES;
    let after = query.cursor(|text| BookCursor::decode(text, symbol_id, range, order))?;
    let limit = limit_of_bytes(query.limit()?, row_bytes)?;
    let query = BookSnapshotQuery::new(symbol_id, range)
        .order(order)
        .after(after)
        .depth(depth)
        .limit(limit);
    let room = room::<BookSnapshot>(&app, connection, limit.get(), row_bytes).await?;
    // a snapshot takes as long as several ticks
    let is_long = is_long(limit.get() * depth.div_ceil(5));
    let long_work = app.long_work.clone();
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let page = app.repositories.books.snapshots(&query).await?;
        let list = BookSnapshotList::new(page, &query);
        page_answer(&list.data, list.next_cursor.as_deref(), row_bytes, room).await
    };
    long_work.run_if(is_long, answering).await
}

/// Reduces a limit so that a page fits `PAGE_BYTES`.
fn limit_of_bytes(limit: PageLimit, row_bytes: usize) -> Result<PageLimit, Problem> {
    let most = PAGE_BYTES / (row_bytes + size_of::<BookSnapshot>());
    let most = u32::try_from(most.clamp(1, limit.get()));
    let most = most.map_err(|error| Problem::invalid_parameter(error.to_string()))?;
    PageLimit::new(most).map_err(|error| Problem::invalid_parameter(error.to_string()))
}

/// Intervals in which the order book of a symbol is known
///
/// Returns the intervals that have an instant within `[from, to)`, oldest first unless `order=desc`. Between them the
/// book is not known.
#[utoipa::path(
    get,
    operation_id = "list_book_intervals",
    path = "/api/v1/books/{symbol}/intervals",
    tag = "books",
    params(
        ("symbol" = String, Path, description = "symbol of the book", example = "oanda:EURUSD"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of intervals, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
    ),
    responses(
        (status = 200, description = "a page of intervals", body = BookIntervalList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "unknown symbol", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn intervals(
    State(app): State<AppState>,
    Path(symbol): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let query = Query::parse(raw.as_deref(), &["from", "to", "limit", "cursor", "order"])?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let (range, order) = (query.range()?, query.order()?);
    let after = query.cursor(|text| DateTime::<Utc>::decode(text, symbol_id, range, order))?;
    let query = BookIntervalQuery::new(symbol_id, range)
        .order(order)
        .after(after)
        .limit(query.limit()?);
    let rows = query.limit.get();
    let room = room::<BookInterval>(&app, connection, rows, INTERVAL_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(rows));
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let page = app.repositories.books.intervals(&query).await?;
        let list = BookIntervalList::new(page, &query);
        page_answer(
            &list.data,
            list.next_cursor.as_deref(),
            INTERVAL_BYTES,
            room,
        )
        .await
    };
    long_work.run_if(is_long, answering).await
}
