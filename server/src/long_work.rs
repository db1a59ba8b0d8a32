//! Separate runtimes for requests that take long, and for WebSocket clients.
//!
//! If long and short requests share threads, a short request waits at each of its steps for one step of every
//! other request. With separate runtimes the operating system divides the processors between the threads,
//! and prefers the threads of short requests and of WebSocket clients, which expect each tick at once.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

/// Nice value added to the threads of this runtime. If processors are short, other threads of the process get
/// three times as much time, and are scheduled immediately.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// A runtime for long requests, and one for WebSocket clients. Clones share them.
#[derive(Clone, Default)]
pub struct LongWork(Option<Arc<Runtimes>>);

struct Runtimes {
    long: Threads,
    clients: Threads,
}

struct Threads {
    handle: Handle,
    /// `None` after the shutdown.
    runtime: Mutex<Option<Runtime>>,
}

impl LongWork {
    /// Starts as many threads of each runtime as there are processors.
    ///
    /// # Errors
    /// The system cannot create the threads.
    pub fn start() -> io::Result<Self> {
        Ok(Self(Some(Arc::new(Runtimes {
            long: Threads::start("long-work", become_nicer)?,
            clients: Threads::start("websocket", || {})?,
        }))))
    }

    /// Uses the runtime of the caller instead of separate threads.
    #[must_use]
    pub fn beside_other_work() -> Self {
        Self::default()
    }

    /// Runs `work` on the runtime for long requests. If the caller is cancelled, the work is cancelled as well.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let Some(runtimes) = &self.0 else {
            return work.await;
        };
        match AbortOnDropHandle::new(runtimes.long.handle.spawn(work.in_current_span())).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // the process is ending: wait until the caller is dropped with its own runtime
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Serves a WebSocket client on the runtime for clients.
    pub(crate) fn serve(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work = work.in_current_span();
        match &self.0 {
            Some(runtimes) => runtimes.clients.handle.spawn(work),
            None => tokio::spawn(work),
        };
    }

    /// Runs long work on the runtime for it, and short work on the runtime of the caller.
    pub(crate) async fn run_if<T: Send + 'static>(
        &self,
        is_long: bool,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        if is_long {
            self.run(work).await
        } else {
            work.await
        }
    }

    /// Aborts all remaining work; waits at most `patience` for calls that block a thread.
    pub fn end(&self, patience: Duration) {
        let Some(runtimes) = &self.0 else {
            return;
        };
        for threads in [&runtimes.clients, &runtimes.long] {
            if let Some(runtime) = threads.take() {
                runtime.shutdown_timeout(patience);
            }
        }
    }
}

impl Threads {
    fn start(name: &str, begin: fn()) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name(name)
            .on_thread_start(begin)
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
        })
    }

    fn take(&self) -> Option<Runtime> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.take()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // the last clone may be dropped in a context that must not block
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for LongWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LongWork").field(&self.0.is_some()).finish()
    }
}

/// On Linux each thread has its own priority.
#[cfg(target_os = "linux")]
fn become_nicer() {
    use rustix::process::{getpriority_process, setpriority_process};

    let thread = Some(rustix::thread::gettid());
    let before = getpriority_process(thread);
    if let Err(error) = before.and_then(|before| setpriority_process(thread, before + NICER)) {
        tracing::debug!(%error, "cannot lower the priority of a thread for long work");
    }
}

#[cfg(not(target_os = "linux"))]
fn become_nicer() {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn long_work_keeps_no_other_work_waiting() {
        let long_work = LongWork::start().expect("threads");
        let (resume, resumed) = mpsc::channel::<()>();
        let long = long_work.run(async move {
            let resumed = resumed.recv_timeout(Duration::from_secs(30));
            resumed.expect("others have their turn on the one thread of this test");
        });
        let ((), sent) = tokio::join!(long, async { resume.send(()) });
        sent.expect("it waits");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn threads_for_long_work_are_nicer() {
        let priority = || {
            let thread = Some(rustix::thread::gettid());
            rustix::process::getpriority_process(thread).expect("a priority")
        };
        let long_work = LongWork::start().expect("threads");
        let nice = long_work.run(async move { priority() }).await;
        assert_eq!(nice, (priority() + NICER).min(19));
    }

    #[tokio::test]
    async fn long_work_ends_with_its_caller() {
        let long_work = LongWork::start().expect("threads");
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let work = long_work.run(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        let given_up = tokio::time::timeout(Duration::from_millis(20), work).await;
        assert!(given_up.is_err());
        let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
        assert!(ended.expect("in time").is_err(), "it was dropped");
    }

    #[tokio::test]
    async fn panics_of_long_work_reach_the_caller() {
        let long_work = LongWork::start().expect("threads");
        let working = tokio::spawn(async move {
            long_work.run(async { panic!("for the test") }).await;
        });
        assert!(working.await.is_err_and(|error| error.is_panic()));
    }
}
