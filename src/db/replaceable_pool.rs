//! The connection pool: permits in order of arrival, and replacement of stuck pools.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, sleep_until};

use crate::error::RepositoryError;

use super::blocking::spawn;
use super::connect::ConnectionManager;
use super::measure;
use super::reachability::Reachability;

/// The time for which r2d2 tries to open a connection for one call. The pause between its attempts grows
/// up to half of this time, so a short time makes recovery quick.
pub(super) const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time after which a waiting call checks whether the database rejects the settings, in which case
/// further waiting does not help.
const REFUSAL_CHECK_AFTER: Duration = Duration::from_millis(250);

/// The interval at which a waiting call checks whether the calls before it are stuck.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The kind of a call, which decides how many connections it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    /// A call that others must not delay: it may use any connection.
    Write,
    /// A read: it may use the connections that are not reserved for writes.
    Read,
}

/// A pool with a permit for each connection.
pub(super) struct PoolGeneration {
    pub(super) pool: r2d2::Pool<ConnectionManager>,
    permits: Arc<Semaphore>,
    /// Reads acquire one of these before one of `permits`.
    read_permits: Arc<Semaphore>,
    in_use: Mutex<BTreeMap<u64, Instant>>,
}

impl PoolGeneration {
    /// Returns a connection within `patience`, or the reason for its absence.
    pub(super) fn checkout(
        &self,
        reachability: &Reachability,
        patience: Duration,
    ) -> Result<r2d2::PooledConnection<ConnectionManager>, RepositoryError> {
        let begun = Instant::now();
        let first = self.pool.get_timeout(patience.min(REFUSAL_CHECK_AFTER));
        first.or_else(|_| {
            if let Some(error) = reachability.refused() {
                return Err(error.into());
            }
            self.pool
                .get_timeout(patience.saturating_sub(begun.elapsed()))
                .map_err(|_| reachability.no_connection())
        })
    }
}

/// The limits of the number and age of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) max_size: u32,
    /// The number of connections that reads leave free for writes; at most half of all.
    pub(super) reserved_for_writes: u32,
    /// The number of connections that are opened in advance; at most all.
    pub(super) min_idle: u32,
    pub(super) idle_timeout: Duration,
    pub(super) max_lifetime: Duration,
}

impl PoolLimits {
    fn for_reads(self) -> u32 {
        self.max_size - self.reserved_for_writes.min(self.max_size / 2)
    }
}

/// The pool of one database, which is replaced if calls are stuck in it.
///
/// A thread that waits for a stopped server, or for a server behind a network that keeps the connection open,
/// cannot be interrupted. If all connections are lost in this way, a new pool takes over as soon as the
/// server responds. That pool is not replaced before all threads of the old one have returned, so there are
/// never more than twice as many threads as connections.
pub(super) struct ReplaceablePool {
    limits: PoolLimits,
    stuck_after: Duration,
    manager: ConnectionManager,
    current: watch::Sender<Arc<PoolGeneration>>,
    retired: Mutex<Option<Arc<PoolGeneration>>>,
    is_checking: AtomicBool,
    waiting: AtomicUsize,
    numbers: AtomicU64,
}

/// A permit to use a connection, registered as in use until it is dropped.
pub(super) struct ConnectionPermit {
    pub(super) generation: Arc<PoolGeneration>,
    pool: Arc<ReplaceablePool>,
    number: u64,
    since: Instant,
    _permits: Permits,
}

/// One of all permits, and for a read one of the read permits.
struct Permits {
    _read: Option<OwnedSemaphorePermit>,
    _any: OwnedSemaphorePermit,
}

impl ReplaceablePool {
    pub(super) fn new(
        limits: PoolLimits,
        stuck_after: Duration,
        manager: ConnectionManager,
    ) -> Arc<Self> {
        let first = PoolGeneration::new(limits, manager.clone());
        Arc::new(Self {
            limits,
            stuck_after,
            manager,
            current: watch::Sender::new(Arc::new(first)),
            retired: Mutex::default(),
            is_checking: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
        })
    }

    pub(super) fn current(&self) -> Arc<PoolGeneration> {
        Arc::clone(&self.current.borrow())
    }

    /// The reachability of the database.
    pub(super) fn reachability(&self) -> &Arc<Reachability> {
        self.manager.reachability()
    }

