//! A TCP proxy for fault injection in tests of clients. It refuses, closes or resets connections, does not
//! respond, freezes, delays bytes, limits the bandwidth, resets connections after a number of bytes, or loses
//! one message of the PostgreSQL protocol. It counts and records the bytes that it passes.
//!
//! All methods return immediately and may be called from async code. Threads do the work, and end when the
//! proxy is dropped.
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
//! // an outage: connections are reset, and new ones are refused
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
mod observer;
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
pub use self::observer::Direction;
pub use self::rules::{AcceptMode, Flow, Loss};

/// Interval at which the threads check the rules.
const PERIOD: Duration = Duration::from_millis(2);

/// A TCP proxy to a server, controlled by rules. On drop it resets every connection and ends.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
}

impl FaultProxy {
    /// Starts a proxy that passes everything to `server`.
    ///
    /// # Panics
    /// If no port is free.
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
    /// If the URL names no server.
    pub fn builder_of_url(url: &str) -> Builder {
        Builder::new(servers_of(url), AcceptMode::Pass)
    }

    /// Starts a server that accepts connections and never responds.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn silent() -> Self {
        Builder::new(Vec::new(), AcceptMode::Silent).start()
    }

    /// Reserves a port without a listener; no other process can listen on it.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn refusing() -> Self {
        Builder::new(Vec::new(), AcceptMode::Refuse).start()
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns `url` with the address of the proxy instead of its server.
    ///
    /// # Panics
    /// If the URL names no server.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        with_server(url, &self.address.to_string())
    }

    /// Sets the mode for new connections; open connections are not affected.
    pub fn set_accept_mode(&self, mode: AcceptMode) {
        self.state.rules().mode = mode;
    }

    /// Sets the flow to the server of all connections, open and new.
    pub fn set_flow_to_server(&self, flow: Flow) {
        self.state.rules().to_server = flow;
    }

    /// Sets the flow to the client of all connections, open and new.
    pub fn set_flow_to_client(&self, flow: Flow) {
        self.state.rules().to_client = flow;
    }

    /// Sets both flows, as [`set_flow_to_server`](Self::set_flow_to_server) and
    /// [`set_flow_to_client`](Self::set_flow_to_client) do.
    pub fn set_both_flows(&self, flow: Flow) {
        self.set_flow_to_server(flow);
        self.set_flow_to_client(flow);
    }

    /// Loses the next such message, or the response to it.
    pub fn lose_next(&self, loss: Loss) {
        self.state.rules().loss = Some(loss);
    }

    /// Whether the message of [`lose_next`](Self::lose_next) was lost.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.state.rules().loss.is_none()
    }

    /// Ends every connection with RST; the accept mode is unchanged.
    pub fn reset_all(&self) {
        self.end_all(Connection::reset);
    }

    /// Ends every connection with FIN; the accept mode is unchanged.
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

    /// Passes no more bytes on open connections; new connections work. No bytes are lost.
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

    /// Stops listening and ends every connection with RST, like a crashed server.
    pub fn refuse(&self) {
        self.set_accept_mode(AcceptMode::Refuse);
        self.reset_all();
    }

    /// Ends every connection, and each new one immediately, with FIN.
    pub fn close(&self) {
        self.set_accept_mode(AcceptMode::Close);
        self.cut_all();
    }

    /// Passes new connections to the server.
    pub fn open(&self) {
        self.set_accept_mode(AcceptMode::Pass);
    }

    /// Number of connections accepted so far, including connections that were ended immediately.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        let connections = lock(&self.state.connections);
        let alive = connections.iter().filter(|it| it.strong_count() > 0);
        alive.count()
    }

    /// Number of bytes passed to the server so far, on all connections.
    #[must_use]
    pub fn bytes_to_server(&self) -> u64 {
        self.state.bytes_to_server.load(Ordering::SeqCst)
    }

    /// Number of bytes passed to clients so far, on all connections.
    #[must_use]
    pub fn bytes_to_client(&self) -> u64 {
        self.state.bytes_to_client.load(Ordering::SeqCst)
    }

    /// Bytes sent by clients so far, of all connections in order of arrival; empty without
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
