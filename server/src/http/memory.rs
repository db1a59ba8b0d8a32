//! Memory budget for the bodies and responses of all clients, and eviction of stalled clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::open_connections::Connection;
use crate::metrics::HTTP_REFUSED;
use crate::problem::Problem;

/// This many bytes of each holder are not counted; the limit of connections bounds them.
pub(crate) const FREE: usize = 16 * 1024;

/// A client that has made no progress for this long may be evicted when others need memory.
const STALLED: Duration = Duration::from_secs(1);

/// Maximum time that a request waits for memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// The memory budget in bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Memory(Arc<MemoryBudget>);

#[derive(Debug)]
struct MemoryBudget {
    size: usize,
    state: Mutex<MemoryState>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct MemoryState {
    taken: usize,
    asked: u64,
    holders: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    bytes: usize,
    what: MemoryUse,
}

/// The holder of a share.
#[derive(Debug)]
enum MemoryUse {
    /// A body that is being received: the time of its last progress, and the token that aborts it.
    Body(Instant, CancellationToken),
    /// A response to this client, or a body that was received completely.
    Answer(Option<Connection>),
    /// A response to this client that is never refused.
    Operation(Option<Connection>),
}

impl Holder {
    /// The time since which the client has made no progress.
    fn stalled(&self) -> Option<Instant> {
        match &self.what {
            MemoryUse::Body(since, end) => (!end.is_cancelled()).then_some(*since),
            MemoryUse::Answer(connection) | MemoryUse::Operation(connection) => {
                let connection = connection.as_ref()?;
                let blocked = connection.blocked_since()?;
                (!connection.end().is_cancelled()).then_some(blocked)
            }
        }
    }

    fn evict(&self) {
        match &self.what {
            MemoryUse::Body(_, end) => end.cancel(),
            MemoryUse::Answer(connection) | MemoryUse::Operation(connection) => {
                connection.iter().for_each(Connection::break_off);
            }
        }
    }
}

/// A share of the memory, released on drop.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Memory,
    id: u64,
    end: CancellationToken,
}

