//! Tracks the open connections, and evicts the connection that was idle for the longest time when there are
//! too many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::metrics::{HTTP_CONNECTIONS, HTTP_CONNECTIONS_CLOSED};
use crate::settings::ServerConfig;
use metrics::{counter, gauge};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections beyond the limit, which get responses about the health of the server only.
pub(super) const RESERVED: usize = 16;

/// Connections that were asked to end and have not ended yet.
const ENDING: usize = 32;

/// A client that takes fewer bytes than this within the write timeout counts as stalled.
const PROGRESS: usize = 64 * 1024;

/// Time to send the last bytes of a response on a connection that ends after it.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// File descriptors needed in addition to the counted connections.
pub(crate) const BESIDES: usize = RESERVED + ENDING;

/// The open connections. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct OpenConnections(Arc<ConnectionTable>);

#[derive(Debug)]
struct ConnectionTable {
    max_connections: usize,
    state: Mutex<TableState>,
}

#[derive(Debug, Default)]
struct TableState {
    opened: u64,
    /// Open sockets.
    sockets: usize,
    /// Open sockets that were not asked to end.
    count: usize,
    /// Connections that wait for a request, ordered by the start of their wait.
    idle: BTreeSet<IdleConnection>,
}

/// Start of the wait, id of the connection, and the token that ends it.
#[derive(Debug, Clone)]
struct IdleConnection(Instant, u64, CancellationToken);

impl IdleConnection {
    fn order(&self) -> (Instant, u64) {
        (self.0, self.1)
    }
}

