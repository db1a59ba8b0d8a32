//! Serves one HTTP connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use metrics::counter;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::io::Socket;
use super::open_connections::{Answering, ConnectionSlot};
use super::{Http, Peer};
use crate::metrics::HTTP_CONNECTIONS_CLOSED;

/// Read limit of a request head in bytes. A longer head is refused without being read.
pub(super) const HEAD_BUFFER: usize = 64 * 1024;

/// Read limit of the number of header fields.
pub(super) const FIELDS: usize = 200;

/// Serves a connection until either side ends it or a time limit expires. After `stop` it ends as soon as no
/// request is being answered; after `kill` immediately.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: ConnectionSlot,
    app: Router,
    http: Http,
    (stop, kill): (CancellationToken, CancellationToken),
) {
    let connection = place.connection().clone();
    let socket = Socket::new(stream, place);
    // hyper allocates 16 KiB for each connection, which one that sends nothing does not need
    tokio::select! {
        biased;
        readable = socket.readable() => {
            if readable.is_err() {
                return;
            }
        }
        () = reached(connection.deadline(http.config())) => {
            counter!(HTTP_CONNECTIONS_CLOSED, "reason" => "idle").increment(1);
            return;
        }
        () = connection.end().cancelled() => return,
        () = kill.cancelled() => return,
        () = stop.cancelled() => return,
    }
    let app = TowerToHyperService::new(app);
    let answering = connection.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let guard = answering.begin();
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(answering.clone());
        let response = app.call(request);
        async move {
            let response = response.await?;
            Ok::<_, Infallible>(watched(response, guard))
        }
    });
    let serving = http1::Builder::new()
        // the deadlines below are more precise
        .header_read_timeout(None)
        .max_buf_size(HEAD_BUFFER)
        .max_headers(FIELDS)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let mut too_long = pin!(sleep_until(Instant::now()));
    let mut is_stopping = false;
    loop {
        let in_time = std::future::poll_fn(|context: &mut Context<'_>| {
            if serving.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            let Some(deadline) = connection.deadline(http.config()) else {
                return Poll::Pending;
            };
            if too_long.deadline() != deadline {
                too_long.as_mut().reset(deadline);
            }
            too_long.as_mut().poll(context).map(|()| false)
        });
        tokio::select! {
            // data that has already arrived takes precedence
            biased;
            served = in_time => {
                if !served {
                    let reason = if connection.is_idle() { "idle" } else { "reads_nothing" };
                    counter!(HTTP_CONNECTIONS_CLOSED, "reason" => reason).increment(1);
                }
                return;
            }
            () = connection.end().cancelled() => return,
            () = kill.cancelled() => return,
            () = stop.cancelled(), if !is_stopping => {
                if connection.is_idle() {
                    return;
                }
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Waits for a deadline, if there is one.
async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Wraps a response so that it counts as being answered until its body was sent.
fn watched(response: Response<Body>, guard: Answering) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        guard.forever();
        return response;
    }
    response.map(|body| {
        Body::new(Watched {
            body,
            _answering: guard,
        })
    })
}

struct Watched {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