    /// Waits for a permit to use a connection.
    ///
    /// # Errors
    /// `Unavailable` at the deadline.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        kind: CallKind,
        deadline: tokio::time::Instant,
    ) -> Result<ConnectionPermit, RepositoryError> {
        let generation = self.current();
        // fails if other calls wait
        if let Some(permits) = generation.try_acquire(kind) {
            return Ok(self.run(generation, permits));
        }
        let _waiting = Waiting::begin(self);
        let begun = Instant::now();
        let mut replaced = self.current.subscribe();
        loop {
            let generation = Arc::clone(&replaced.borrow_and_update());
            let mut permits = pin!(generation.acquire(kind));
            loop {
                self.replace_if_stuck(&generation);
                tokio::select! {
                    biased;
                    // the semaphores are never closed
                    Some(permits) = &mut permits => {
                        measure::waited(self.reachability().database(), begun.elapsed());
                        return Ok(self.run(Arc::clone(&generation), permits));
                    }
                    Ok(()) = replaced.changed() => break,
                    () = sleep_until(deadline) => return Err(self.busy(kind, &generation, begun)),
                    () = sleep(CHECK_INTERVAL.min(self.stuck_after)) => {}
                }
            }
        }
    }

    fn run(
        self: &Arc<Self>,
        generation: Arc<PoolGeneration>,
        permits: Permits,
    ) -> ConnectionPermit {
        let (number, since) = (self.numbers.fetch_add(1, Ordering::Relaxed), Instant::now());
        generation.in_use().insert(number, since);
        ConnectionPermit {
            generation,
            pool: Arc::clone(self),
            number,
            since,
            _permits: permits,
        }
    }

    fn busy(&self, kind: CallKind, generation: &PoolGeneration, begun: Instant) -> RepositoryError {
        let max_size = self.limits.max_size;
        let share = match kind {
            CallKind::Read if self.limits.for_reads() < max_size => {
                format!(
                    "all {} of {max_size} connections that reads may use",
                    self.limits.for_reads()
                )
            }
            CallKind::Read | CallKind::Write => format!("all {max_size} connections of the pool"),
        };
        RepositoryError::Unavailable {
            database: self.reachability().database(),
            reason: format!(
                "{share} are busy: waited {:.1} s, {} in use, {} others waiting",
                begun.elapsed().as_secs_f32(),
                generation.in_use().len(),
                self.waiting.load(Ordering::Relaxed).saturating_sub(1)
            ),
        }
    }

    /// If a call is stuck, tries a new connection, and replaces the pool if that succeeds.
    fn replace_if_stuck(self: &Arc<Self>, generation: &Arc<PoolGeneration>) {
        if generation.older_than(self.stuck_after) == 0 {
            return;
        }
        self.log_stuck();
        let retired = self.retired().clone();
        if retired.is_some_and(|retired| !retired.in_use().is_empty())
            || self.is_checking.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let (pool, generation) = (Arc::clone(self), Arc::clone(generation));
        // the thread ends by itself, within the connect timeout
        drop(spawn(move || {
            if pool.manager.open().is_ok() {
                pool.replace(generation);
            }
            pool.is_checking.store(false, Ordering::Release);
        }));
    }

    fn replace(&self, stuck: Arc<PoolGeneration>) {
        // the pool may have recovered in the meantime
        if stuck.older_than(self.stuck_after) == 0 {
            return;
        }
        let database = self.reachability().database();
        let connections = stuck.in_use().len();
        tracing::warn!(%database, connections, "replacing a pool whose connections are stuck");
        *self.retired() = Some(stuck);
        let next = PoolGeneration::new(self.limits, self.manager.clone());
        self.current.send_replace(Arc::new(next));
        self.close_retired();
    }

    /// Closes the connections of the retired pool when none of them is in use.
    fn close_retired(&self) {
        let mut retired = self.retired();
        let free = |retired: &Arc<PoolGeneration>| retired.in_use().is_empty();
        let closed = retired.take_if(|retired| free(retired));
        // closing takes time, and others wait for the lock
        drop(retired);
        drop(closed);
    }

    fn log_stuck(&self) {
        let current = self.current().older_than(self.stuck_after);
        let retired = self.retired().clone();
        let retired = retired.map_or(0, |retired| retired.older_than(self.stuck_after));
        measure::stuck(self.reachability().database(), current + retired);
    }

    fn retired(&self) -> MutexGuard<'_, Option<Arc<PoolGeneration>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolGeneration {
    fn new(limits: PoolLimits, manager: ConnectionManager) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(limits.max_size)
            .min_idle(Some(limits.min_idle.min(limits.max_size)))
            .idle_timeout(Some(limits.idle_timeout))
            .max_lifetime(Some(limits.max_lifetime))
            .connection_timeout(CHECKOUT_TIMEOUT)
            // the manager logs connection errors itself
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager);
        Self {
            pool,
            permits: Arc::new(Semaphore::new(limits.max_size as usize)),
            read_permits: Arc::new(Semaphore::new(limits.for_reads() as usize)),
            in_use: Mutex::default(),
        }
    }

    fn try_acquire(&self, kind: CallKind) -> Option<Permits> {
        let read = match kind {
            CallKind::Read => Some(Arc::clone(&self.read_permits).try_acquire_owned().ok()?),
            CallKind::Write => None,
        };
        Some(Permits {
            _read: read,
            _any: Arc::clone(&self.permits).try_acquire_owned().ok()?,
        })
    }

    /// Returns `None` only if a semaphore is closed.
    async fn acquire(&self, kind: CallKind) -> Option<Permits> {
        let read = match kind {
            CallKind::Read => Some(Arc::clone(&self.read_permits).acquire_owned().await.ok()?),
            CallKind::Write => None,
        };
        Some(Permits {
            _read: read,
            _any: Arc::clone(&self.permits).acquire_owned().await.ok()?,
        })
    }

    fn older_than(&self, age: Duration) -> usize {
        let old = |since: &&Instant| since.elapsed() > age;
        self.in_use().values().filter(old).count()
    }

    fn in_use(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.generation.in_use().remove(&self.number);
        if !Arc::ptr_eq(&self.generation, &self.pool.current.borrow()) {
            self.pool.close_retired();
        }
        if self.since.elapsed() > self.pool.stuck_after {
            self.pool.log_stuck();
        }
    }
}

/// Counts one more waiting call until it is dropped.
struct Waiting<'a>(&'a ReplaceablePool);

impl<'a> Waiting<'a> {
    fn begin(pool: &'a ReplaceablePool) -> Self {
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        measure::waiting(pool.reachability().database(), 1.0);
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        measure::waiting(self.0.reachability().database(), -1.0);
    }
}
