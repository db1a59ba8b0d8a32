//! The loop of a relay.

use std::time::Duration;

use tickbook::RepositoryError;
use tokio::time::{Instant, sleep, timeout};

use super::{Relay, metrics};

/// What a relay knows between two rounds.
struct State {
    /// Whether cursors and journals have to be compared.
    needs_reconciling: bool,
    /// When the backlog is measured next.
    measure_at: Instant,
}

impl Relay {
    /// Copies events until `stop` completes. Call it once for each relay.
    ///
    /// A failure is logged and counted, and the round is repeated after a delay. A running call of a repository is
    /// dropped when `stop` completes; the next start repeats it.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.repeat() => {}
        }
    }

    async fn repeat(&self) {
        metrics::initialize();
        let mut delays = self.config.backoff.delays();
        let mut state = State {
            needs_reconciling: true,
            measure_at: Instant::now(),
        };
        loop {
            match self.step(&mut state).await {
                Ok(is_idle) => {
                    delays.reset();
                    if is_idle {
                        self.wait().await;
                    }
                }
                Err(error) => {
                    let delay = delays.next_delay();
                    report(&error, delay);
                    state.needs_reconciling = true;
                    // the ages still grow, and show the failure
                    state.measure_at = Instant::now();
                    sleep(delay).await;
                }
            }
        }
    }

    /// One round. Returns whether nothing could be read.
    async fn step(&self, state: &mut State) -> Result<bool, RepositoryError> {
        if Instant::now() >= state.measure_at {
            let backlog = self.repositories.outbox.backlog().await?;
            metrics::set_backlog(backlog, self.clock.now());
            state.measure_at = Instant::now() + self.config.measure_interval;
        }
        if state.needs_reconciling {
            let found = self.reconcile().await?;
            state.needs_reconciling = false;
            if found.copied.inserted > 0 {
                let events = found.copied.inserted;
                tracing::info!(
                    events,
                    "copied events that were missing in the order history"
                );
            }
        }
        let round = self.round().await?;
        Ok(round.entries == 0)
    }

    /// Waits for the next poll, or until the relay is woken.
    async fn wait(&self) {
        // a wake-up during the last round is remembered
        let woken = self.wakeup.0.notified();
        let _ = timeout(self.config.poll_interval, woken).await;
    }
}

fn report(error: &RepositoryError, delay: Duration) {
    metrics::count_failure(error);
    tracing::warn!(%error, ?delay, "order events were not copied, and are tried again");
}
