//! Limits of HTTP connections: their number, their duration and their memory. `docs/limits.md` describes each
//! limit.

pub(crate) mod admission;
mod answer;
mod bodies;
mod connection;
pub mod descriptors;
pub(crate) mod identify;
mod io;
mod memory;
mod open_connections;
mod refused;
pub(crate) mod request_id;
mod sending;
mod upgraded;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use crate::settings::ServerConfig;
use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::metrics::HTTP_REFUSED;
use crate::problem::Problem;
use crate::tls::ServerTls;

pub(crate) use answer::Counted;
pub(crate) use connection::serve;
pub(crate) use memory::{FREE, Held, Memory};
pub use open_connections::Connection;
pub(crate) use open_connections::{BESIDES, OpenConnections};
pub use request_id::{REQUEST_ID, RequestId};
pub(crate) use upgraded::UpgradedStream;

/// The number of rows of the longest page. Twice the number of processors of such pages, or four if that is larger,
/// are read at the same time, or shorter pages with as many rows in all.
const ROWS_OF_A_PAGE: usize = 10_000;

/// The address that a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The key that identifies a client: an IPv4 address, or the /64 network of an IPv6 address.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        address => address,
    }
}

/// The limits of a server and their current use. Clones share them.
#[derive(Debug, Clone)]
pub struct Http(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: ServerConfig,
    tls: OnceLock<ServerTls>,
    open: OpenConnections,
    memory: Memory,
    requests: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    no_more_bodies: CancellationToken,
}

impl Http {
    /// Creates the limits, with nothing in use.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(Shared {
            tls: OnceLock::new(),
            open: OpenConnections::new(config.max_connections),
            memory: Memory::new(config.buffer_bytes),
            requests: Arc::new(Semaphore::new(config.max_requests)),
            reading: Arc::new(Semaphore::new((2 * processors()).max(4) * ROWS_OF_A_PAGE)),
            writing: Arc::new(Semaphore::new(processors().div_ceil(2))),
            no_more_bodies: CancellationToken::new(),
            config,
        }))
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    /// Accepts connections with this TLS only. Call it once, before connections are accepted.
    pub fn use_tls(&self, tls: ServerTls) {
        // a second call changes nothing
        let _ = self.0.tls.set(tls);
    }

    /// The TLS of all connections; `None` for plain HTTP.
    #[must_use]
    pub fn tls(&self) -> Option<&ServerTls> {
        self.0.tls.get()
    }

    /// The open connections.
    pub(crate) fn open(&self) -> &OpenConnections {
        &self.0.open
    }

    /// The memory budget of bodies and responses.
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Cancelled when the server stops and waits no longer for incomplete bodies.
    pub(crate) fn no_more_bodies(&self) -> &CancellationToken {
        &self.0.no_more_bodies
    }

    /// Takes the permits of the rows of a long page, held from before the rows are read until they are written.
    /// The allocator retains the memory of the rows of all pages that are read at the same time.
    pub(crate) async fn reading(&self, rows: usize) -> Option<OwnedSemaphorePermit> {
        let rows = u32::try_from(rows.min(ROWS_OF_A_PAGE)).unwrap_or(u32::MAX);
        // the semaphore is never closed
        Arc::clone(&self.0.reading)
            .acquire_many_owned(rows)
            .await
            .ok()
    }

    /// Permits for writing pages, one for every two processors.
    pub(crate) fn writing(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.writing)
    }

    /// Takes the permit of an active request, released on drop.
    ///
    /// # Errors
    /// The maximum number of requests is active.
    pub(crate) fn begin(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.0.requests).try_acquire_owned();
        permit.map_err(|_| {
            counter!(HTTP_REFUSED, "reason" => "requests").increment(1);
            Problem::busy()
        })
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
