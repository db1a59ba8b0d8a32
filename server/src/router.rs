//! The routes and their handlers.

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access;
use crate::answers;
use crate::app::{AppState, OpenApiText};
use crate::handlers;
use crate::http::{admission, identify};
use crate::metrics;
use crate::openapi;
use crate::oversight;
use crate::page;
use crate::problem::Problem;
use crate::read_body::BODY_LIMIT;
use crate::websocket::handshake;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Order-book server",
        description = "Symbols, exchanges, ticks, trades, order books, OHLC candles, and a ledger of orders. Prices and volumes are exact decimals in \
            strings. Times are RFC 3339 in UTC with microseconds. A symbol in a path is an id, or a name as \
            EXCHANGE:NAME in percent-encoding. Answers and bodies may be compressed with gzip or zstd. Lists come in pages: pass \
            next_cursor as cursor, with everything else unchanged, to read the next page."
    ),
    tags(
        (name = "symbols", description = "quoted instruments"),
        (name = "exchanges", description = "exchanges and brokers with their trading sessions"),
        (name = "ticks", description = "quotes"),
        (name = "trades", description = "trades, and their corrections"),
        (name = "books", description = "order books: price levels, live and stored"),
        (name = "candles", description = "open, high, low, close"),
        (name = "accounts", description = "the ledger: accounts with their orders, fills and positions"),
        (name = "oversight", description = "risk events, and the audit log of administrative changes"),
        (name = "feeds", description = "connections to venues, and other feeds"),
        (name = "operation", description = "for operators of the server"),
    )
)]
struct Description;

/// Builds all routes.
pub fn router(state: AppState) -> Router {
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(handlers::routes())
        .routes(routes!(handshake::connect))
        .split_for_parts();
    access::describe(&mut description);
    let text = openapi::text(&description);
    router
        .merge(page::routes())
        .fallback(no_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(Extension(OpenApiText(text.into())))
        // handlers that read a body enforce limits of their own
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            answers::encode,
        ))
        .layer(middleware::from_fn_with_state(
            state.oversight.clone(),
            oversight::record_change,
        ))
        .layer(middleware::from_fn_with_state(
            state.gate.clone(),
            access::guard,
        ))
        .layer(middleware::from_fn_with_state(
            state.http.clone(),
            admission::admit,
        ))
        .layer(middleware::from_fn(metrics::count_request))
        .layer(middleware::from_fn_with_state(
            state.gate.clone(),
            access::finish,
        ))
        .layer(middleware::from_fn(identify::identify))
        .with_state(state)
}

async fn no_route(request: Request) -> Response {
    Problem::no_route(request.uri().path()).into_response()
}

async fn method_not_allowed(request: Request) -> Response {
    Problem::method_not_allowed(request.method().as_str(), request.uri().path()).into_response()
}
