//! Waits for the connections of a closed pool.
//!
//! r2d2 opens and closes connections on threads of its own, also after its pool was dropped. If the process ended
//! while such a thread is in the TLS library, it would crash, since the library unloads itself at the end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum time to wait for connections that are being opened or closed, or are in use by a call. A call that
/// hangs in the kernel causes no crash.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Counts the connections of a pool from the beginning of their opening to the end of their closing. Clones
/// share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenConnections(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    is_closed: bool,
}

/// One counted connection. A struct that holds a connection has this as its last field, so that the connection
/// is closed first.
#[derive(Debug)]
pub(super) struct OpenConnection(OpenConnections);

/// Refuses further connections when it is dropped, and waits until the others are closed.
#[derive(Debug)]
pub(super) struct CloseOnDrop(OpenConnections);

impl OpenConnections {
    /// Counts one more connection until the result is dropped. Returns `None` if the pool is closed.
    pub(super) fn begin(&self) -> Option<OpenConnection> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.count += 1;
        Some(OpenConnection(self.clone()))
    }

    pub(super) fn close_on_drop(&self) -> CloseOnDrop {
        CloseOnDrop(self.clone())
    }

    /// Refuses further connections and waits until the others are closed. Returns the number of those that are
    /// still open after `timeout`.
    fn close(&self, timeout: Duration) -> usize {
        let mut state = self.state();
        state.is_closed = true;
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, timeout, |state| state.count > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.count
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.state().count -= 1;
        self.0.0.changed.notify_all();
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let open = self.0.close(CLOSE_TIMEOUT);
        if open > 0 {
            tracing::debug!(open, "a pool was closed before its connections");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn closing_waits_for_open_connections() {
        let connections = OpenConnections::default();
        let (first, second) = (connections.begin(), connections.begin());
        let is_closed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                drop(first);
                // only a pool that is closed refuses, so `close` waits from here on
                while let Some(another) = connections.begin() {
                    drop(another);
                    std::thread::yield_now();
                }
                is_closed.store(true, Ordering::SeqCst);
                drop(second);
            });
            assert_eq!(connections.close(PATIENCE), 0);
            assert!(is_closed.load(Ordering::SeqCst), "it did not wait");
        });
    }

    #[test]
    fn closed_pool_refuses_connections() {
        let connections = OpenConnections::default();
        drop(connections.close_on_drop());
        assert!(connections.begin().is_none());
    }

    #[test]
    fn connection_that_hangs_is_abandoned() {
        let connections = OpenConnections::default();
        let _hanging = connections.begin();
        assert_eq!(connections.close(Duration::from_millis(1)), 1);
    }
}
