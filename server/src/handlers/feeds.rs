//! Handlers of `/api/v1/feeds`.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::{Extension, Json};
use tickbook::domain::{FeedChannel, FeedGap, FeedGapKey};
use tickbook::repository::FeedGapQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use super::page::{is_long, page_answer, room};
use crate::app::AppState;
use crate::cursor::GapCursorText as _;
use crate::http::Connection;
use crate::params::{Query, symbol_id};
use crate::problem::{Problem, ProblemBody};
use crate::wire::{FeedGapBody, FeedGapList, FeedList, FeedStateBody, VenueBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(active(routes!(list)))
        .routes(routes!(gaps))
}

/// Size of a gap as JSON in bytes, somewhat above the usual size.
const GAP_BYTES: usize = 600;

/// The states of all feeds
///
/// Connections to venues, with the age of the last message, the states of books and counts. Needs no database.
#[utoipa::path(
    get,
    path = "/api/v1/feeds",
    tag = "feeds",
    responses((status = 200, description = "the feeds", body = FeedList))
)]
pub async fn list(State(app): State<AppState>) -> Json<FeedList> {
    let now = app.clock.now();
    let feeds = app.feed.as_ref().map(|feed| feed.state().feeds);
    let data = feeds.unwrap_or_default().into_iter().map(|feed| {
        let venue = app.venues.get(&feed.name).map(|venue| venue.state());
        FeedStateBody {
            feed: feed.into(),
            venue: venue.map(|state| VenueBody::new(state, now)),
        }
    });
    Json(FeedList {
        data: data.collect(),
        next_cursor: None,
    })
}

/// Gaps of a feed
///
/// Returns the times in which the feed may have lost records of a symbol and channel, by their start. Gaps of trades
/// are filled from the history of the venue, if it has one.
#[utoipa::path(
    get,
    operation_id = "list_feed_gaps",
    path = "/api/v1/feeds/{name}/gaps",
    tag = "feeds",
    params(
        ("name" = String, Path, description = "name of the feed", example = "kraken"),
        ("symbol_id" = Option<i64>, Query, description = "only gaps of this symbol", minimum = 1),
        ("channel" = Option<String>, Query, description = "only gaps of this channel: quotes, trades or book"),
        ("open" = Option<bool>, Query, description = "true: only gaps that last; false: only gaps with an end"),
        ("filled" = Option<bool>, Query, description = "true: only gaps whose trades were stored later; false: only the others"),
        ("from" = Option<String>, Query, description = "only gaps that begin at this RFC 3339 time or later", example = "2026-11-29T00:00:00Z"),
        ("to" = Option<String>, Query, description = "only gaps that begin before this RFC 3339 time", example = "2026-11-30T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "maximum number of gaps, 500 by default", minimum = 1, maximum = 10_000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the previous page"),
    ),
    responses(
        (status = 200, description = "a page of gaps; empty for a feed that never ran", body = FeedGapList),
        (status = 400, description = "invalid parameter", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "database down", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn gaps(
    State(app): State<AppState>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let known = [
        "symbol_id",
        "channel",
        "open",
        "filled",
        "from",
        "to",
        "limit",
        "cursor",
    ];
    let query = Query::parse(raw.as_deref(), &known)?;
    let symbol = query.text("symbol_id");
    let symbol = symbol.map(|text| symbol_id("symbol_id", text));
    let range = query.range()?;
    let after = query.cursor(|text| FeedGapKey::decode(text, &name, range))?;
    let query = FeedGapQuery::default()
        .feed(name)
        .symbol_id(symbol.transpose()?)
        .channel(query.parsed::<FeedChannel>("channel")?)
        .open(query.flag("open")?)
        .filled(query.flag("filled")?)
        .range(range)
        .after(after)
        .limit(query.limit()?);
    let limit = query.limit.get();
    let room = room::<FeedGap>(&app, connection, limit, GAP_BYTES).await?;
    let (long_work, is_long) = (app.long_work.clone(), is_long(limit));
    let answering = async move {
        let page = app.repositories.feeds.gaps(&query).await?;
        let next = page.next.map(|next| next.encode(range));
        let data: Vec<FeedGapBody> = page.items.into_iter().map(Into::into).collect();
        page_answer(&data, next.as_deref(), GAP_BYTES, room).await
    };
    long_work.run_if(is_long, answering).await
}
