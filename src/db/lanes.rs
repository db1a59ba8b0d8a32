//! Who may use a connection when: first come, first served, and no more threads than connections.

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
use super::contact::Contact;
use super::measure;

/// How long r2d2 may try to open a connection for one call. Its pause between attempts grows up to
/// half of this, so that a short time makes for a quick recovery.
pub(super) const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a call waits before it looks whether the database refuses the settings, which no
/// further waiting changes.
const LOOK_FOR_REFUSAL: Duration = Duration::from_millis(250);

/// How often a call that waits looks whether those in front of it are stuck.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a call is, which decides how many of the connections it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// One of those that others must not keep waiting: any connection.
    Write,
    /// A read: any but those that are kept for writes.
    Read,
}

/// A pool, and a permit for each of its connections.
pub(super) struct Generation {
    pub(super) pool: r2d2::Pool<ConnectionManager>,
    permits: Arc<Semaphore>,
    /// Taken by reads before one of the others is.
    read_permits: Arc<Semaphore>,
    running: Mutex<BTreeMap<u64, Instant>>,
}

impl Generation {
    /// A connection within `patience`, or why there is none.
    pub(super) fn checkout(
        &self,
        contact: &Contact,
        patience: Duration,
    ) -> Result<r2d2::PooledConnection<ConnectionManager>, RepositoryError> {
        let begun = Instant::now();
        let first = self.pool.get_timeout(patience.min(LOOK_FOR_REFUSAL));
        first.or_else(|_| {
            if let Some(error) = contact.refused() {
                return Err(error.into());
            }
            self.pool
                .get_timeout(patience.saturating_sub(begun.elapsed()))
                .map_err(|_| contact.no_connection())
        })
    }
}

/// How many connections there are, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) most: u32,
    /// How many of them reads leave to writes; at most half.
    pub(super) kept_for_writes: u32,
    /// How many are opened before they are needed; at most all.
    pub(super) min_idle: u32,
    pub(super) idle_timeout: Duration,
    pub(super) max_lifetime: Duration,
}

impl PoolLimits {
    fn for_reads(self) -> u32 {
        self.most - self.kept_for_writes.min(self.most / 2)
    }
}

/// The pool of one database, which is replaced when calls are stuck in it.
///
/// A thread that waits for a server which was stopped, or for one behind a network that keeps the
/// connection up, cannot be ended. Where all are lost so, a new pool takes over as soon as the
/// server answers; it is not replaced again before the old one has got its threads back, so that
/// there are never more than twice as many as connections.
pub(super) struct Lanes {
    limits: PoolLimits,
    stuck_after: Duration,
    manager: ConnectionManager,
    current: watch::Sender<Arc<Generation>>,
    retired: Mutex<Option<Arc<Generation>>>,
    looking: AtomicBool,
    waiting: AtomicUsize,
    numbers: AtomicU64,
}

/// The right to use a connection, and the note that someone does.
pub(super) struct Running {
    pub(super) generation: Arc<Generation>,
    lanes: Arc<Lanes>,
    number: u64,
    since: Instant,
    _permits: Permits,
}

/// One of the connections, and for a read one of its share.
struct Permits {
    _read: Option<OwnedSemaphorePermit>,
    _any: OwnedSemaphorePermit,
}

impl Lanes {
    pub(super) fn new(
        limits: PoolLimits,
        stuck_after: Duration,
        manager: ConnectionManager,
    ) -> Arc<Self> {
        let first = Generation::new(limits, manager.clone());
        Arc::new(Self {
            limits,
            stuck_after,
            manager,
            current: watch::Sender::new(Arc::new(first)),
            retired: Mutex::default(),
            looking: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
        })
    }

