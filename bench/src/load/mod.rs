//! Many WebSocket clients: a server in a process of its own, the same without anything but a broadcast, and the
//! clients of both.
//!
//! A tick carries the instant of its publication as its time, in microseconds of the monotonic clock, which both
//! processes share.

mod bare;
mod clients;
mod process;
mod server;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use clients::{Clients, Received};
pub(crate) use process::Process;

/// Number of symbols; each client follows one of them.
pub(crate) const SYMBOLS: usize = 100;

/// Ticks a second, of all symbols.
pub(crate) const RATE: u32 = 1_000;

/// Ticks of a turn.
pub(crate) const TICKS: u32 = 10_000;

/// The server of a measurement, in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct LoadServer {
    #[arg(value_enum)]
    kind: Kind,
}

/// What serves the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The WebSocket of the order-book server
    Server,
    /// A loop that writes what it gets from a broadcast
    Bare,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Bare => "bare",
        }
    }
}

/// Serves until standard input ends. Prints the port first, and publishes the ticks after the first line of input.
pub(crate) async fn serve(arguments: &LoadServer) -> Result<()> {
    orderbook_server::http::descriptors::raise();
    match arguments.kind {
        Kind::Server => server::serve().await,
        Kind::Bare => bare::serve().await,
    }
}

/// The present instant as the time of a tick.
fn instant() -> DateTime<Utc> {
    let now = clock_gettime(ClockId::Monotonic);
    let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
    first_instant() + TimeDelta::microseconds(micros)
}

fn first_instant() -> DateTime<Utc> {
    // any day that a store accepts
    DateTime::from_timestamp(1_388_534_400, 0).unwrap_or_default()
}
