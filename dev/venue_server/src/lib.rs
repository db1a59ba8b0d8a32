//! A server that plays the part of a venue, for the tests of all packages: WebSocket and HTTP on one port.
//!
//! A [`Play`] decides what the server sends and answers. The server sends one step after the other, as fast as
//! the client reads, or in lockstep: it then waits after each message until the client has read it, so that a
//! request that the message causes arrives before the next one. Nothing waits for a fixed time.
#![forbid(unsafe_code)]

mod connection;
mod http;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The next action of the server on a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send a text.
    Send(String),
    /// Send a text, and continue when the client has read it.
    SendAndWait(String),
    /// Continue when the client has read everything so far.
    Wait,
    /// Nothing until the client sends a message.
    Idle,
    /// Nothing until the client sends a message, or another connection has made a step.
    Follow,
    /// Close the WebSocket.
    Close,
    /// Send the first half of a text, and drop the connection.
    Cut(String),
    /// Neither send nor read anything any more.
    Freeze,
}

/// The answer to an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// Further headers, each as `name: value`.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Status 200 with a body.
    #[must_use]
    pub fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Another status with a body.
    #[must_use]
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            ..Self::ok(body)
        }
    }

    /// Adds a header, such as `retry-after: 1`.
    #[must_use]
    pub fn with_header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }
}

/// The part of a venue.
pub trait Play: Send + 'static {
    /// A client asks for a WebSocket at a path. Returns whether it gets one.
    fn open(&mut self, path: &str) -> bool;

    /// The next step of the open WebSocket.
    fn next(&mut self) -> Step;

    /// The client sent a text.
    fn text(&mut self, text: &str);

    /// The client asks for a path over HTTP. `None` answers later: the server asks again after each step.
    fn get(&mut self, _path: &str) -> Option<Answer> {
        Some(Answer::status(404, "not found"))
    }

    /// The WebSocket ended.
    fn closed(&mut self) {}

    /// The next step of one of several WebSockets, which are numbered from 1 in the order of their opening. The default
    /// is [`next`](Self::next), for plays with one WebSocket at a time.
    fn next_on(&mut self, _connection: usize) -> Step {
        self.next()
    }

    /// A client sent a ping on one of several WebSockets. The text that is returned is sent before the answer.
    fn pinged_on(&mut self, _connection: usize) -> Option<String> {
        None
    }

    /// A client sent a text on one of several WebSockets.
    fn text_on(&mut self, _connection: usize, text: &str) {
        self.text(text);
    }

    /// One of several WebSockets ended.
    fn closed_on(&mut self, _connection: usize) {
        self.closed();
    }
}

/// A play that several connections share.
struct Shared<P> {
    play: Mutex<P>,
    /// Wakes HTTP requests that wait for an answer, and connections that follow others.
    stepped: Notify,
    /// The number of WebSockets so far.
    opened: AtomicUsize,
}

impl<P> Shared<P> {
    fn play(&self) -> MutexGuard<'_, P> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server. It ends when it is dropped.
pub struct VenueServer<P> {
    address: SocketAddr,
    shared: Arc<Shared<P>>,
    task: JoinHandle<()>,
}

impl<P: Play> VenueServer<P> {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime and without a free port.
    pub async fn start(play: P) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            play: Mutex::new(play),
            stepped: Notify::new(),
            opened: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            task,
        }
    }

    /// The address of WebSockets, without a path.
    #[must_use]
    pub fn websocket(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The address of HTTP, without a path.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The play, for questions about its state.
    pub fn play(&self) -> MutexGuard<'_, P> {
        self.shared.play()
    }
}

impl<P> Drop for VenueServer<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<P> fmt::Debug for VenueServer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VenueServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn accept<P: Play>(listener: TcpListener, shared: Arc<Shared<P>>) {
    // dropping the set ends the connections
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<P: Play>(stream: TcpStream, shared: Arc<Shared<P>>) {
    // a message and the ping after it leave at once
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(head) = http::Head::peek(&stream).await else {
        return;
    };
    if !head.is_websocket {
        http::answer(stream, &head, &shared).await;
        return;
    }
    if !shared.play().open(&head.path) {
        let refusal = Answer::status(503, "unavailable");
        http::refuse(stream, &refusal).await;
        return;
    }
    let number = shared.opened.fetch_add(1, Ordering::Relaxed) + 1;
    if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
        connection::run(socket, number, &shared).await;
    }
    shared.play().closed_on(number);
    shared.stepped.notify_waiters();
}
