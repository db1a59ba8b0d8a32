//! The connections that are open, and which of them has to go when there are too many.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::settings::ServerConfig;
use metrics::{counter, gauge};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections beyond the limit that get answers about the health of the server, and no others.
pub(super) const RESERVED: usize = 16;

/// Connections that were told to end and have not ended yet.
const ENDING: usize = 32;

/// A client that takes fewer bytes in a write timeout counts as one that takes none.
const PROGRESS: usize = 64 * 1024;

/// What is needed besides the connections that count, in file descriptors.
pub(crate) const BESIDES: usize = RESERVED + ENDING;

/// The connections. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Open(Arc<All>);

#[derive(Debug)]
struct All {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    opened: u64,
    /// Sockets that are open.
    sockets: usize,
    /// Those of them that were not told to end.
    count: usize,
    /// Those that wait for a request, the longest first.
    idle: BTreeSet<Idle>,
}

/// Since when, which, and how to end it.
#[derive(Debug, Clone)]
struct Idle(Instant, u64, CancellationToken);

impl Idle {
    fn order(&self) -> (Instant, u64) {
        (self.0, self.1)
    }
}

impl PartialEq for Idle {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Idle {}

impl PartialOrd for Idle {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Idle {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl Open {
    pub(super) fn new(most: usize) -> Self {
        gauge!("http_connections").set(0);
        Self(Arc::new(All {
            most,
            state: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that was accepted. Where there is none, the connection that has
    /// waited the longest for a request is ended for it; where all are at work, the place is one
    /// of those for questions of health. `None` when there is not even that.
    pub(crate) fn take(&self) -> Option<Place> {
        let mut state = self.lock();
        let no_place = || {
            counter!("http_connections_closed_total", "reason" => "no_place").increment(1);
        };
        if state.sockets >= self.0.most + BESIDES {
            no_place();
            return None;
        }
        if state.count >= self.0.most
            && let Some(Idle(_, _, end)) = state.idle.pop_first()
        {
            counter!("http_connections_closed_total", "reason" => "others_wait").increment(1);
            state.count -= 1;
            end.cancel();
        }
        if state.count >= self.0.most + RESERVED {
            no_place();
            return None;
        }
        let is_reserved = state.count >= self.0.most;
        state.opened += 1;
        state.sockets += 1;
        state.count += 1;
        gauge!("http_connections").increment(1);
        let connection = Connection(Arc::new(One {
            id: state.opened,
            is_reserved,
            all: self.clone(),
            end: CancellationToken::new(),
            doing: Mutex::new(Doing {
                requests: 0,
                had_request: false,
                since: Instant::now(),
                head: None,
                blocked: None,
                progress: 0,
            }),
        }));
        state.idle.insert(connection.idle(connection.lock().since));
        Some(Place(connection))
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().count
    }
}

/// The place of a connection; free when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Connection);

impl Place {
    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.break_off();
        self.0.0.all.lock().sockets -= 1;
        gauge!("http_connections").decrement(1);
    }
}

/// What a connection does. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Connection(Arc<One>);

#[derive(Debug)]
struct One {
    id: u64,
    is_reserved: bool,
    all: Open,
    end: CancellationToken,
    doing: Mutex<Doing>,
}

#[derive(Debug)]
struct Doing {
    /// Requests whose answers are not sent yet.
    requests: usize,
    had_request: bool,
    /// When the last answer was sent, or the connection was made.
    since: Instant,
    /// When the head of a request began to come.
    head: Option<Instant>,
    /// Since when the client takes nothing, or next to nothing.
    blocked: Option<Instant>,
    /// Bytes that it has taken since then.
    progress: usize,
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, Doing> {
        let doing = self.0.doing.lock();
        doing.unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self, since: Instant) -> Idle {
        Idle(since, self.0.id, self.0.end.clone())
    }

    /// Whether it gets answers about the health of the server only.
    pub(crate) fn is_reserved(&self) -> bool {
        self.0.is_reserved
    }

    /// It has to end, since others need its place or what it holds.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.0.end
    }

    /// Ends it. What it holds is free when it has.
    pub(super) fn break_off(&self) {
        let doing = self.lock();
        let mut state = self.0.all.lock();
        // whoever told it to end has counted it out
        if !self.0.end.is_cancelled() {
            state.idle.remove(&self.idle(doing.since));
            state.count -= 1;
            self.0.end.cancel();
        }
    }

    /// A request has come whole, but for its body. Its answer is sent when the guard is dropped.
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

    /// When it has taken too long for what it does, if that can be.
    pub(super) fn deadline(&self, config: &ServerConfig) -> Option<Instant> {
        let doing = self.lock();
        let stuck = doing.blocked.map(|since| since + config.write_timeout);
        let waits = match doing.head {
            _ if doing.requests > 0 => None,
            Some(head) => Some(head + config.header_timeout),
            None if doing.had_request => Some(doing.since + config.idle_timeout),
            None => Some(doing.since + config.header_timeout),
        };
        stuck.into_iter().chain(waits).min()
    }

    /// Since when the client takes nothing of what is sent.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.lock().blocked
    }

    pub(super) fn has_read(&self) {
        let mut doing = self.lock();
        if doing.requests == 0 && doing.head.is_none() {
            doing.head = Some(Instant::now());
        }
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

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Connection);

impl Answering {
    /// The connection has become one of another protocol and is never idle again.
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
