//! `/ws`: ticks and candles as they come. `docs/websocket.md` is for those who write clients.

mod candles;
mod connection;
mod protocol;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use tickbook::config::WebSocketConfig;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Connection;
use crate::app::AppState;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};

/// Most clients at once.
const CONNECTIONS: usize = 1_000;

/// How long a client may take to read that the server did not wait for it.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Nothing a client has to say is nearly as long; more is not even read.
const FRAME_LIMIT: usize = 1024 * 1024;

/// The connections of WebSocket clients. Cloning shares them.
#[derive(Debug, Clone)]
pub struct WebSockets {
    config: WebSocketConfig,
    /// No new client is taken.
    stop: CancellationToken,
    /// No client is waited for.
    hurry: CancellationToken,
    tasks: TaskTracker,
    free: Arc<Semaphore>,
}

impl WebSockets {
    /// Takes clients until `stop`. Those it has get what is published until the fan-out is closed,
    /// and then their end.
    #[must_use]
    pub fn new(config: WebSocketConfig, stop: CancellationToken) -> Self {
        Self {
            config,
            stop,
            hurry: CancellationToken::new(),
            tasks: TaskTracker::new(),
            free: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Waits until every client has got what waits for it and has been told that the server stops,
    /// `patience` at most, and a second more for a last word to those who have not. To be called
    /// when the fan-out is closed.
    pub async fn finish(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(patience, self.tasks.wait()).await.is_ok() {
            return;
        }
        tracing::warn!("WebSocket clients that are too slow do not get all ticks before the end");
        self.hurry.cancel();
        if timeout(LAST_WORD, self.tasks.wait()).await.is_err() {
            tracing::warn!("WebSocket clients that read nothing are not told of the end");
        }
    }
}

/// Ticks and candles as they come
///
/// A WebSocket: the client subscribes with JSON messages, `{"op": "subscribe", "channel": "ticks",
/// "symbols": [1, 2]}` or `{"op": "subscribe", "channel": "candles", "symbols": [1], "timeframe":
/// "1m", "basis": "bid"}`. docs/websocket.md describes all messages.
#[utoipa::path(
    get,
    operation_id = "websocket",
    path = "/ws",
    tag = "ticks",
    responses(
        (status = 101, description = "the connection is a WebSocket from here on"),
        (status = 400, description = "no WebSocket handshake", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "too many clients, or the server stops", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub async fn connect(
    State(app): State<AppState>,
    RawQuery(raw): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let upgrade = upgrade.map_err(|rejection| {
        let detail =
            format!("no WebSocket handshake ({rejection}): connect with a WebSocket client");
        Problem::invalid_parameter(detail)
    })?;
    let sockets = app.websockets.clone();
    let place = Arc::clone(&sockets.free).try_acquire_owned();
    let place = match place {
        Ok(place) if !sockets.stop.is_cancelled() => place,
        _ => return Err(Problem::no_more_clients()),
    };
    let upgrade = upgrade
        .max_message_size(FRAME_LIMIT)
        .max_frame_size(FRAME_LIMIT);
    let token = sockets.tasks.token();
    Ok(upgrade.on_upgrade(async move |socket| {
        let connection = Connection::new(socket, app, sockets.config, sockets.hurry);
        connection.run().await;
        drop((place, token));
    }))
}
