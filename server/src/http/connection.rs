//! Serves one connection: TLS if it is configured, then HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::bodies::WithBodies;
use super::io::Socket;
use super::open_connections::{Answering, Connection, ConnectionSlot};
use super::sending::SentInParts;
use super::{Http, Peer, refused};
use crate::access::OverTls;
use crate::metrics::{HTTP_CONNECTIONS_CLOSED, TLS_HANDSHAKES};

/// Read limit of a request head in bytes. A longer head is refused without being read.
pub(super) const HEAD_BUFFER: usize = 64 * 1024;

/// Read limit of the number of header fields.
pub(super) const FIELDS: usize = 200;

/// Maximum number of requests of one connection of HTTP/2 at the same time.
const STREAMS: u32 = 32;

/// Maximum number of bytes of request bodies that one connection of HTTP/2 sends before they are read. It is the
/// smallest that the protocol allows.
const WINDOW: u32 = 65_535;

/// Maximum number of requests of HTTP/2 that a client has cancelled before the server has begun them. More end the
/// connection.
const CANCELLED: usize = 20;

/// The first byte of a TLS connection: the type of its handshake messages.
const TLS_HANDSHAKE: u8 = 22;

/// A connection and everything that can end it.
#[derive(Clone)]
struct Serving {
    connection: Connection,
    peer: SocketAddr,
    http: Http,
    stop: CancellationToken,
    kill: CancellationToken,
}

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
    let serving = Serving {
        connection: place.connection().clone(),
        peer,
        http,
        stop,
        kill,
    };
    let socket = Socket::new(stream, place);
    // hyper allocates 16 KiB for each connection, which one that sends nothing does not need; nor does it need TLS
    let Some(Ok(Some(first))) = serving.before_end(socket.first_byte()).await else {
        return;
    };
    let Some(tls) = serving.http.tls().cloned() else {
        return serving.http1(WithBodies::new(socket), app).await;
    };
    if first != TLS_HANDSHAKE {
        counter!(TLS_HANDSHAKES, "outcome" => "plain").increment(1);
        let refusing = refuse_plain(socket);
        serving.before_end(refusing).await;
        return;
    }
    let Some(accepted) = serving.before_end(tls.accept(socket)).await else {
        return;
    };
    let stream = match accepted {
        Ok(stream) => stream,
        Err(error) => {
            counter!(TLS_HANDSHAKES, "outcome" => "failed").increment(1);
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            return;
        }
    };
    counter!(TLS_HANDSHAKES, "outcome" => "ok").increment(1);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serving.http2(stream, app).await;
    } else {
        serving.http1(WithBodies::new(stream), app).await;
    }
}

/// Answers a client that does not speak TLS, in case it speaks HTTP.
async fn refuse_plain(mut socket: Socket) {
    use tokio::io::AsyncReadExt as _;

    // without its request the client may see a reset instead of the answer
    let mut request = [0; 1_024];
    let _ = socket.read(&mut request).await;
    let _ = socket.write_all(refused::plain_http().as_bytes()).await;
    let _ = socket.shutdown().await;
}

impl Serving {
    /// Waits for `work`; `None` if the connection has to end before.
    async fn before_end<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        let in_time = self.in_time(work.as_mut());
        tokio::select! {
            biased;
            done = in_time => {
                if done.is_none() {
                    counter!(HTTP_CONNECTIONS_CLOSED, "reason" => "idle").increment(1);
                }
                done
            }
            () = self.connection.end().cancelled() => None,
            () = self.kill.cancelled() => None,
            () = self.stop.cancelled() => None,
        }
    }

    /// Polls `work` until the deadline of the connection, which moves meanwhile; `None` at the deadline.
    async fn in_time<F: Future>(&self, mut work: Pin<&mut F>) -> Option<F::Output> {
        let mut too_long = pin!(sleep_until(Instant::now()));
        std::future::poll_fn(|context: &mut Context<'_>| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            let Some(deadline) = self.connection.deadline(self.http.config()) else {
                return Poll::Pending;
            };
            if too_long.deadline() != deadline {
                too_long.as_mut().reset(deadline);
            }
            too_long.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    async fn http1<S>(&self, stream: S, app: Router)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (app, this) = (TowerToHyperService::new(app), self.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (request, guard) = this.begin(request);
            let response = app.call(request);
            async move { Ok::<_, Infallible>(watched(response.await?, guard)) }
        });
        let connection = http1::Builder::new()
            // the deadlines below are more precise
            .header_read_timeout(None)
            .max_buf_size(HEAD_BUFFER)
            .max_headers(FIELDS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let connection = pin!(connection);
        self.run(connection, |connection| connection.graceful_shutdown())
            .await;
    }

    async fn http2<S>(&self, stream: S, app: Router)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.connection.multiplex();
        let (app, this) = (TowerToHyperService::new(app), self.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (request, guard) = this.begin(request);
            let (response, connection) = (app.call(request), this.connection.clone());
            async move {
                let response = response.await?;
                let in_parts = |body| Body::new(SentInParts::new(body, connection, guard));
                Ok::<_, Infallible>(response.map(in_parts))
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(CANCELLED)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(HEAD_BUFFER as u32)
            .serve_connection(TokioIo::new(stream), service);
        let connection = pin!(connection);
        self.run(connection, |connection| connection.graceful_shutdown())
            .await;
    }

    /// Registers a request, whose head has arrived.
    fn begin(&self, mut request: Request<Incoming>) -> (Request<Incoming>, Answering) {
        let guard = self.connection.begin();
        let extensions = request.extensions_mut();
        extensions.insert(Peer(self.peer));
        extensions.insert(self.connection.clone());
        if self.http.tls().is_some() {
            extensions.insert(OverTls);
        }
        (request, guard)
    }

    /// Runs a connection until its end. `shut_down` ends it after its present requests.
    async fn run<C: Future>(&self, mut connection: Pin<&mut C>, shut_down: impl Fn(Pin<&mut C>)) {
        let mut is_stopping = false;
        loop {
            let in_time = self.in_time(connection.as_mut());
            tokio::select! {
                // data that has already arrived takes precedence
                biased;
                served = in_time => {
                    if served.is_none() {
                        let is_idle = self.connection.is_idle();
                        let reason = if is_idle { "idle" } else { "reads_nothing" };
                        counter!(HTTP_CONNECTIONS_CLOSED, "reason" => reason).increment(1);
                    }
                    return;
                }
                () = self.connection.end().cancelled() => return,
                () = self.kill.cancelled() => return,
                () = self.stop.cancelled(), if !is_stopping => {
                    if self.connection.is_idle() {
                        return;
                    }
                    is_stopping = true;
                    shut_down(connection.as_mut());
                }
            }
        }
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
