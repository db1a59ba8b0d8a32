//! Handshake: upgrades a request to a WebSocket.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::client_slots::NoSlot;
use super::connection::ClientConnection;
use crate::access::{Caller, ClientAccess};
use crate::app::AppState;
use crate::http::Peer;
use crate::ledger::CallerUser;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};

/// Maximum size of a frame or message in bytes; valid requests are much shorter. Each client can make the
/// server buffer this many bytes of an incomplete message.
const FRAME_LIMIT: usize = 128 * 1024;

/// Size of the read buffer in bytes.
const READ_BUFFER: usize = 8 * 1024;

/// Size of the write buffer in bytes. A client that reads nothing makes the server hold this many bytes.
const WRITE_BUFFER: usize = 16 * 1024;

/// Live ticks, trades, candles, order books and events of orders
///
/// A WebSocket: the client subscribes with JSON messages, `{"op": "subscribe", "channel": "ticks", "symbols":
/// [1, 2]}` or `{"op": "subscribe", "channel": "candles", "symbols": [1], "timeframe": "1m", "basis":
/// "bid"}`. docs/websocket.md describes all messages.
#[utoipa::path(
    get,
    operation_id = "websocket",
    path = "/ws",
    tag = "ticks",
    responses(
        (status = 101, description = "the connection becomes a WebSocket"),
        (status = 400, description = "invalid WebSocket handshake", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many clients from this address", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
        (status = 503, description = "too many clients, or the server stops", body = ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u16, description = "seconds"))),
    )
)]
pub(crate) async fn connect(
    State(app): State<AppState>,
    RawQuery(raw): RawQuery,
    peer: Option<Extension<Peer>>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let upgrade = upgrade.map_err(|rejection| {
        let detail =
            format!("invalid WebSocket handshake ({rejection}): connect with a WebSocket client");
        Problem::invalid_parameter(detail)
    })?;
    let sockets = app.websockets.clone();
    let address = peer.map(|Extension(Peer(address))| address.ip());
    let place = match sockets.client_slots.take(address) {
        Ok(place) if !sockets.stop.is_cancelled() => place,
        Err(NoSlot::OfAddress(max)) => return Err(Problem::no_more_of_address(max)),
        _ => return Err(Problem::no_more_clients()),
    };
    let upgrade = upgrade
        .max_message_size(FRAME_LIMIT)
        .max_frame_size(FRAME_LIMIT)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER);
    let user = CallerUser::of(&caller);
    let access = ClientAccess::new(app.gate.clone(), &caller);
    let token = sockets.tasks.token();
    Ok(upgrade.on_upgrade(async move |socket| {
        let long_work = app.long_work.clone();
        // its timers belong to the runtime on which it is created
        let serving = async move {
            ClientConnection::new(socket, app, sockets, user, access)
                .run()
                .await
        };
        long_work.run(serving).await;
        drop((place, token));
    }))
}
