//! A TCP proxy that fails on demand, for tests of clients: it refuses, closes, resets, stays silent,
//! freezes, delays, limits the bandwidth, cuts connections after so many bytes, or loses one message
//! of PostgreSQL's protocol. It counts and records what passes.
//!
//! All calls return at once and may be used from async code; the work is done by threads, which end
//! when the proxy is dropped.
//!
//! ```
//! use std::io::{ErrorKind, Read as _, Write as _};
//! use std::net::{TcpListener, TcpStream};
//!
//! use fault_proxy::FaultProxy;
//!
//! # fn main() -> std::io::Result<()> {
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let proxy = FaultProxy::to(server.local_addr()?);
//! let mut client = TcpStream::connect(proxy.address())?;
//! let (mut connection, _) = server.accept()?;
//! connection.write_all(b"tick")?;
//! let mut answer = [0; 4];
//! client.read_exact(&mut answer)?;
//! assert_eq!(&answer, b"tick");
//!
//! // an outage: connections are reset, and nobody listens any more
//! proxy.refuse();
//! let error = client.read(&mut answer).expect_err("the connection is reset");
//! assert_eq!(error.kind(), ErrorKind::ConnectionReset);
//! # Ok(())
//! # }
//! ```
//!
//! # RST or FIN
//!
//! [`reset_all`](FaultProxy::reset_all), [`refuse`](FaultProxy::refuse), [`AcceptMode::Reset`],
//! [`Flow::reset_after`] and a lost message end a connection with RST: the client sees "connection
//! reset". [`cut_all`](FaultProxy::cut_all), [`close`](FaultProxy::close) and [`AcceptMode::Close`] end
//! it with FIN: the client sees its end.
//!
//! When one side ends only its own direction, the other direction stays open, as without a proxy. With
//! [`Builder::ends_together`] both directions end.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accept;
mod address;
mod builder;
mod connection;
mod frames;
mod rules;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::accept::State;
use self::address::{servers_of, with_server};
pub use self::builder::Builder;
use self::connection::Connection;
pub use self::frames::Message;
pub use self::rules::{AcceptMode, Flow, Loss};

/// How soon a change of the rules is noticed.
const PERIOD: Duration = Duration::from_millis(2);

/// Passes connections on to a server, as its rules say. Ends, with a reset of each connection, when it
/// is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl FaultProxy {
    /// A proxy that passes everything on to `server`.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        Self::builder(server).start()
    }

    /// A proxy to `server`, with options.
    pub fn builder(server: SocketAddr) -> Builder {
        Builder::new(vec![server], AcceptMode::Pass)
    }

    /// A proxy to the server of a URL such as `postgresql://user:password@host:5432/name`, with options.
    ///
    /// # Panics
    /// When the URL names no server.
    pub fn builder_of_url(url: &str) -> Builder {
        Builder::new(servers_of(url), AcceptMode::Pass)
    }

    /// A server that accepts connections and never answers.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn silent() -> Self {
        Builder::new(Vec::new(), AcceptMode::Silent).start()
    }

    /// A port on which nobody listens, and on which nobody else can listen either.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn refusing() -> Self {
        Builder::new(Vec::new(), AcceptMode::Refuse).start()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `url`, with the proxy in place of its server.
    ///
    /// # Panics
    /// When the URL names no server.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        with_server(url, &self.address.to_string())
    }

    /// From now on; connections that are open stay.
    pub fn set_accept_mode(&self, mode: AcceptMode) {
        self.state.rules().mode = mode;
    }

    /// Of all connections, those to come as well.
    pub fn set_flow_to_server(&self, flow: Flow) {
        self.state.rules().to_server = flow;
    }

    /// Of all connections, those to come as well.
    pub fn set_flow_to_client(&self, flow: Flow) {
        self.state.rules().to_client = flow;
    }

    /// [`set_flow_to_server`](Self::set_flow_to_server) and
    /// [`set_flow_to_client`](Self::set_flow_to_client).
    pub fn set_both_flows(&self, flow: Flow) {
        self.set_flow_to_server(flow);
        self.set_flow_to_client(flow);
    }

    /// Loses the next such message, or the answer to it.
    pub fn lose_next(&self, loss: Loss) {
        self.state.rules().loss = Some(loss);
    }

    /// Whether the message of [`lose_next`](Self::lose_next) is lost.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.state.rules().loss.is_none()
    }

    /// Ends every connection with RST; the accept mode stays.
    pub fn reset_all(&self) {
        self.end_all(Connection::reset);
    }

    /// Ends every connection with FIN; the accept mode stays.
    pub fn cut_all(&self) {
        self.end_all(Connection::cut);
    }

    fn end_all(&self, end: impl Fn(&Connection)) {
        for connection in lock(&self.state.connections).drain(..) {
            if let Some(connection) = connection.upgrade() {
                end(&connection);
            }
        }
    }

    /// Passes nothing more on the connections that are open, while new ones get through. Nothing is lost.
    pub fn freeze(&self) {
        self.set_frozen(true);
    }

    /// Lets frozen connections continue.
    pub fn thaw(&self) {
        self.set_frozen(false);
    }

    fn set_frozen(&self, frozen: bool) {
        for connection in lock(&self.state.connections).iter() {
            if let Some(connection) = connection.upgrade() {
                connection.set_frozen(frozen);
            }
        }
    }

    /// Stops listening and ends every connection with RST, as a server that crashed.
    pub fn refuse(&self) {
        self.set_accept_mode(AcceptMode::Refuse);
        self.reset_all();
    }

    /// Ends every connection, and each new one at once, with FIN.
    pub fn close(&self) {
        self.set_accept_mode(AcceptMode::Close);
        self.cut_all();
    }

    /// Passes new connections on.
    pub fn open(&self) {
        self.set_accept_mode(AcceptMode::Pass);
    }

    /// How many connections were accepted so far, whatever became of them.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many connections there are now.
    #[must_use]
    pub fn connections(&self) -> usize {
        let connections = lock(&self.state.connections);
        let alive = connections.iter().filter(|it| it.strong_count() > 0);
        alive.count()
    }

    /// How many bytes were passed on to the server so far, on all connections.
    #[must_use]
    pub fn bytes_to_server(&self) -> u64 {
        self.state.bytes_to_server.load(Ordering::SeqCst)
    }

    /// How many bytes were passed on to clients so far, on all connections.
    #[must_use]
    pub fn bytes_to_client(&self) -> u64 {
        self.state.bytes_to_client.load(Ordering::SeqCst)
    }

    /// What clients said so far, of all connections as it came in; nothing without
    /// [`Builder::recording`].
    #[must_use]
    pub fn recorded(&self) -> Vec<u8> {
        let recorded = self.state.recorded.as_ref();
        recorded.map(|it| lock(it).clone()).unwrap_or_default()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.state.rules().closed = true;
        self.reset_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
