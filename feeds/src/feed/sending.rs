//! Sends what a transport reports to the output of a feed.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use tickbook::Clock;
use tickbook::ingest::feed::{FeedError, FeedOutput};
use tickbook::metrics::FEED_SESSION_EVENTS;
use tokio::time::{Instant, timeout_at};

use super::gap_queue::{GapQueue, Gaps};
use super::gaps::GapTracker;
use super::listing::ListCollector;
use super::message_log::MessageRecorder;
use super::monitor::VenueMonitor;
use super::records::{Record, Records, send};
use crate::event::FeedEvent;
use crate::transport::{Receiver, TransportEvent};

/// How long the records after a loss wait until its gap is stored.
const HOLD: Duration = Duration::from_secs(5);

/// Gaps that changed with an event.
#[derive(Debug)]
struct ChangedGaps {
    gaps: Gaps,
    /// The number of records up to and including those of the event.
    position: u64,
    /// Whether a gap began.
    has_begun: bool,
}

/// Sends records to the output of a feed.
pub(super) struct Sending<'o> {
    pub(super) feed: &'o str,
    pub(super) records: Records,
    pub(super) output: &'o mut FeedOutput,
    pub(super) monitor: &'o VenueMonitor,
    pub(super) gaps: GapTracker,
    pub(super) gap_queue: Option<&'o GapQueue>,
    pub(super) recorder: Option<&'o mut MessageRecorder>,
    pub(super) lists: &'o mut ListCollector,
    pub(super) clock: &'o Clock,
    pub(super) progress: Progress,
    pub(super) failure: Option<FeedError>,
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The records of the latest messages.
    waiting: VecDeque<Record>,
    /// The gaps that changed with them.
    changed: VecDeque<ChangedGaps>,
    /// The number of records that were sent.
    sent: u64,
    /// The number of gaps that began.
    begun: u64,
    /// The gap that the next record waits for: its number in the queue, and until when.
    awaited: Option<(u64, Instant)>,
    /// A gap was not stored in time.
    is_late: bool,
}

impl Progress {
    /// Nothing was sent, and the gaps of the start have the number `start` in the queue.
    pub(super) fn new(gaps: &GapTracker, start: u64) -> Self {
        let (begun, _) = gaps.counts();
        Self {
            begun,
            awaited: Some((start, Instant::now() + HOLD)),
            ..Self::default()
        }
    }

    /// The next gaps whose records are sent.
    fn due(&mut self) -> Option<ChangedGaps> {
        let sent = self.sent;
        let is_due = self.changed.front().is_some_and(|it| it.position <= sent);
        is_due.then(|| self.changed.pop_front()).flatten()
    }
}

impl Sending<'_> {
    fn log(&self, event: &TransportEvent<'_>) {
        let feed = self.feed;
        match event {
            TransportEvent::Opened { address, .. } => tracing::info!(feed, address, "connected"),
            TransportEvent::Renewed { address, .. } => {
                tracing::info!(feed, address, "another connection has replaced the old one");
            }
            TransportEvent::Refused(error) => {
                tracing::warn!(feed, %error, "a message was not applied");
            }
            TransportEvent::SnapshotFailed { symbol, error } => {
                tracing::warn!(feed, symbol, %error, "the snapshot of a book cannot be fetched");
            }
            TransportEvent::Ended(end) => tracing::warn!(feed, %end, "the connection ended"),
            TransportEvent::ConnectFailed { address, error } => {
                tracing::warn!(
                    feed, address, %error,
                    "the venue cannot be reached: check that the network allows connections to this host"
                );
            }
            TransportEvent::Feed(FeedEvent::Counted(event)) => {
                let feed = feed.to_owned();
                metrics::counter!(FEED_SESSION_EVENTS, "feed" => feed, "event" => *event)
                    .increment(1);
            }
            TransportEvent::Feed(FeedEvent::MessagesLost(lost)) => {
                tracing::warn!(
                    feed,
                    count = lost.count,
                    reason = lost.detail,
                    "messages were lost"
                );
            }
            TransportEvent::Feed(FeedEvent::BookStale(stale)) => {
                let (symbol, reason, detail) = (stale.symbol, stale.reason, stale.detail);
                tracing::debug!(feed, symbol, %reason, detail, "a book is stale");
            }
            _ => {}
        }
    }

    /// Gives gaps to the queue, after the records up to them were sent. If one has begun, the records after it wait
    /// until it is stored: a kill must not find them stored without it. They do not wait for a database that has
    /// failed to store a gap in time.
    fn pass(&mut self, changed: ChangedGaps) {
        let Some(queue) = self.gap_queue else {
            return;
        };
        let progress = &mut self.progress;
        progress.is_late &= !queue.is_written();
        let number = queue.push(changed.gaps, self.output.sent());
        if changed.has_begun && !progress.is_late {
            progress.awaited = Some((number, Instant::now() + HOLD));
        }
    }

    /// Waits for the gap before the next record.
    async fn wait_for_gap(&mut self) {
        if let Some((number, until)) = self.progress.awaited.take()
            && let Some(queue) = self.gap_queue
        {
            let stored = timeout_at(until, queue.written(number)).await;
            self.progress.is_late = stored.is_err();
        }
    }
}

impl Receiver for Sending<'_> {
    fn event(&mut self, event: TransportEvent<'_>) {
        self.log(&event);
        if let Some(recorder) = &mut self.recorder {
            recorder.observe(&event);
        }
        self.lists.observe(&event);
        let now = self.clock.now();
        self.monitor.observe(&event, now);
        let progress = &mut self.progress;
        self.records.add(&event, now, &mut progress.waiting);
        self.gaps.observe(&event, now);
        let gaps = self.gaps.take_changed();
        if !gaps.is_empty() {
            let counts = self.gaps.counts();
            self.monitor.set_gaps(counts);
            let (begun, _) = counts;
            progress.changed.push_back(ChangedGaps {
                gaps,
                position: progress.sent + progress.waiting.len() as u64,
                has_begun: begun > progress.begun,
            });
            progress.begun = begun;
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        loop {
            if let Some(changed) = self.progress.due() {
                self.pass(changed);
                continue;
            }
            let Some(record) = self.progress.waiting.pop_front() else {
                return ControlFlow::Continue(());
            };
            self.wait_for_gap().await;
            if let Err(error) = send(self.output, record).await {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
            self.progress.sent += 1;
        }
    }
}
