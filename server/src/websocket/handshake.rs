//! Handshake: upgrades a request to a WebSocket.

use axum::Extension;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;

use super::client_slots::NoSlot;
use super::connection::ClientConnection;
use super::transport::{ClientSocket, Upgrade};
use crate::access::{Caller, ClientAccess};
use crate::app::AppState;
use crate::http::{Peer, UpgradedStream};
use crate::ledger::CallerUser;
use crate::params::Query;
use crate::problem::{Problem, ProblemBody};

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
    request: Request,
) -> Result<Response, Problem> {
    Query::parse(raw.as_deref(), &[])?;
    let (mut head, _) = request.into_parts();
    let upgrade = Upgrade::read(&mut head).map_err(|reason| {
        let detail =
            format!("invalid WebSocket handshake: {reason}; connect with a WebSocket client");
        Problem::invalid_parameter(detail)
    })?;
    let sockets = app.websockets.clone();
    let address = peer.map(|Extension(Peer(address))| address.ip());
    let place = match sockets.client_slots.take(address) {
        Ok(place) if !sockets.stop.is_cancelled() => place,
        Err(NoSlot::OfAddress(max)) => return Err(Problem::no_more_of_address(max)),
        _ => return Err(Problem::no_more_clients()),
    };
    let user = CallerUser::of(&caller);
    let access = ClientAccess::new(app.gate.clone(), &caller);
    let token = sockets.tasks.token();
    let (response, upgrading, deflate) = upgrade.accept();
    let long_work = app.long_work.clone();
    // on the heap, since the parts of a future that it has moved into another one stay a part of its size
    let serving = Box::pin(async move {
        // the client has disconnected
        let Ok(upgraded) = upgrading.await else {
            return;
        };
        let (stream, read) = UpgradedStream::of(upgraded);
        let socket = ClientSocket::new(stream, &read, deflate);
        // its timers belong to the runtime on which it is created
        Box::pin(ClientConnection::new(socket, app, sockets, user, access).run()).await;
        drop((place, token));
    });
    long_work.serve(serving);
    Ok(response)
}