impl PartialEq for IdleConnection {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for IdleConnection {}

impl PartialOrd for IdleConnection {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdleConnection {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl OpenConnections {
    pub(super) fn new(max_connections: usize) -> Self {
        gauge!(HTTP_CONNECTIONS).set(0);
        Self(Arc::new(ConnectionTable {
            max_connections,
            state: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, TableState> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for an accepted connection. If all slots are in use, ends the connection that has waited
    /// the longest for a request. If no connection waits, returns one of the slots that are reserved for
    /// health checks, or `None` if these are in use as well.
    pub(crate) fn take(&self) -> Option<ConnectionSlot> {
        let mut state = self.lock();
        let no_slot = || {
            counter!(HTTP_CONNECTIONS_CLOSED, "reason" => "no_slot").increment(1);
        };
        if state.sockets >= self.0.max_connections + BESIDES {
            no_slot();
            return None;
        }
        if state.count >= self.0.max_connections
            && let Some(IdleConnection(_, _, end)) = state.idle.pop_first()
        {
            counter!(HTTP_CONNECTIONS_CLOSED, "reason" => "others_wait").increment(1);
            state.count -= 1;
            end.cancel();
        }
        if state.count >= self.0.max_connections + RESERVED {
            no_slot();
            return None;
        }
        let is_reserved = state.count >= self.0.max_connections;
        state.opened += 1;
        state.sockets += 1;
        state.count += 1;
        gauge!(HTTP_CONNECTIONS).increment(1);
        let connection = Connection(Arc::new(ConnectionEntry {
            id: state.opened,
            is_reserved,
            all: self.clone(),
            end: CancellationToken::new(),
            doing: Mutex::new(Activity {
                requests: 0,
                had_request: false,
                is_multiplexed: false,
                since: Instant::now(),
                head: None,
                responses: 0,
                sending: BTreeMap::new(),
                blocked: None,
                progress: 0,
            }),
        }));
        state.idle.insert(connection.idle(connection.lock().since));
        Some(ConnectionSlot(connection))
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().count
    }
}

/// The slot of a connection, released on drop.
#[derive(Debug)]
pub(crate) struct ConnectionSlot(Connection);

impl ConnectionSlot {
    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.break_off();
        self.0.0.all.lock().sockets -= 1;
        gauge!(HTTP_CONNECTIONS).decrement(1);
    }
}

/// The activity of a connection. Clones share it.
#[derive(Debug, Clone)]
pub struct Connection(Arc<ConnectionEntry>);

#[derive(Debug)]
struct ConnectionEntry {
    id: u64,
    is_reserved: bool,
    all: OpenConnections,
    end: CancellationToken,
    doing: Mutex<Activity>,
}

#[derive(Debug)]
struct Activity {
    /// Requests whose responses are not sent yet.
    requests: usize,
    had_request: bool,
    /// Whether it has several requests at the same time, as with HTTP/2.
    is_multiplexed: bool,
    /// When the last response was sent, or the connection was accepted.
    since: Instant,
    /// When the head of a request began to arrive.
    head: Option<Instant>,
    /// The number of responses of a multiplexed connection so far.
    responses: u64,
    /// When the client last accepted a part of each response of a multiplexed connection.
    sending: BTreeMap<u64, Instant>,
    /// The time since which the client reads nothing, or almost nothing.
    blocked: Option<Instant>,
    /// Bytes that it has read since then.
    progress: usize,
}

impl Activity {
    /// The time since which the client reads nothing, or almost nothing, of a response.
    fn stalled(&self) -> Option<Instant> {
        self.blocked
            .into_iter()
            .chain(self.sending.values().copied())
            .min()
    }
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, Activity> {
        let doing = self.0.doing.lock();
        doing.unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self, since: Instant) -> IdleConnection {
        IdleConnection(since, self.0.id, self.0.end.clone())
    }

    /// Whether it gets responses about the health of the server only.
    pub(crate) fn is_reserved(&self) -> bool {
        self.0.is_reserved
    }

    /// Cancelled when the connection has to end because others need its slot or its memory.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.0.end
    }

    /// Asks the connection to end. Its slot and memory are released once it has ended.
    pub(super) fn break_off(&self) {
        let doing = self.lock();
        let mut state = self.0.all.lock();
        // a connection that was asked to end is no longer counted
        if !self.0.end.is_cancelled() {
            state.idle.remove(&self.idle(doing.since));
            state.count -= 1;
            self.0.end.cancel();
        }
    }

    /// Registers a request whose head has arrived. The response counts as sent when the guard is dropped.
    pub(super) fn begin(&self) -> Answering {
        let mut doing = self.lock();
        doing.requests += 1;
        doing.had_request = true;
        doing.head = None;
        if doing.requests == 1 {
            let mut state = self.0.all.lock();
            state.idle.remove(&self.idle(doing.since));
        }
        Answering(self.clone())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().requests == 0
    }

    /// The deadline of the current activity, if it has one.
    pub(super) fn deadline(&self, config: &ServerConfig) -> Option<Instant> {
        let doing = self.lock();
        let stuck = doing.stalled().map(|since| since + config.write_timeout);
        let waits = match doing.head {
            _ if doing.requests > 0 => None,
            // it has had its answer
            _ if self.0.is_reserved && doing.is_multiplexed && doing.had_request => {
                Some(doing.since + LAST_BYTES)
            }
            Some(head) => Some(head + config.header_timeout),
            None if doing.had_request => Some(doing.since + config.idle_timeout),
            None => Some(doing.since + config.header_timeout),
        };
        stuck.into_iter().chain(waits).min()
    }

    /// The time since which the client reads nothing of a response.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.lock().stalled()
    }

    /// The connection has several requests at the same time from now on. What its client sends between requests may
    /// be other than a head.
    pub(super) fn multiplex(&self) {
        let mut doing = self.lock();
        doing.is_multiplexed = true;
        doing.head = None;
    }

    pub(super) fn has_read(&self) {
        let mut doing = self.lock();
        if doing.requests == 0 && doing.head.is_none() && !doing.is_multiplexed {
            doing.head = Some(Instant::now());
        }
    }

    /// A number for a response of a multiplexed connection.
    pub(super) fn next_response(&self) -> u64 {
        let mut doing = self.lock();
        doing.responses += 1;
        doing.responses
    }

    /// Sets when the client last accepted a part of a response; `None` when it was sent.
    pub(super) fn response_progress(&self, response: u64, at: Option<Instant>) {
        let mut doing = self.lock();
        match at {
            Some(at) => doing.sending.insert(response, at),
            None => doing.sending.remove(&response),
        };
    }

    pub(super) fn write_waits(&self) {
        let mut doing = self.lock();
        if doing.blocked.is_none() {
            doing.blocked = Some(Instant::now());
            doing.progress = 0;
        }
    }

    pub(super) fn wrote(&self, bytes: usize) {
        let mut doing = self.lock();
        doing.progress += bytes;
        if doing.progress >= PROGRESS {
            doing.blocked = None;
        }
    }

    pub(super) fn all_written(&self) {
        self.lock().blocked = None;
    }
}

/// Guard of a request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Connection);

impl Answering {
    /// Keeps the connection busy permanently: it has switched to another protocol.
    pub(super) fn forever(self) {
        self.0.lock().requests += 1;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut doing = self.0.lock();
        doing.requests -= 1;
        if doing.requests == 0 {
            doing.since = Instant::now();
            let mut state = self.0.0.all.lock();
            if !self.0.0.end.is_cancelled() {
                state.idle.insert(self.0.idle(doing.since));
            }
        }
    }
}

#[cfg(test)]
mod tests;
