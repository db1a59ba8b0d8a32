//! Options of a proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::accept::{Door, State};
use crate::address::{listen, listen_anywhere, reserve_anywhere};
use crate::observer::Observer;
use crate::rules::{AcceptMode, Rules};
use crate::{Direction, FaultProxy};

/// Builder of a proxy.
#[derive(Debug, Clone)]
#[must_use = "it listens after `start`"]
pub struct Builder {
    servers: Vec<SocketAddr>,
    listen_on: SocketAddr,
    seed: u64,
    records: bool,
    observer: Observer,
    ends_together: bool,
    mode: AcceptMode,
}

impl Builder {
    pub(crate) fn new(servers: Vec<SocketAddr>, mode: AcceptMode) -> Self {
        Self {
            servers,
            listen_on: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            records: false,
            observer: Observer::default(),
            ends_together: false,
            mode,
        }
    }

    /// Listens on this local address; port 0 chooses any free port. By default 127.0.0.1 and any port.
    pub fn listen_on(mut self, address: SocketAddr) -> Self {
        self.listen_on = address;
        self
    }

    /// Sets the seed of random delays. By default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Records what clients send, for [`FaultProxy::recorded`].
    pub fn recording(mut self) -> Self {
        self.records = true;
        self
    }

    /// Calls `observe` with the number of the connection, the direction and the bytes, before they are passed
    /// on. Bytes of one direction are observed in order, cut at any place.
    pub fn observed_by(
        mut self,
        observe: impl Fn(u64, Direction, &[u8]) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Ends both directions of a connection when one of them ends.
    pub fn ends_together(mut self) -> Self {
        self.ends_together = true;
        self
    }

    /// Starts the proxy.
    ///
    /// # Panics
    /// If the address is in use.
    #[must_use]
    pub fn start(self) -> FaultProxy {
        let Self {
            servers,
            listen_on,
            seed,
            records,
            observer,
            ends_together,
            mode,
        } = self;
        let (door, address) = match (mode, listen_on.port()) {
            (AcceptMode::Refuse, 0) => {
                let (socket, address) = reserve_anywhere(listen_on.ip());
                (Door::Closed(Some(socket)), address)
            }
            (_, 0) => {
                let (listener, address) = listen_anywhere(listen_on.ip());
                (Door::Listening(listener), address)
            }
            _ => {
                let listener = listen(listen_on).expect("the address is free");
                (Door::Listening(listener), listen_on)
            }
        };
        let state = Arc::new(State {
            servers,
            rules: Mutex::new(Rules::accepting(mode)),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            bytes_to_server: AtomicU64::new(0),
            bytes_to_client: AtomicU64::new(0),
            recorded: records.then(Mutex::default),
            observer,
            ends_together,
            seed,
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || shared.accept(door, address));
        FaultProxy { address, state }
    }
}
