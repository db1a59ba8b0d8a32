//! What handlers share, and which handler answers which route.

use std::fmt;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tickbook::Repositories;
use tickbook::config::WebSocketConfig;
use tickbook::db::DatabasePools;
use tickbook::fanout::FanOut;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::BODY_LIMIT;
use crate::feed::FeedMonitor;
use crate::handlers::{health, ohlc, symbols, ticks};
use crate::known_symbols::KnownSymbols;
use crate::metrics;
use crate::problem::Problem;
use crate::readiness::Readiness;
use crate::websocket::{self, WebSockets};

/// Where ticks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Store {
    /// Symbols in PostgreSQL, ticks in TimescaleDB
    Postgres,
    /// In this process, gone when it ends
    Memory,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Memory => "memory",
        })
    }
}

/// What handlers share. Cloning shares it.
#[derive(Clone)]
pub struct AppState {
    /// Symbols, ticks and candles.
    pub repositories: Repositories,
    /// Which symbols exist.
    pub known_symbols: Arc<KnownSymbols>,
    /// What the databases were like when they were asked last.
    pub readiness: Readiness,
    /// The counters.
    pub metrics: PrometheusHandle,
    /// Where ticks are kept.
    pub store: Store,
    /// The connections that are counted, where there are databases.
    pub pools: Option<DatabasePools>,
    /// The feed, where there is one.
    pub feed: Option<FeedMonitor>,
    /// Where ticks go besides the store.
    pub fan_out: FanOut,
    /// The clients of `/ws`.
    pub websockets: WebSockets,
}

impl AppState {
    /// The state of a server without databases and without a feed.
    #[must_use]
    pub fn new(
        repositories: Repositories,
        readiness: Readiness,
        metrics: PrometheusHandle,
    ) -> Self {
        Self {
            known_symbols: Arc::new(KnownSymbols::new(Arc::clone(&repositories.symbols))),
            repositories,
            readiness,
            metrics,
            store: Store::Memory,
            pools: None,
            feed: None,
            fan_out: FanOut::new(),
            websockets: WebSockets::new(WebSocketConfig::default(), CancellationToken::new()),
        }
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState")
            .field("repositories", &self.repositories)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Order-book server",
        description = "Symbols, ticks and OHLC candles. Prices and volumes are exact decimals in \
            strings. Times are RFC 3339 in UTC with microseconds. Lists come in pages: pass \
            next_cursor as cursor, with everything else unchanged, to go on."
    ),
    tags(
        (name = "symbols", description = "what is quoted"),
        (name = "ticks", description = "quotes"),
        (name = "candles", description = "open, high, low, close"),
        (name = "operation", description = "for those who run the server"),
    )
)]
struct Description;

/// The text of `/openapi.json`.
#[derive(Debug, Clone)]
pub struct OpenApiText(pub Arc<str>);

/// All routes.
pub fn router(state: AppState) -> Router {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(symbols::list))
        .routes(routes!(symbols::get))
        .routes(routes!(ticks::latest))
        .routes(routes!(ticks::list))
        .routes(routes!(ticks::insert))
        .routes(routes!(ohlc::list))
        .routes(routes!(websocket::connect))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(health::openapi))
        .split_for_parts();
    // the description is made of texts and numbers, which JSON can always hold
    let text = description.to_json().unwrap_or_default();
    router
        .fallback(no_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(Extension(OpenApiText(text.into())))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(metrics::count_request))
        .with_state(state)
}

async fn no_route(request: Request) -> Response {
    Problem::no_route(request.uri().path()).into_response()
}

async fn method_not_allowed(request: Request) -> Response {
    Problem::method_not_allowed(request.method().as_str(), request.uri().path()).into_response()
}
