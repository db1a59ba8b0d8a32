//! Connections of HTTP clients: how many, for how long, and how much memory they take.
//! `docs/limits.md` is for those who run into a limit.

pub(crate) mod admission;
mod connection;
pub mod descriptors;
mod io;
mod memory;
mod open;
mod refused;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::settings::ServerConfig;
use metrics::counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;

pub(crate) use connection::serve;
pub(crate) use memory::{FREE, Held, Memory};
pub use open::Connection;
pub(crate) use open::{BESIDES, Open};

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The limits of a server and what is left of them. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Http(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: ServerConfig,
    open: Open,
    memory: Memory,
    requests: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    no_more_bodies: CancellationToken,
}

impl Http {
    /// With nothing taken.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(Shared {
            open: Open::new(config.max_connections),
            memory: Memory::new(config.buffer_bytes),
            requests: Arc::new(Semaphore::new(config.max_requests)),
            writing: Arc::new(Semaphore::new(processors().div_ceil(2))),
            no_more_bodies: CancellationToken::new(),
            config,
        }))
    }

    pub(crate) fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    /// The connections.
    pub(crate) fn open(&self) -> &Open {
        &self.0.open
    }

    /// What bodies and answers take.
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The server stops, and bodies that have not come are waited for no longer.
    pub(crate) fn no_more_bodies(&self) -> &CancellationToken {
        &self.0.no_more_bodies
    }

    /// Turns for writing pages: half the processors.
    pub(crate) fn writing(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.writing)
    }

    /// One of the requests that are worked at, until it is dropped.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub(crate) fn begin(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.0.requests).try_acquire_owned();
        permit.map_err(|_| {
            counter!("http_refused_total", "reason" => "requests").increment(1);
            Problem::busy()
        })
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
