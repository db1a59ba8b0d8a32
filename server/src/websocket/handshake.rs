//! From a request to a WebSocket.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::connection::Connection;
use crate::app::AppState;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};

/// Nothing a client has to say is nearly as long; more is not even read.
const FRAME_LIMIT: usize = 1024 * 1024;

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
pub(crate) async fn connect(
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