impl Memory {
    pub(super) fn new(size: usize) -> Self {
        Self(Arc::new(MemoryBudget {
            size,
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a body that has not begun to arrive.
    pub(crate) fn for_body(&self) -> Held {
        let end = CancellationToken::new();
        self.hold(MemoryUse::Body(Instant::now(), end.clone()), end)
    }

    /// Reserves memory for a response of at most `bytes` bytes; waits until it is available.
    ///
    /// # Errors
    /// No memory became available in time.
    pub(crate) async fn for_answer(
        &self,
        connection: Option<Connection>,
        bytes: usize,
    ) -> Result<Held, Problem> {
        let held = self.hold(MemoryUse::Answer(connection), CancellationToken::new());
        held.grow(bytes).await?;
        Ok(held)
    }

    /// Reserves memory for a response that exists already, without waiting: while it waited, the response
    /// would occupy memory that is not counted. If the memory is not available, evicts a stalled client,
    /// so that a later request finds memory.
    ///
    /// # Errors
    /// The memory is not available.
    pub(crate) fn for_made_answer(
        &self,
        connection: Option<Connection>,
        bytes: usize,
    ) -> Result<Held, Problem> {
        let held = self.hold(MemoryUse::Answer(connection), CancellationToken::new());
        held.grow_at_once(bytes)?;
        Ok(held)
    }

    /// Counts a response about the state of the server, which exists already. It is never refused: if the
    /// memory is not available, the budget is exceeded. Each response that exceeds it evicts the client that
    /// has stalled longest. If no client has stalled for [`STALLED`], it evicts the client that has waited
    /// longest to read such a response. So clients that read none of them hold little more than the budget.
    pub(crate) fn for_operation(&self, connection: Option<Connection>, bytes: usize) -> Held {
        let held = self.hold(MemoryUse::Operation(connection), CancellationToken::new());
        held.take_beyond_budget(bytes, Instant::now());
        held
    }

    fn hold(&self, what: MemoryUse, end: CancellationToken) -> Held {
        let mut state = self.lock();
        state.asked += 1;
        let id = state.asked;
        state.holders.insert(id, Holder { bytes: 0, what });
        Held {
            memory: self.clone(),
            id,
            end,
        }
    }

    /// Wakes all waiting requests if memory was released. Most requests hold no memory, so their end
    /// wakes no request.
    fn freed(&self, bytes: usize) {
        if bytes > 0 {
            self.0.freed.notify_waiters();
        }
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }
}

fn no_memory() -> Problem {
    counter!(HTTP_REFUSED, "reason" => "memory").increment(1);
    Problem::no_memory()
}

impl MemoryState {
    /// Evicts the client that has made no progress for the longest time, if that time is at least
    /// [`STALLED`]. Otherwise returns the time at which it can be evicted, or `None` if no client is stalled.
    fn end_stalled(&self, besides: u64, now: Instant) -> Result<(), Option<Instant>> {
        let Some((since, holder)) = self.longest_stalled(besides, |_| true) else {
            return Err(None);
        };
        if now < since + STALLED {
            return Err(Some(since + STALLED));
        }
        holder.evict();
        Ok(())
    }

    /// Evicts the client that has waited longest to read a response of [`Memory::for_operation`].
    fn end_stalled_operation(&self, besides: u64) {
        let is_operation = |holder: &Holder| matches!(holder.what, MemoryUse::Operation(_));
        if let Some((_, holder)) = self.longest_stalled(besides, is_operation) {
            holder.evict();
        }
    }

    /// The holder whose client has made no progress for the longest time, and the start of that time.
    fn longest_stalled(
        &self,
        besides: u64,
        is_wanted: impl Fn(&Holder) -> bool,
    ) -> Option<(Instant, &Holder)> {
        let others = self.holders.iter().filter(|(id, _)| **id != besides);
        let holding = others.filter(|(_, holder)| holder.bytes > 0 && is_wanted(holder));
        let stalled = holding.filter_map(|(_, holder)| Some((holder.stalled()?, holder)));
        stalled.min_by_key(|(since, _)| *since)
    }
}

impl Held {
    /// Grows the share to `bytes` bytes in total. If they are not available, evicts the client that has
    /// stalled longest and returns the result of [`MemoryState::end_stalled`] as the error.
    fn take(&self, bytes: usize, now: Instant) -> Result<(), Result<(), Option<Instant>>> {
        let wanted = bytes.saturating_sub(FREE).min(self.memory.0.size);
        let mut state = self.memory.lock();
        let taken = state.taken;
        let Some(holder) = state.holders.get_mut(&self.id) else {
            return Ok(());
        };
        let more = wanted.saturating_sub(holder.bytes);
        if taken + more > self.memory.0.size {
            return Err(state.end_stalled(self.id, now));
        }
        holder.bytes += more;
        if let MemoryUse::Body(since, _) = &mut holder.what {
            *since = now;
        }
        state.taken += more;
        Ok(())
    }

    /// Grows the share by `bytes` bytes, even if they are not available, and evicts a client in that case.
    fn take_beyond_budget(&self, bytes: usize, now: Instant) {
        let more = bytes.saturating_sub(FREE);
        let mut state = self.memory.lock();
        if let Some(holder) = state.holders.get_mut(&self.id) {
            holder.bytes += more;
            state.taken += more;
        }
        if state.taken > self.memory.0.size && state.end_stalled(self.id, now).is_err() {
            state.end_stalled_operation(self.id);
        }
    }

    /// Grows the share to `bytes` bytes in total; waits until they are available.
    ///
    /// # Errors
    /// No memory became available in time.
    pub(crate) async fn grow(&self, bytes: usize) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let freed = self.memory.0.freed.notified();
            tokio::pin!(freed);
            // from here on no notification is missed
            freed.as_mut().enable();
            let now = Instant::now();
            let Err(wait) = self.take(bytes, now) else {
                return Ok(());
            };
            if now >= deadline {
                return Err(no_memory());
            }
            match wait {
                // an evicted client releases its memory when its task runs
                Ok(()) | Err(None) => {
                    tokio::select! {
                        () = &mut freed => {}
                        () = sleep_until(deadline.min(now + STALLED)) => {}
                    }
                }
                Err(Some(at)) => {
                    tokio::select! {
                        () = &mut freed => {}
                        () = sleep_until(at.min(deadline)) => {}
                    }
                }
            }
        }
    }

    /// Grows the share to `bytes` bytes in total without waiting. A holder that waits for more memory
    /// would hold its current share while others need it.
    ///
    /// # Errors
    /// The bytes are not available.
    pub(crate) fn grow_at_once(&self, bytes: usize) -> Result<(), Problem> {
        self.take(bytes, Instant::now()).map_err(|_| no_memory())
    }

    /// Releases the memory above `bytes`.
    pub(crate) fn shrink(&self, bytes: usize) {
        let mut state = self.memory.lock();
        let wanted = bytes.saturating_sub(FREE);
        let Some(holder) = state.holders.get_mut(&self.id) else {
            return;
        };
        let less = holder.bytes.saturating_sub(wanted);
        holder.bytes -= less;
        state.taken -= less;
        drop(state);
        self.memory.freed(less);
    }

    /// Marks the body as received completely; it can no longer be aborted.
    pub(crate) fn came(&self) {
        let mut state = self.memory.lock();
        if let Some(holder) = state.holders.get_mut(&self.id) {
            holder.what = MemoryUse::Answer(None);
        }
    }

    /// Waits until the holder is evicted because others need the memory.
    pub(crate) async fn ended(&self) {
        self.end.cancelled().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.memory.lock();
        let holder = state.holders.remove(&self.id);
        let bytes = holder.map_or(0, |holder| holder.bytes);
        state.taken -= bytes;
        drop(state);
        self.memory.freed(bytes);
    }
}

#[cfg(test)]
mod tests;
