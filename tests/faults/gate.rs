//! A way to a server that fails on demand: it refuses, resets, stalls, delays, or loses one
//! message of either direction.

mod connection;
mod frames;
mod tests;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use self::connection::Connection;
pub(crate) use self::frames::Message;

/// How soon a change of the rules is noticed.
const PERIOD: Duration = Duration::from_millis(2);

/// What happens to those who connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Door {
    /// They are connected with the server.
    #[default]
    Open,
    /// Nobody listens.
    Refuse,
    /// They are reset at once.
    Reset,
    /// They are accepted and the server never hears of them.
    Hang,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flow {
    /// Nothing passes while it is set; nothing is lost.
    pub(crate) stalled: bool,
    /// How long everything is on its way …
    pub(crate) delay: Duration,
    /// … and by how much that varies, in both directions.
    pub(crate) jitter: Duration,
    pub(crate) bytes_per_second: Option<u32>,
    /// Segments of one byte.
    pub(crate) sliced: bool,
    /// The connection is reset when so many bytes have passed on it.
    pub(crate) reset_after: Option<u64>,
}

/// What is lost when the client sends a certain message, and the connection with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The message itself: the server never sees it.
    Request(Message),
    /// The server's answer to it: the server has done what it was told.
    Answer(Message),
}

#[derive(Debug, Default)]
struct Rules {
    door: Door,
    to_server: Flow,
    to_client: Flow,
    /// Happens once, on whichever connection comes first.
    loss: Option<Loss>,
    closed: bool,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    rules: Mutex<Rules>,
    connections: Mutex<Vec<Weak<Connection>>>,
    accepted: Mutex<u64>,
    seed: u64,
}

/// Passes connections on to a server, as its rules say. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    address: SocketAddr,
    state: Arc<State>,
}

impl Gate {
    /// An open gate to `server`. The seed decides how delays vary.
    pub(crate) fn to(server: SocketAddr, seed: u64) -> Self {
        let (listener, address) = listen_anywhere(IpAddr::from([127, 0, 0, 1]));
        Self::between(listener, address, server, seed)
    }

    /// As [`to`](Self::to), on another address of this machine, and on that port unless it is 0.
    pub(crate) fn at(address: SocketAddr, server: SocketAddr, seed: u64) -> Self {
        let (listener, address) = match address.port() {
            0 => listen_anywhere(address.ip()),
            _ => (listen(address).expect("the address is free"), address),
        };
        Self::between(listener, address, server, seed)
    }

    fn between(listener: TcpListener, address: SocketAddr, server: SocketAddr, seed: u64) -> Self {
        let state = Arc::new(State {
            server,
            rules: Mutex::default(),
            connections: Mutex::default(),
            accepted: Mutex::default(),
            seed,
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || shared.accept(listener, address));
        Self { address, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on; existing connections stay.
    pub(crate) fn set_door(&self, door: Door) {
        self.state.rules().door = door;
    }

    pub(crate) fn set_flow_to_server(&self, flow: Flow) {
        self.state.rules().to_server = flow;
    }

    pub(crate) fn set_flow_to_client(&self, flow: Flow) {
        self.state.rules().to_client = flow;
    }

    pub(crate) fn set_both_flows(&self, flow: Flow) {
        self.set_flow_to_server(flow);
        self.set_flow_to_client(flow);
    }

    /// The next such message, or the answer to it, is lost.
    pub(crate) fn lose_next(&self, loss: Loss) {
        self.state.rules().loss = Some(loss);
    }

    /// Whether what was to be lost is lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.state.rules().loss.is_none()
    }

    /// Resets every connection; new ones are welcome.
    pub(crate) fn reset_all(&self) {
        for connection in lock(&self.state.connections).drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.reset();
            }
        }
    }

    /// Nobody gets in and nobody stays.
    pub(crate) fn close(&self) {
        self.set_door(Door::Refuse);
        self.reset_all();
    }

    pub(crate) fn open(&self) {
        self.set_door(Door::Open);
    }

    /// How many connections were made so far.
    pub(crate) fn accepted(&self) -> u64 {
        *lock(&self.state.accepted)
    }

    /// How many connections there are now.
    pub(crate) fn connections(&self) -> usize {
        let connections = lock(&self.state.connections);
        connections
            .iter()
            .filter(|connection| connection.strong_count() > 0)
            .count()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.state.rules().closed = true;
        self.reset_all();
    }
}

impl State {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    fn accept(self: &Arc<Self>, listener: TcpListener, address: SocketAddr) {
        let mut listener = Some(listener);
        loop {
            let (door, closed) = {
                let rules = self.rules();
                (rules.door, rules.closed)
            };
            if closed {
                return;
            }
            if door == Door::Refuse {
                listener = None;
            } else if listener.is_none() {
                listener = listen(address).ok();
            }
            match listener.as_ref().map(TcpListener::accept) {
                Some(Ok((client, _))) => self.admit(client),
                Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => return,
                _ => thread::sleep(PERIOD),
            }
        }
    }

    fn admit(self: &Arc<Self>, client: TcpStream) {
        // asked again, since the door may have closed while the client waited
        let door = self.rules().door;
        *lock(&self.accepted) += 1;
        let connection = match door {
            Door::Refuse | Door::Reset => return Connection::turn_away(client),
            Door::Open => Connection::open(client, Some(self.server)),
            Door::Hang => Connection::open(client, None),
        };
        // a server that is down refuses; its client sees that the connection ends
        let Ok(connection) = connection else { return };
        let connection = Arc::new(connection);
        let number = *lock(&self.accepted);
        let mut connections = lock(&self.connections);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
        connection.start(self, number);
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Below the ports of outgoing connections, so that none of those takes it while nobody listens.
fn listen_anywhere(ip: IpAddr) -> (TcpListener, SocketAddr) {
    use std::hash::{BuildHasher as _, RandomState};
    for attempt in 0..100_u8 {
        let [low, high, ..] = RandomState::new().hash_one(attempt).to_be_bytes();
        let port = 15_000 + u16::from_be_bytes([low, high]) % 16_000;
        let address = SocketAddr::from((ip, port));
        if let Ok(listener) = listen(address) {
            return (listener, address);
        }
    }
    panic!("no port from 15000 to 31000 is free");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
