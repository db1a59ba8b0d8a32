//! Messages that arrive ahead of missing ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::core::{Core, Sink};
use super::event::{Counter, LossCause, Moment, SessionEvent};
use super::settings::SessionSettings;
use crate::fix::message::{Decoder, Message};

/// A message ahead of the missing ones.
#[derive(Debug)]
pub(super) enum Waiting {
    Message(Vec<u8>),
    /// It was answered when it arrived; only its number counts.
    Answered(Vec<u8>),
    /// The logon, which was used when it arrived.
    Logon,
}

impl Waiting {
    pub(super) fn message(message: &Message<'_>) -> Self {
        Self::Message(message.bytes().to_vec())
    }

    pub(super) fn answered(message: &Message<'_>) -> Self {
        Self::Answered(message.bytes().to_vec())
    }

    fn size(&self) -> usize {
        match self {
            Self::Message(bytes) | Self::Answered(bytes) => bytes.len(),
            Self::Logon => 0,
        }
    }
}

/// A gap that was requested.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// The number of the message that revealed it. All before it were requested.
    revealed_by: u64,
    until: Instant,
}

/// Messages that come no more.
#[derive(Debug, Clone, Copy)]
struct Skip {
    /// The number after them.
    next: u64,
    cause: LossCause,
}

/// The gap, and the messages behind it.
#[derive(Debug)]
pub(super) struct Gaps {
    open: Option<Gap>,
    skip: Option<Skip>,
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
    timeout: Duration,
    max_waiting: usize,
    max_bytes: usize,
}

impl Gaps {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        Self {
            open: None,
            skip: None,
            waiting: BTreeMap::new(),
            bytes: 0,
            timeout: settings.gap_timeout,
            max_waiting: settings.max_waiting,
            max_bytes: settings.max_waiting_bytes,
        }
    }

    pub(super) fn clear(&mut self) {
        self.open = None;
        self.skip = None;
        self.waiting.clear();
        self.bytes = 0;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.map(|gap| gap.until)
    }

    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.open.is_some_and(|gap| now >= gap.until)
    }

    fn has_room(&self, size: usize) -> bool {
        self.waiting.len() < self.max_waiting && self.bytes + size <= self.max_bytes
    }

    fn first(&self) -> Option<u64> {
        self.waiting.keys().next().copied()
    }

    fn take(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        self.bytes -= waiting.size();
        Some(waiting)
    }
}

impl Core {
    /// Keeps a message whose number is too high, and requests what is missing before it.
    pub(super) fn keep(&mut self, number: u64, waiting: Waiting, now: Moment, sink: &mut Sink<'_>) {
        if self.gaps.waiting.contains_key(&number) {
            sink(SessionEvent::Counted(Counter::DuplicateDropped));
            return;
        }
        let size = waiting.size();
        let has_room = self.gaps.has_room(size);
        self.gaps.bytes += size;
        self.gaps.waiting.insert(number, waiting);
        sink(SessionEvent::Counted(Counter::Queued));
        if !has_room {
            sink(SessionEvent::Counted(Counter::GapOverflow));
            self.give_up(LossCause::Overflow);
        }
        self.settle(now, sink);
    }

    /// Gives up the messages that did not come in time.
    pub(super) fn expire_gap(&mut self, now: Moment, sink: &mut Sink<'_>) {
        sink(SessionEvent::Counted(Counter::GapExpired));
        self.give_up(LossCause::Expired);
        self.settle(now, sink);
    }

    fn give_up(&mut self, cause: LossCause) {
        self.gaps.open = None;
        if let Some(first) = self.gaps.first() {
            self.skip_to(first, cause);
        }
    }

    /// The messages before `next` come no more. [`settle`](Self::settle) has to follow, which uses those that wait.
    pub(super) fn skip_to(&mut self, next: u64, cause: LossCause) {
        let is_later = |skip: &Skip| next > skip.next;
        if self.gaps.skip.as_ref().is_none_or(is_later) {
            self.gaps.skip = Some(Skip { next, cause });
        }
    }

    /// Skips the messages up to the next one that waits.
    fn skip(&mut self, sink: &mut Sink<'_>) {
        let Some(Skip { next, cause }) = self.gaps.skip else {
            return;
        };
        let waiting = self.gaps.first().filter(|first| *first < next);
        let until = waiting.unwrap_or(next);
        if until > self.expected {
            let (first, count) = (self.expected, until - self.expected);
            self.expected = until;
            sink(SessionEvent::Lost {
                first,
                count,
                cause,
            });
        }
        if self.expected >= next {
            self.gaps.skip = None;
        }
    }

    /// Uses the messages that wait for the next number. Returns whether there was one.
    fn use_waiting(&mut self, now: Moment, sink: &mut Sink<'_>) -> bool {
        // numbers that a reset skipped
        while let Some(first) = self.gaps.first().filter(|first| *first < self.expected) {
            self.gaps.take(first);
        }
        let Some(waiting) = self.gaps.take(self.expected) else {
            return false;
        };
        let number = self.expected;
        self.expected += 1;
        let mut decoder = Decoder::new();
        match waiting {
            // it was decoded when it arrived
            Waiting::Message(bytes) => {
                if let Ok(message) = decoder.decode(&bytes) {
                    self.apply(number, &message, now, sink);
                }
            }
            Waiting::Answered(bytes) => {
                if let Ok(message) = decoder.decode(&bytes) {
                    sink(SessionEvent::Used(message));
                }
            }
            Waiting::Logon => {}
        }
        true
    }

    /// Uses what waits, closes the gap if it is filled, and requests the next one.
    pub(super) fn settle(&mut self, now: Moment, sink: &mut Sink<'_>) {
        loop {
            self.skip(sink);
            // each use may skip further messages
            if self.end.is_some() || !(self.use_waiting(now, sink) || self.gaps.skip.is_some()) {
                break;
            }
        }
        if self.end.is_some() {
            return;
        }
        if self
            .gaps
            .open
            .is_some_and(|gap| self.expected > gap.revealed_by)
        {
            self.gaps.open = None;
            sink(SessionEvent::Counted(Counter::GapFilled));
        }
        if let Some(first) = self.gaps.first()
            && self.gaps.open.is_none()
        {
            let until = now.instant + self.gaps.timeout;
            self.gaps.open = Some(Gap {
                revealed_by: first,
                until,
            });
            self.send_resend_request(self.expected, now);
            sink(SessionEvent::Counted(Counter::GapOpened));
        }
    }
}
