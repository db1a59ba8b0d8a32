//! The task that brings ticks to the disk. All that come while the disk is busy share its next
//! write.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep_until};

use super::health::Failure;
use super::shared::Shared;
use super::state::Step;
use crate::ingest::spool::{Spool, SpoolBatch, SpoolError};

/// Pause after a write of the spool that failed.
const RETRY: Duration = Duration::from_millis(250);

/// Works until the writer has ended and everything is on the disk, or cannot be.
pub(super) async fn run(shared: Arc<Shared>, spool: Spool) {
    let mut retry_at = None;
    loop {
        let step = shared.lock().spooler_step(retry_at);
        let new = match step {
            Step::Do(new) => new,
            Step::Wait(at) => {
                wait(&shared, at).await;
                continue;
            }
            Step::End => return,
        };
        if new > 0 && retry_at.is_some_and(|at| at > Instant::now()) {
            // the disk has just failed: these wait in memory for both
            shared.lock().not_spooled(new);
            shared.to_writer.notify_one();
            continue;
        }
        let (batches, is_last_try) = {
            let state = shared.lock();
            let batches: Vec<SpoolBatch> = state
                .unspooled
                .iter()
                .map(|batch| batch.for_spool())
                .collect();
            (batches, state.writer_done)
        };
        let last = batches.last().map_or(0, |batch| batch.number);
        match spool.append(batches).await {
            Ok(()) => {
                retry_at = None;
                let freed = shared.lock().spooled(new);
                shared.free_places(freed);
                shared.advance_durable(last);
            }
            Err(error) => {
                retry_at = Some(Instant::now() + RETRY);
                note_failure(&shared, &error);
                shared.lock().not_spooled(new);
                shared.set_saturated(true);
                if is_last_try {
                    return;
                }
            }
        }
        shared.to_writer.notify_one();
    }
}

/// Waits for news, or for a time.
async fn wait(shared: &Shared, at: Option<Instant>) {
    let timer = async {
        match at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shared.to_spooler.notified() => {}
        () = timer => {}
    }
}

/// Tells of a failure of the spool once for as long as it lasts.
pub(super) fn note_failure(shared: &Shared, error: &SpoolError) {
    let mut state = shared.lock();
    let since = match &state.spool_failure {
        Some(failure) => failure.since,
        None => {
            tracing::error!(%error, "ticks are not on the disk: they wait in memory for the database");
            Utc::now()
        }
    };
    state.spool_failure = Some(Failure {
        since,
        reason: error.to_string(),
        needs_repair: false,
    });
}
