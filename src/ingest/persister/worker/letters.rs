//! Dead letters on their way to the disk.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::StoreWriter;
use crate::ingest::persister::failures::SpoolPart;
use crate::ingest::persister::spooler::{self, PATIENCE};
use crate::ingest::record::Record;
use crate::ingest::spool::{DeadLetter, DeadLetterReason, Spool, SpoolError, StoredLetters};
use crate::ingest::store::StoreReceipt;

/// Maximum number of dead letters that wait for the disk; the others are only in the log.
const MAX_LETTERS: usize = 10_000;

/// Pause after a failed write, unless another write comes first.
const RETRY: Duration = Duration::from_millis(250);

/// The time that the disk has for the last dead letters when the persister ends.
const GRACE: Duration = Duration::from_secs(1);

/// Dead letters that are not on the disk, oldest first.
pub(super) struct DeadLetters<R: Record> {
    waiting: Vec<DeadLetter<R>>,
    /// The number of them that are in the log, in full.
    logged: usize,
    /// The write that is in progress.
    writing: Option<Writing>,
    /// The time of the next attempt, unless other dead letters arrive before.
    retry_at: Option<Instant>,
}

type SettleResult = Result<StoredLetters, SpoolError>;

struct Writing {
    /// The number of waiting dead letters in this write.
    count: usize,
    /// Whether the disk exceeded its time limit.
    hangs: bool,
    answer: Pin<Box<dyn Future<Output = SettleResult> + Send>>,
}

impl<R: Record> Default for DeadLetters<R> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            logged: 0,
            writing: None,
            retry_at: None,
        }
    }
}

impl<R: Record> fmt::Debug for DeadLetters<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl<R: Record> DeadLetters<R> {
    /// Logs, once, the dead letters that the disk did not take, and drops those above the limit. Returns the
    /// number of dropped ones, which are only in the log.
    fn log_and_limit(&mut self) -> usize {
        self.waiting[self.logged..].iter().for_each(log);
        // those being written are the oldest
        let written = self.writing.as_ref().map_or(0, |writing| writing.count);
        let max_letters = MAX_LETTERS.max(written);
        let excess = self.waiting.len().saturating_sub(max_letters);
        self.waiting.truncate(max_letters);
        self.logged = self.waiting.len();
        excess
    }

    /// Drops the first `count`.
    fn forget(&mut self, count: usize) {
        self.waiting.drain(..count);
        self.logged = self.logged.saturating_sub(count);
    }
}

impl<R: Record> StoreWriter<R> {
    /// Removes stored records up to `number` from the spool, and adds dead letters of the receipt.
    pub(super) async fn remove_stored(
        &mut self,
        spool: &Spool<R>,
        receipt: StoreReceipt<R>,
        number: u64,
    ) {
        let now = self.shared.lock().clock.now();
        let letters = DeadLetter::of_receipt(receipt, now);
        self.dead_letters.waiting.extend(letters);
        if self.dead_letters.waiting.is_empty() {
            spool.remove_through(number);
            return;
        }
        if self.dead_letters.writing.is_none() {
            self.begin_writing(spool, number);
        }
        self.await_letters(spool, PATIENCE).await;
    }

    /// Writes waiting dead letters once more, as before the end.
    pub(super) async fn keep_last_letters(&mut self) {
        let Some(spool) = self.shared.spool.clone() else {
            return;
        };
        if self.dead_letters.waiting.is_empty() {
            return;
        }
        if self.dead_letters.writing.is_none() {
            let committed = self.shared.lock().committed;
            self.begin_writing(&spool, committed);
        }
        self.await_letters(&spool, GRACE).await;
    }

    /// Retries after a pause, even if no other dead letters arrive. Returns the time of the next attempt.
    pub(super) async fn retry_letters(&mut self) -> Option<Instant> {
        let at = self.dead_letters.retry_at?;
        if at <= Instant::now() {
            self.keep_last_letters().await;
        }
        self.dead_letters.retry_at
    }

    fn begin_writing(&mut self, spool: &Spool<R>, number: u64) {
        let letters = self.dead_letters.waiting.clone();
        let (spool, count) = (spool.clone(), letters.len());
        self.dead_letters.writing = Some(Writing {
            count,
            hangs: false,
            answer: Box::pin(
                async move { spool.remove_through_with_letters(number, letters).await },
            ),
        });
    }

    /// Waits for the disk, except if it exceeded its time limit before.
    async fn await_letters(&mut self, spool: &Spool<R>, patience: Duration) {
        let letters = &mut self.dead_letters;
        let Some(writing) = &mut letters.writing else {
            return;
        };
        let patience = if writing.hangs {
            Duration::ZERO
        } else {
            patience
        };
        let Ok(answer) = timeout(patience, &mut writing.answer).await else {
            writing.hangs = true;
            spooler::note_hanging(&self.shared, SpoolPart::DeadLetters, spool);
            self.log_letters();
            return;
        };
        let count = writing.count;
        letters.writing = None;
        letters.retry_at = None;
        match answer {
            Ok(kept) => {
                letters.forget(kept.letters);
                self.shared
                    .meters
                    .dead_letters
                    .increment(kept.letters as u64);
                if kept.letters == count {
                    self.shared
                        .lock()
                        .spool_failures
                        .end(SpoolPart::DeadLetters);
                    return;
                }
                let full = SpoolError::DeadLettersFull {
                    directory: spool.directory().to_owned(),
                };
                spooler::note_failure(&self.shared, SpoolPart::DeadLetters, &full);
                self.log_letters();
                if kept.is_full {
                    // no later write will have space for them
                    self.dead_letters.retry_at = None;
                    let left = count - kept.letters;
                    self.dead_letters.forget(left);
                    self.shared
                        .meters
                        .dead_letters_in_log
                        .increment(left as u64);
                }
            }
            Err(error) => {
                spooler::note_failure(&self.shared, SpoolPart::DeadLetters, &error);
                self.log_letters();
            }
        }
    }

    fn log_letters(&mut self) {
        self.dead_letters.retry_at = Some(Instant::now() + RETRY);
        let excess = self.dead_letters.log_and_limit();
        self.shared
            .meters
            .dead_letters_in_log
            .increment(excess as u64);
    }
}

fn log<R: Record>(letter: &DeadLetter<R>) {
    let reason: &dyn fmt::Debug = match &letter.reason {
        DeadLetterReason::Rejected(reason) => reason,
        DeadLetterReason::Conflict(stored) => stored,
    };
    tracing::error!(record = ?letter.record, ?reason, "a dead letter is not on the disk");
}
