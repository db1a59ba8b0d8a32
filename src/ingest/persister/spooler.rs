//! The task that writes records to the disk. Records that arrive while the disk is busy share its next write.
//! A disk that fails or hangs does not delay writes to the database.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::batch::NextStep;
use super::failures::SpoolPart;
use super::shared::Shared;
use crate::ingest::record::Record;
use crate::ingest::spool::{Spool, SpoolBatch, SpoolError};

/// Pause after a failed write of the spool.
const RETRY: Duration = Duration::from_millis(250);

/// The time after which a disk counts as hanging. Slow disks respond earlier.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until the writer has ended and everything is on the disk, or cannot be written to it.
pub(super) async fn run<R: Record>(shared: Arc<Shared<R>>, spool: Spool<R>) {
    let mut retry_at = None;
    loop {
        let step = shared.lock().spooler_step(retry_at, false);
        let new = match step {
            NextStep::Do(new) => new,
            NextStep::Wait(at) => {
                wait(&shared, at).await;
                continue;
            }
            NextStep::End => return,
        };
        if new > 0 && retry_at.is_some_and(|at| at > Instant::now()) {
            // the disk has just failed
            leave_in_memory(&shared, new);
            continue;
        }
        let is_last_try = shared.lock().writer_done;
        match append(&shared, &spool, new).await {
            Appended::Done => retry_at = None,
            Appended::Failed if is_last_try => return,
            Appended::Failed => retry_at = Some(Instant::now() + RETRY),
            Appended::NoLongerNeeded => return,
        }
        shared.to_writer.notify_one();
    }
}

enum Appended {
    Done,
    Failed,
    /// The database has everything, and no more records will arrive.
    NoLongerNeeded,
}

/// Writes all batches of `unspooled` to the disk. The last `new` batches are in no other place.
async fn append<R: Record>(shared: &Shared<R>, spool: &Spool<R>, mut new: usize) -> Appended {
    let batches: Vec<SpoolBatch<R>> = {
        let state = shared.lock();
        let unspooled = state.unspooled.iter();
        let now = state.clock.now();
        unspooled.map(|batch| batch.for_spool(now)).collect()
    };
    let through = batches.last().map_or(0, |batch| batch.number);
    let mut appending = pin!(spool.append(batches));
    let done = match timeout(PATIENCE, &mut appending).await {
        Ok(done) => done,
        Err(_) => {
            note_hanging(shared, SpoolPart::Append, spool);
            leave_in_memory(shared, new);
            new = 0;
            // records that arrive meanwhile wait in memory as well
            loop {
                let step = shared.lock().spooler_step(None, true);
                let at = match step {
                    NextStep::Do(count) => {
                        leave_in_memory(shared, count);
                        continue;
                    }
                    NextStep::Wait(at) => at,
                    NextStep::End => return Appended::NoLongerNeeded,
                };
                tokio::select! {
                    biased;
                    done = &mut appending => break done,
                    () = wait(shared, at) => {}
                }
            }
        }
    };
    match done {
        Ok(()) => {
            let freed = shared.lock().spooled(through, new);
            shared.release_queue_permits(freed);
            shared.advance_durable(through);
            Appended::Done
        }
        Err(error) => {
            note_failure(shared, SpoolPart::Append, &error);
            leave_in_memory(shared, new);
            Appended::Failed
        }
    }
}

/// Leaves the last `new` batches in memory, where they wait for the disk and the database.
fn leave_in_memory<R: Record>(shared: &Shared<R>, new: usize) {
    shared.lock().not_spooled(new);
    shared.set_saturated(true);
    shared.to_writer.notify_one();
}

/// Waits for a notification, or until a time.
async fn wait<R: Record>(shared: &Shared<R>, at: Option<Instant>) {
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

/// Notes that the disk has not responded for [`PATIENCE`].
pub(super) fn note_hanging<R: Record>(shared: &Shared<R>, part: SpoolPart, spool: &Spool<R>) {
    let error = SpoolError::Hanging {
        directory: spool.directory().to_owned(),
        patience: PATIENCE,
    };
    note_failure(shared, part, &error);
}

/// Notes a failure of the spool, and logs it once while it lasts.
pub(super) fn note_failure<R: Record>(shared: &Shared<R>, part: SpoolPart, error: &SpoolError) {
    let is_first = {
        let mut state = shared.lock();
        let now = state.clock.now();
        state.spool_failures.note(part, error.to_string(), now)
    };
    if !is_first {
        return;
    }
    match part {
        SpoolPart::Append => {
            tracing::error!(
                %error,
                "{} are not on the disk: they wait in memory for the database",
                R::NAMES
            );
        }
        SpoolPart::Read => {
            tracing::error!(
                %error,
                "{} of the spool cannot be read: they wait on the disk",
                R::NAMES
            );
        }
        SpoolPart::DeadLetters => {
            tracing::error!(%error, "dead letters are not on the disk: the log has them");
        }
    }
}
