//! Records the messages of venues.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{FeedMessage, FeedMessageKey, MessageKind, truncate_to_micros};
use tickbook::repository::FeedRepository;
use tickbook::{Backoff, Clock};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::transport::TransportEvent;

/// The largest size of messages that wait, in bytes.
const MAX_WAITING: usize = 64 << 20;

/// The largest number of messages in one call, and the size from which on a call has no further one.
const BATCH: usize = 1_000;
const BATCH_BYTES: usize = 8 << 20;

/// How long messages wait for others.
const LINGER: Duration = Duration::from_millis(200);

/// The interval at which old messages are dropped.
const DROP_EVERY: Duration = Duration::from_secs(600);

/// Messages that wait to be written.
#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<FeedMessage>,
    bytes: usize,
    /// Messages that found no space.
    dropped: u64,
    written: u64,
    /// Whether no further messages come.
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, message: FeedMessage) {
        let mut queue = self.lock();
        let size = message.payload.len();
        if queue.is_closed || queue.bytes + size > MAX_WAITING {
            queue.dropped += 1;
            if queue.dropped.is_power_of_two() {
                let (source, dropped) = (&message.source, queue.dropped);
                tracing::warn!(source, dropped, "messages are not recorded: too many wait");
            }
            return;
        }
        queue.bytes += size;
        queue.messages.push_back(message);
        drop(queue);
        self.wake.notify_one();
    }

    /// The next messages to write, which stay in the queue.
    fn batch(&self) -> Vec<FeedMessage> {
        let queue = self.lock();
        let mut bytes = 0;
        let fits = |message: &&FeedMessage| {
            let is_first_or_small = bytes < BATCH_BYTES;
            bytes += message.payload.len();
            is_first_or_small
        };
        let messages = queue.messages.iter().take(BATCH);
        messages.take_while(fits).cloned().collect()
    }

    /// Removes the first messages, which are written or can never be.
    fn remove(&self, count: usize, written: u64) {
        let mut queue = self.lock();
        for message in queue.messages.drain(..count).collect::<Vec<_>>() {
            queue.bytes -= message.payload.len();
        }
        queue.written += written;
    }
}

/// The result of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedMessages {
    /// Messages that were stored.
    pub stored: u64,
    /// Messages that were not stored, since too many waited or the time for the end was over.
    pub lost: u64,
}

/// Writes the messages of feeds to a repository, and drops those that are older than a time. A feed never waits for
/// it: if more than 64 MiB wait, further messages are not recorded.
#[derive(Debug)]
pub struct MessageLog {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl MessageLog {
    /// Starts to write. Messages that are older than `keep` by `clock` are dropped, of all sources; `None` keeps
    /// all.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn start(feeds: Arc<dyn FeedRepository>, keep: Option<TimeDelta>, clock: Clock) -> Self {
        let shared = Arc::new(Shared::default());
        let writing = write(Arc::clone(&shared), feeds, keep, clock);
        Self {
            shared,
            task: tokio::spawn(writing),
        }
    }

    /// The recorder of a feed.
    #[must_use]
    pub fn source(&self, feed: impl Into<String>) -> MessageRecorder {
        MessageRecorder {
            shared: Arc::clone(&self.shared),
            source: feed.into(),
            last: None,
        }
    }

    /// Waits at most `patience` until everything is stored.
    pub async fn finish(mut self, patience: Duration) -> RecordedMessages {
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_one();
        if timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
        }
        let queue = self.shared.lock();
        RecordedMessages {
            stored: queue.written,
            lost: queue.dropped + queue.messages.len() as u64,
        }
    }
}

async fn write(
    shared: Arc<Shared>,
    feeds: Arc<dyn FeedRepository>,
    keep: Option<TimeDelta>,
    clock: Clock,
) {
    let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut delays = backoff.delays();
    let mut drop_at = Instant::now();
    loop {
        if let Some(keep) = keep.filter(|_| Instant::now() >= drop_at) {
            drop_at = Instant::now() + DROP_EVERY;
            if let Err(error) = feeds.drop_messages(clock.now() - keep).await {
                tracing::warn!(%error, "old recorded messages are not dropped yet");
            }
        }
        let batch = shared.batch();
        if batch.is_empty() {
            if shared.lock().is_closed {
                return;
            }
            // also wakes up to drop old messages
            let _ = timeout(DROP_EVERY, shared.wake.notified()).await;
            if !shared.lock().is_closed {
                sleep(LINGER).await;
            }
            continue;
        }
        match feeds.put_messages(&batch).await {
            Ok(stored) => {
                delays.reset();
                shared.remove(batch.len(), stored);
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "messages are not recorded yet");
                sleep(delays.next_delay()).await;
            }
            Err(error) => {
                let messages = batch.len();
                tracing::error!(%error, messages, "messages cannot be recorded");
                shared.lock().dropped += messages as u64;
                shared.remove(messages, 0);
            }
        }
    }
}

/// Records the messages of one feed.
#[derive(Debug)]
pub struct MessageRecorder {
    shared: Arc<Shared>,
    source: String,
    /// The key of the last message.
    last: Option<FeedMessageKey>,
}

impl MessageRecorder {
    /// Records the message of an event, if it has one.
    pub fn observe(&mut self, event: &TransportEvent<'_>) {
        let Some((kind, at, payload)) = recorded(event) else {
            return;
        };
        // a message never comes before an earlier one, even if the clock is set back
        let at = truncate_to_micros(at);
        let key = match self.last {
            Some(last) if last.received_at >= at => {
                FeedMessageKey::new(last.received_at, last.sequence + 1)
            }
            _ => FeedMessageKey::new(at, 0),
        };
        self.last = Some(key);
        // stores refuse NUL, which is no valid JSON either
        let payload = payload.replace('\0', "\u{fffd}");
        let message = FeedMessage::new(self.source.as_str(), key, kind, payload);
        self.shared.push(message);
    }
}

/// The kind, the time and the text of a recorded event.
fn recorded(event: &TransportEvent<'_>) -> Option<(MessageKind, DateTime<Utc>, String)> {
    Some(match event {
        TransportEvent::Opened { address, at } | TransportEvent::Renewed { address, at } => {
            (MessageKind::Opened, *at, (*address).to_owned())
        }
        TransportEvent::Sent { text, at } => (MessageKind::Sent, *at, (*text).to_owned()),
        TransportEvent::Message(frame) => (
            MessageKind::Received,
            frame.received_at,
            frame.text.to_owned(),
        ),
        TransportEvent::Answer { address, body } => {
            let payload = format!("{address}\n{}", body.text);
            (MessageKind::Answer, body.received_at, payload)
        }
        _ => return None,
    })
}
