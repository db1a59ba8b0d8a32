//! Writes the gaps of a feed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tickbook::domain::{FeedChannel, FeedGap, FeedGapKey};
use tickbook::ingest::feed::SentRecords;
use tickbook::{Backoff, Repositories};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::gap_signal::GapSignal;

/// The delays between attempts to write.
const RETRIES: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// Gaps by their keys.
pub(super) type Gaps = BTreeMap<FeedGapKey, FeedGap>;

/// A gap as it can be stored: without the records beside it if the venue gave one of them an impossible time. It must
/// not keep the others waiting.
fn storable(gap: &FeedGap) -> Option<FeedGap> {
    let Err(error) = gap.normalized() else {
        return Some(gap.clone());
    };
    let (feed, symbol_id, channel) = (&gap.feed, gap.symbol_id, gap.channel);
    tracing::error!(feed, %symbol_id, %channel, %error, "a record beside a gap is impossible");
    let bare = gap.clone().last(None).next(None);
    bare.normalized().is_ok().then_some(bare)
}

/// Gaps that wait to be written. There is at most one entry for each gap, however long the database is down.
///
/// A gap is written when the records beside it are durable. Otherwise a kill of the process could lose a record that
/// a stored gap names as its end, and the records after it, which no other gap would have.
#[derive(Debug, Default)]
pub(super) struct GapQueue {
    state: Mutex<State>,
    wake: Notify,
    /// The number of the last call of [`push`](Self::push) whose gaps are written.
    written: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Gaps,
    /// The records that have to be durable first.
    sent: SentRecords,
    pushed: u64,
}

impl GapQueue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds gaps, which are written when the records of `sent` are durable. Returns the number of the call.
    pub(super) fn push(&self, gaps: Gaps, sent: SentRecords) -> u64 {
        let mut state = self.lock();
        state.waiting.extend(gaps);
        state.sent = sent;
        state.pushed += 1;
        self.wake.notify_one();
        state.pushed
    }

    /// Notes that gaps are written, unless newer states of them wait.
    fn remove(&self, gaps: &Gaps) {
        let mut state = self.lock();
        state.waiting.retain(|key, gap| gaps.get(key) != Some(gap));
    }

    /// Whether the gaps of all calls are written.
    pub(super) fn is_written(&self) -> bool {
        let pushed = self.lock().pushed;
        *self.written.borrow() >= pushed
    }

    /// Writes the gaps that wait.
    pub(super) async fn finish(&self, feed: &str, repositories: &Repositories, signal: &GapSignal) {
        let pushed = self.lock().pushed;
        if !self.is_written() {
            tokio::select! {
                () = self.write(feed, repositories, signal) => {}
                () = self.written(pushed) => {}
            }
        }
    }

    /// Waits until the gaps of a call are written.
    pub(super) async fn written(&self, number: u64) {
        let mut written = self.written.subscribe();
        // the sender is a part of this
        let _ = written.wait_for(|written| *written >= number).await;
    }

    /// Writes gaps for as long as the future is polled. It may be dropped at any time.
    pub(super) async fn write(&self, feed: &str, repositories: &Repositories, signal: &GapSignal) {
        let mut delays = RETRIES.delays();
        loop {
            let (gaps, sent, number) = {
                let state = self.lock();
                (state.waiting.clone(), state.sent.clone(), state.pushed)
            };
            if gaps.is_empty() {
                self.written.send_replace(number);
                self.wake.notified().await;
                continue;
            }
            if sent.durable().await.is_err() {
                // the next run finds these gaps: see `prepare`
                tracing::warn!(
                    feed,
                    "gaps of the feed are not stored: their records are not"
                );
                return std::future::pending().await;
            }
            let batch: Vec<_> = gaps.values().filter_map(storable).collect();
            match repositories.feeds.put_gaps(&batch).await {
                Ok(_) => {
                    delays.reset();
                    self.remove(&gaps);
                    self.written.send_replace(number);
                    let is_ready =
                        |gap: &FeedGap| gap.channel == FeedChannel::Trades && gap.next.is_some();
                    if batch.iter().any(is_ready) {
                        signal.send();
                    }
                }
                Err(error) => {
                    tracing::warn!(feed, %error, "gaps of the feed are not stored yet");
                    sleep(delays.next_delay()).await;
                }
            }
        }
    }
}
