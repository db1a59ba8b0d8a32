//! Handlers of `/health`, `/metrics` and `/openapi.json`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tickbook::ingest::feed::PipelineMonitor;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::active;
use crate::app::{AppState, OpenApiText};
use crate::health::{CertificateBody, DiskBody, FaultBody, faults};
use crate::ledger::Ledger;
use crate::metrics::{set_feed, set_process, set_venues};
use crate::readiness::DatabaseState;
use crate::wire::{PipelineBody, TimeText, VenueBody};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(active(routes!(metrics)))
        .routes(active(routes!(openapi)))
}

/// Reports that the process runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveBody {
    /// Always `live`.
    #[schema(example = "live")]
    pub status: String,
}

/// Reports whether the server can serve requests.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReadyBody {
    /// `ready`; `degraded` if it is ready and `faults` has entries; or `not ready`.
    #[schema(example = "ready")]
    pub status: String,
    /// Where ticks are stored: postgres or memory.
    #[schema(example = "postgres")]
    pub store: String,
    /// The state of each database, at most three seconds old; empty with the store memory.
    pub databases: Vec<DatabaseState>,
    /// The state of the ledger. It does not affect readiness.
    pub ledger: LedgerStateBody,
    /// Statistics of the feeds; null if no tick of a feed is stored.
    pub feed: Option<PipelineBody>,
    /// Feeds whose venue is not connected, and books that are not valid. They do not affect readiness:
    /// `/api/v1/feeds` has the details.
    pub venue_faults: Vec<VenueFaultBody>,
    /// Faults that do not keep the server from serving.
    pub faults: Vec<FaultBody>,
    /// The certificate of the server; null for plain HTTP.
    pub certificate: Option<CertificateBody>,
    /// The watched disks.
    pub disks: Vec<DiskBody>,
}

/// The appends to the ledger since the start of the server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerStateBody {
    /// Where accounts and events are stored: postgres or memory.
    #[schema(example = "memory")]
    pub store: String,
    /// Events that were booked.
    #[schema(example = 812)]
    pub appended: u64,
    /// Appends that failed for another reason than their input.
    #[schema(example = 0)]
    pub failed_appends: u64,
    /// When the last append failed.
    pub last_failure: Option<TimeText>,
    /// Accounts that WebSocket clients follow.
    #[schema(example = 1)]
    pub followed_accounts: usize,
}

impl LedgerStateBody {
    fn of(ledger: &Ledger) -> Self {
        let (failed_appends, last_failure) = ledger.statistics.failures();
        Self {
            store: ledger.store.to_string(),
            appended: ledger.statistics.appended(),
            failed_appends,
            last_failure: last_failure.map(TimeText),
            followed_accounts: ledger.news.followed_accounts(),
        }
    }
}

/// A connection to a venue that is not as it should be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VenueFaultBody {
    /// The feed.
    #[schema(example = "kraken")]
    pub feed: String,
    /// `connected` or `disconnected`.
    #[schema(example = "connected")]
    pub connection: String,
    /// The symbols whose books are not valid, as the venue names them.
    pub invalid_books: Vec<String>,
}

/// The connections that are not as they should be.
fn venue_faults(app: &AppState) -> Vec<VenueFaultBody> {
    let now = app.clock.now();
    let bodies = app.venues.iter().map(|(feed, venue)| {
        let venue = VenueBody::new(venue.state(), now);
        let books = venue.books.into_iter().filter(|book| book.state != "valid");
        VenueFaultBody {
            feed: feed.to_owned(),
            connection: venue.connection,
            invalid_books: books.map(|book| book.symbol).collect(),
        }
    });
    bodies
        .filter(|body| body.connection != "connected" || !body.invalid_books.is_empty())
        .collect()
}

/// Whether the process runs
///
/// Never depends on a database: a restart of the server does not repair a database that is down.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "operation",
    responses((status = 200, description = "the process runs", body = LiveBody))
)]
pub async fn live() -> Json<LiveBody> {
    Json(LiveBody {
        status: "live".to_owned(),
    })
}

/// Whether the server can serve requests
///
/// Does not query the databases: a timer probes them every two seconds.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "operation",
    responses(
        (status = 200, description = "ready, or degraded", body = ReadyBody),
        (status = 503, description = "not ready; the body says why", body = ReadyBody, headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn ready(State(app): State<AppState>) -> Response {
    let databases = app.readiness.databases();
    let stores = |feed: &PipelineMonitor| {
        let others = [feed.health_of_trades(), feed.health_of_books()];
        let mut others = others.into_iter().flatten();
        feed.health().is_ready() && others.all(|health| health.is_ready())
    };
    let ready =
        databases.iter().all(DatabaseState::is_ready) && app.feed.as_ref().is_none_or(stores);
    let certificate = app.http.tls().map(|tls| tls.certificate().into());
    let faults = faults(&app, certificate.as_ref());
    let status = match ready {
        true if faults.is_empty() => "ready",
        true => "degraded",
        false => "not ready",
    };
    let body = Json(ReadyBody {
        status: status.to_owned(),
        store: app.store.to_string(),
        databases,
        ledger: LedgerStateBody::of(&app.ledger),
        feed: app.feed.as_ref().map(|feed| feed.state().into()),
        venue_faults: venue_faults(&app),
        faults,
        certificate,
        disks: app.disks.states(),
    });
    if ready {
        body.into_response()
    } else {
        // the next probe starts within two seconds
        let headers = [(header::RETRY_AFTER, "2")];
        (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
    }
}

/// Metrics in the Prometheus text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses((status = 200, description = "the metrics", body = String, content_type = "text/plain; version=0.0.4"))
)]
pub async fn metrics(State(app): State<AppState>) -> Response {
    if let Some(pools) = &app.pools {
        pools.record_connections();
    }
    if let Some(feed) = &app.feed {
        set_feed(&feed.state());
    }
    set_venues(&app.venues, app.clock.now());
    set_process();
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], app.metrics.render()).into_response()
}

/// The OpenAPI description
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
pub async fn openapi(Extension(text): Extension<OpenApiText>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, text.0.to_string()).into_response()
}
