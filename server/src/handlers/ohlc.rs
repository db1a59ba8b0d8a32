//! Handlers of `/api/v1/ohlc`.

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use tickbook::domain::{
    Candle, CandleCursor, GapFill, PageLimit, PriceBasis, TimeRange, Timeframe,
};
use tickbook::repository::{CandleQuery, filled_candles};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{is_closed_page, is_long, list_answer, room};
use crate::answers::{ListAnswer, ListRequest};
use crate::app::AppState;
use crate::cursor::CandleCursorText as _;
use crate::problem::{Problem, ProblemBody};
use crate::wire::CandleList;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Size of a candle as JSON in bytes, somewhat above the usual size.
const CANDLE_BYTES: usize = 320;

/// The largest number of candles in memory at once. A folded candle is computed from several stored ones, which
/// are read in pages.
fn rows(limit: PageLimit, timeframe: Timeframe) -> usize {
    // at most 1,440 times 10,000
    let read = limit.get() * timeframe.parts() as usize;
    read.min(PageLimit::MAX.get())
}

/// Whether a page depends on stored rows alone: all of its candles have ended, and no other candle of the range can
/// end later and become part of it.
fn is_closed_listing(list: &CandleList, query: &CandleQuery, now: DateTime<Utc>) -> bool {
    let last = list.data.last().filter(|_| list.next_cursor.is_some());
    let last = last.map(|candle| candle.close_time.0);
    // the last bucket may end after the range
    let end = query
        .range
        .end()
        .checked_add_signed(query.timeframe.duration());
    let range = end.and_then(|end| TimeRange::new(query.range.start(), end).ok());
    let is_closed = |range| is_closed_page(range, query.order, last, now);
    list.data.iter().all(|candle| candle.closed) && range.is_some_and(is_closed)
}

/// Candles of a symbol
///
/// Returns the candles whose `open_time` is within `[from, to)`, oldest first unless `order=desc`. A bucket
/// without ticks has no candle, unless `fill` requests a placeholder: then every bucket between the symbol's
/// first and newest candle is listed, counts towards `limit`, and has the field `filled`.
#[utoipa::path(
    get,
    operation_id = "list_candles",
    path = "/api/v1/ohlc/{symbol}",
    tag = "candles",
    params(
        ("symbol" = String, Path, description = "symbol of the candles", example = "oanda:EURUSD"),
        ("timeframe" = Option<String>, Query, description = "width of the candles, by default 1m: see CandleBody for the others", example = "5m"),
        ("basis" = Option<String>, Query, description = "price that the candles are computed from; by default bid, or trade for a symbol that has trades and no ticks: see CandleBody for all values", example = "bid"),
        ("from" = Option<String>, Query, description = "inclusive", example = "2014-05-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "exclusive", example = "2014-05-02T00:00:00Z"),
        ("closed" = Option<bool>, Query, description = "true omits candles that are still forming", example = true),
        ("fill" = Option<String>, Query, description = "placeholder of a bucket without ticks: none (default), null (no prices), previous (the previous close as close), flat (the previous close as every price)", example = "none"),
        ("limit" = Option<u32>, Query, description = "maximum number of candles, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
        ("order" = Option<String>, Query, description = "asc (default) or desc", example = "asc"),
    ),
    responses(
        (status = 200, description = "a page of candles", body = CandleList),
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
    let known = [
        "timeframe",
        "basis",
        "from",
        "to",
        "closed",
        "fill",
        "limit",
        "cursor",
        "order",
    ];
    let query = request.query(&known)?;
    let symbol_id = app.known_symbols.find(&symbol).await?;
    let timeframe = query.parsed("timeframe")?.unwrap_or(Timeframe::M1);
    let given: Option<PriceBasis> = query.parsed("basis")?;
    let fill: GapFill = query.parsed("fill")?.unwrap_or_default();
    let (range, order, limit) = (query.range()?, query.order()?, query.limit()?);
    let closed_only = query.flag("closed")?.unwrap_or_default();
    let cursor = |basis| {
        query.cursor(|text| CandleCursor::decode(text, symbol_id, timeframe, basis, range, order))
    };
    // a later page has the basis of the first one
    let (basis, after) = match (given, cursor(given.unwrap_or_default())) {
        (Some(basis), after) => (Some(basis), after?),
        (None, Ok(None)) => (None, None),
        (None, Ok(after)) => (Some(PriceBasis::default()), after),
        (None, Err(problem)) => match cursor(PriceBasis::Trade) {
            Ok(after) => (Some(PriceBasis::Trade), after),
            Err(_) => return Err(problem),
        },
    };
    let answer = ListAnswer::revalidating(request, &app, symbol_id, &query).await?;
    if let Some(unchanged) = answer.unchanged() {
        return Ok(unchanged);
    }
    let connection = answer.connection();
    let rows = rows(limit, timeframe);
    let room = room::<Candle>(&app, connection, rows, CANDLE_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(rows));
    let answering = async move {
        app.known_symbols.require(symbol_id).await?;
        let basis = match basis {
            Some(basis) => basis,
            None => app.default_basis.of(symbol_id).await?,
        };
        let query = CandleQuery::new(symbol_id, timeframe, basis, range)
            .closed_only(closed_only)
            .order(order)
            .after(after)
            .limit(limit);
        let now = app.clock.now();
        let page = filled_candles(&*app.repositories.ohlc, &query, fill, now).await?;
        let list = CandleList::new(page, &query, fill);
        let next = list.next_cursor.as_deref();
        let is_closed = is_closed_listing(&list, &query, now);
        list_answer(
            &list.data,
            next,
            CANDLE_BYTES,
            room,
            answer.closed(is_closed),
        )
        .await
    };
    long_work.run_if(is_long, answering).await
}