    pub(super) fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.borrow())
    }

    /// What is known of the way to the database.
    pub(super) fn contact(&self) -> &Arc<Contact> {
        self.manager.contact()
    }

    /// Waits for the right to use a connection.
    ///
    /// # Errors
    /// `Unavailable` at the deadline.
    pub(super) async fn enter(
        self: &Arc<Self>,
        of: Use,
        deadline: tokio::time::Instant,
    ) -> Result<Running, RepositoryError> {
        let generation = self.current();
        // fails while others wait
        if let Some(permits) = generation.try_acquire(of) {
            return Ok(self.run(generation, permits));
        }
        let _waiting = Waiting::begin(self);
        let begun = Instant::now();
        let mut replaced = self.current.subscribe();
        loop {
            let generation = Arc::clone(&replaced.borrow_and_update());
            let mut permits = pin!(generation.acquire(of));
            loop {
                self.look_for_stuck(&generation);
                tokio::select! {
                    biased;
                    // the semaphores are never closed
                    Some(permits) = &mut permits => {
                        measure::waited(self.contact().database(), begun.elapsed());
                        return Ok(self.run(Arc::clone(&generation), permits));
                    }
                    Ok(()) = replaced.changed() => break,
                    () = sleep_until(deadline) => return Err(self.busy(of, &generation, begun)),
                    () = sleep(LOOK_EVERY.min(self.stuck_after)) => {}
                }
            }
        }
    }

    fn run(self: &Arc<Self>, generation: Arc<Generation>, permits: Permits) -> Running {
        let (number, since) = (self.numbers.fetch_add(1, Ordering::Relaxed), Instant::now());
        generation.running().insert(number, since);
        Running {
            generation,
            lanes: Arc::clone(self),
            number,
            since,
            _permits: permits,
        }
    }

    fn busy(&self, of: Use, generation: &Generation, begun: Instant) -> RepositoryError {
        let most = self.limits.most;
        let share = match of {
            Use::Read if self.limits.for_reads() < most => {
                format!(
                    "all {} of {most} connections that reads may have",
                    self.limits.for_reads()
                )
            }
            Use::Read | Use::Write => format!("all {most} connections of the pool"),
        };
        RepositoryError::Unavailable {
            database: self.contact().database(),
            reason: format!(
                "{share} are busy: waited {:.1} s, {} in use, {} others waiting",
                begun.elapsed().as_secs_f32(),
                generation.running().len(),
                self.waiting.load(Ordering::Relaxed).saturating_sub(1)
            ),
        }
    }

    /// Has a fresh connection tried, and the pool replaced if that works, when a call is stuck.
    fn look_for_stuck(self: &Arc<Self>, generation: &Arc<Generation>) {
        if generation.older_than(self.stuck_after) == 0 {
            return;
        }
        self.tell_stuck();
        let retired = self.retired().clone();
        if retired.is_some_and(|retired| !retired.running().is_empty())
            || self.looking.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let (lanes, generation) = (Arc::clone(self), Arc::clone(generation));
        // ends by itself, within the connect timeout
        drop(spawn(move || {
            if lanes.manager.open().is_ok() {
                lanes.replace(generation);
            }
            lanes.looking.store(false, Ordering::Release);
        }));
    }

    fn replace(&self, stuck: Arc<Generation>) {
        // it may have come to life again in the meantime
        if stuck.older_than(self.stuck_after) == 0 {
            return;
        }
        let database = self.contact().database();
        let connections = stuck.running().len();
        tracing::warn!(%database, connections, "replacing a pool whose connections are stuck");
        *self.retired() = Some(stuck);
        let next = Generation::new(self.limits, self.manager.clone());
        self.current.send_replace(Arc::new(next));
        self.close_retired();
    }

    /// Closes the connections of the retired pool when none is in use any more.
    fn close_retired(&self) {
        let mut retired = self.retired();
        let free = |retired: &Arc<Generation>| retired.running().is_empty();
        let closed = retired.take_if(|retired| free(retired));
        // closing takes time, and others wait for the lock
        drop(retired);
        drop(closed);
    }

    fn tell_stuck(&self) {
        let current = self.current().older_than(self.stuck_after);
        let retired = self.retired().clone();
        let retired = retired.map_or(0, |retired| retired.older_than(self.stuck_after));
        measure::stuck(self.contact().database(), current + retired);
    }

    fn retired(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    fn new(limits: PoolLimits, manager: ConnectionManager) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(limits.most)
            .min_idle(Some(limits.min_idle.min(limits.most)))
            .idle_timeout(Some(limits.idle_timeout))
            .max_lifetime(Some(limits.max_lifetime))
            .connection_timeout(CHECKOUT_TIMEOUT)
            // the manager logs what is worth it
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager);
        Self {
            pool,
            permits: Arc::new(Semaphore::new(limits.most as usize)),
            read_permits: Arc::new(Semaphore::new(limits.for_reads() as usize)),
            running: Mutex::default(),
        }
    }

    fn try_acquire(&self, of: Use) -> Option<Permits> {
        let read = match of {
            Use::Read => Some(Arc::clone(&self.read_permits).try_acquire_owned().ok()?),
            Use::Write => None,
        };
        Some(Permits {
            _read: read,
            _any: Arc::clone(&self.permits).try_acquire_owned().ok()?,
        })
    }

    /// `None` is what a closed semaphore gives.
    async fn acquire(&self, of: Use) -> Option<Permits> {
        let read = match of {
            Use::Read => Some(Arc::clone(&self.read_permits).acquire_owned().await.ok()?),
            Use::Write => None,
        };
        Some(Permits {
            _read: read,
            _any: Arc::clone(&self.permits).acquire_owned().await.ok()?,
        })
    }

    fn older_than(&self, age: Duration) -> usize {
        let old = |since: &&Instant| since.elapsed() > age;
        self.running().values().filter(old).count()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.generation.running().remove(&self.number);
        if !Arc::ptr_eq(&self.generation, &self.lanes.current.borrow()) {
            self.lanes.close_retired();
        }
        if self.since.elapsed() > self.lanes.stuck_after {
            self.lanes.tell_stuck();
        }
    }
}

/// One more call waits until this is dropped.
struct Waiting<'a>(&'a Lanes);

impl<'a> Waiting<'a> {
    fn begin(lanes: &'a Lanes) -> Self {
        lanes.waiting.fetch_add(1, Ordering::Relaxed);
        measure::waiting(lanes.contact().database(), 1.0);
        Self(lanes)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        measure::waiting(self.0.contact().database(), -1.0);
    }
}
