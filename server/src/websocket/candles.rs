//! The candle series of one subscription, updated by ticks or trades.
//!
//! The series starts from the newest candle of the store and is extended by later events, which are ticks or
//! trades. After an event out of order, a correction, and a gap, the series reads the store again and sends the
//! candles as stored. It also does so shortly after it started, because events that were published before may not
//! have been stored yet.

mod corrected;
mod last;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::domain::{Candle, CandleEvent, CandleSlot, Tick};
use tickbook::ingest::fanout::Gap;
use tokio::time::Instant;

use super::buffer::{EventBuffer, WaitingTicks};
use super::reading::{EventPlace, Found, SeriesKey, Wanted, place};
use corrected::CorrectedBuckets;
use last::Last;

/// A late event is usually stored within this time.
const SETTLING: Duration = Duration::from_secs(1);

/// Number of reads after which an event that is still not in the store is considered refused.
const MAX_READS: u32 = 60;

/// The same for a corrected trade, which may never arrive.
const PENDING_READS: u32 = 5;

/// The candles of one symbol, timeframe and basis for one client.
#[derive(Debug)]
pub(super) struct Series<E = Tick> {
    key: SeriesKey,
    state: SeriesState<E>,
    /// The current read may not include some event, so another read is needed.
    missing: bool,
    wanted: Option<(Wanted, Instant)>,
    reads: u32,
    /// The current read sends the newest candle only if it differs from the one that was sent last.
    only_changes: bool,
    start: Start,
    /// The first read has found a candle, which was not sent yet.
    has_snapshot: bool,
    room: WaitingTicks,
    /// Candles to be sent.
    updates: Vec<Candle>,
    /// The newest candle as it was last sent.
    sent: Option<Candle>,
    /// Candles that were sent as forming and have newer successors; they are sent again once they close.
    closing: Vec<Candle>,
    corrected: CorrectedBuckets,
}

/// The progress of a new series towards a read that includes every event published before the series existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The store was not read yet.
    Unread,
    /// Events are stored in the order in which they are published, so a read that finds the next one stored
    /// includes all earlier ones.
    AwaitsEvent,
    Complete,
}

#[derive(Debug)]
enum SeriesState<E> {
    /// Events that wait for the result of a read.
    Waiting(EventBuffer<E>),
    Live {
        newest: Option<EventPlace>,
        last: Option<Box<Last>>,
    },
}

impl<E: CandleEvent> Series<E> {
    /// Creates a series that first reads the newest candle.
    pub(super) fn new(key: SeriesKey, now: Instant, room: &WaitingTicks) -> Self {
        let newest = Wanted {
            from: None,
            stored: None,
            only_changes: false,
        };
        Self {
            key,
            state: SeriesState::Waiting(room.buffer()),
            missing: false,
            wanted: Some((newest, now)),
            reads: 0,
            only_changes: false,
            start: Start::Unread,
            has_snapshot: false,
            room: room.clone(),
            updates: Vec::new(),
            sent: None,
            closing: Vec::new(),
            corrected: CorrectedBuckets::default(),
        }
    }

    /// Lets the first read begin with the candle of this time.
    pub(super) fn begin_at(&mut self, time: DateTime<Utc>) {
        if let Some((wanted, _)) = &mut self.wanted {
            wanted.from = Some(self.key.timeframe.bucket_start(time));
        }
    }

    pub(super) fn key(&self) -> SeriesKey {
        self.key
    }

    /// Returns the read that is due at `now`, if any; pass its result to [`take_read`](Self::take_read).
    pub(super) fn due(&mut self, now: Instant) -> Option<Wanted> {
        let (wanted, _) = self.wanted.take_if(|(_, at)| *at <= now)?;
        self.missing = false;
        self.corrected.begin_read();
        self.only_changes = wanted.only_changes;
        if let SeriesState::Live { .. } = self.state {
            self.state = SeriesState::Waiting(self.room.buffer());
        }
        Some(wanted)
    }

    /// Takes the result of a read.
    fn found(&mut self, found: Found, now: Instant, clock: DateTime<Utc>) {
        self.reads = 0;
        let sent_again = |candle: &Candle| {
            let open_time = candle.open_time;
            found
                .candles
                .iter()
                .any(|found| found.open_time == open_time)
        };
        self.corrected.end_read(&found.candles);
        self.closing
            .retain(|candle| !sent_again(candle) && !self.corrected.is_emptied(candle.open_time));
        let forming = found.candles.iter().rev().skip(1);
        self.closing
            .extend(forming.filter(|candle| !candle.closed).cloned());
        let is_repeated = |candle: &Candle| self.only_changes && self.sent.as_ref() == Some(candle);
        let updates = found.candles.iter().filter(|candle| !is_repeated(candle));
        self.updates.extend(updates.cloned());
        let is_first = self.start == Start::Unread && self.sent.is_none();
        self.has_snapshot = is_first && !found.candles.is_empty();
        if self.missing {
            return;
        }
        if self.start == Start::Unread {
            self.read_again_after_start(&found, now);
        }
        let last = found.candles.last().map(Last::of).map(Box::new);
        let state = SeriesState::Live {
            newest: found.newest,
            last,
        };
        let SeriesState::Waiting(mut waiting) = std::mem::replace(&mut self.state, state) else {
            return;
        };
        let waiting = waiting.take();
        // events that arrived in order before a stored one are stored as well
        let is_newest = |event: &E| Some(place(event)) == found.newest;
        let stored = waiting
            .iter()
            .rposition(is_newest)
            .map_or(0, |last| last + 1);
        let mut passed = None;
        for (index, event) in waiting.iter().enumerate() {
            let place = Some(place(event));
            let open_time = self.key.timeframe.bucket_start(event.time());
            let was_read = found
                .candles
                .iter()
                .any(|candle| candle.open_time == open_time);
            if index >= stored || place < passed || !was_read {
                self.add(event, now, clock);
            }
            passed = passed.max(place);
        }
    }

    /// Schedules a read for the events that were published before the series existed and were not stored when
    /// it read the store first.
    fn read_again_after_start(&mut self, found: &Found, now: Instant) {
        let next = match &self.state {
            SeriesState::Waiting(waiting) => waiting.first(),
            SeriesState::Live { .. } => None,
        };
        let stored = next.map(place);
        self.start = match stored {
            Some(_) => Start::Complete,
            None => Start::AwaitsEvent,
        };
        let wanted = Wanted {
            from: found.candles.last().map(|candle| candle.open_time),
            stored,
            only_changes: true,
        };
        self.want(wanted, now + SETTLING);
    }

    /// Takes the end of a read, which may have failed.
    pub(super) fn take_read(
        &mut self,
        wanted: Wanted,
        found: Result<Option<Found>, ()>,
        now: Instant,
        clock: DateTime<Utc>,
    ) {
        match found {
            Ok(Some(found)) => self.found(found, now, clock),
            Ok(None) => self.not_found(wanted, false, now),
            Err(()) => self.not_found(wanted, true, now),
        }
    }

    /// Schedules another read: the store has not caught up, or the read failed.
    fn not_found(&mut self, mut wanted: Wanted, failed: bool, now: Instant) {
        self.reads += u32::from(!failed);
        if self.reads > MAX_READS {
            wanted.stored = None;
        }
        let pause = if self.reads < 5 {
            SETTLING / 5
        } else {
            SETTLING
        };
        self.want(wanted, now + pause);
    }

    /// Adds an event of the symbol.
    pub(super) fn take(&mut self, event: &E, now: Instant, clock: DateTime<Utc>) {
        // an invalid event is in no candle
        let Ok(event) = event.normalized() else {
            return;
        };
        if !event.counts_for(self.key.basis) {
            return;
        }
        match &mut self.state {
            // the buffer is full: its events are read from the store
            SeriesState::Waiting(waiting) => {
                let Some(event) = waiting.push(event) else {
                    return;
                };
                let time = event.time();
                let first = waiting.first().map_or(time, E::time);
                waiting.take();
                self.missing = true;
                let wanted = Wanted {
                    from: Some(self.key.timeframe.bucket_start(first.min(time))),
                    stored: Some(place(&event)),
                    only_changes: false,
                };
                self.want(wanted, now);
            }
            SeriesState::Live { .. } => self.add(&event, now, clock),
        }
    }

    /// Records missed events. Waiting events are older, and will be read together with them.
    pub(super) fn gap(&mut self, gap: &Gap, now: Instant) {
        self.state = SeriesState::Waiting(self.room.buffer());
        self.missing = true;
        let wanted = Wanted {
            from: Some(self.key.timeframe.bucket_start(gap.from)),
            stored: Some((gap.to - TimeDelta::microseconds(1), 0)),
            only_changes: false,
        };
        self.want(wanted, now);
    }

    /// Takes what is to be sent to the client, the newest candle last. A bucket whose trades were cancelled has a
    /// placeholder. The flag marks the newest candle at the start of the series.
    pub(super) fn messages(&mut self, clock: DateTime<Utc>) -> Vec<(CandleSlot, bool)> {
        let emptied = self.corrected.take(self.key, clock).into_iter();
        let updates = self.updates(clock).into_iter().map(CandleSlot::Candle);
        let slots = emptied.map(CandleSlot::Filled).chain(updates);
        let mut messages: Vec<_> = slots.map(|slot| (slot, false)).collect();
        if let Some((_, is_snapshot)) = messages.last_mut() {
            *is_snapshot = std::mem::take(&mut self.has_snapshot);
        }
        messages
    }

    fn updates(&mut self, clock: DateTime<Utc>) -> Vec<Candle> {
        let mut updates = std::mem::take(&mut self.updates);
        let has_closed = |candle: &mut Candle| candle.close_time() <= clock;
        for candle in self.closing.extract_if(.., has_closed) {
            updates.push(candle.closed(true));
        }
        if let SeriesState::Live {
            last: Some(last), ..
        } = &mut self.state
        {
            let closes = !last.candle.closed && last.candle.close_time() <= clock;
            if last.changed || closes {
                last.candle.closed |= closes;
                last.changed = false;
                updates.push(last.candle.clone());
            }
        }
        let newest = updates.iter().max_by_key(|candle| candle.open_time);
        if let Some(newest) = newest
            && self
                .sent
                .as_ref()
                .is_none_or(|sent| sent.open_time <= newest.open_time)
        {
            self.sent = Some(newest.clone());
        }
        updates
    }

    fn want(&mut self, wanted: Wanted, at: Instant) {
        self.wanted = Some(match self.wanted {
            None => (wanted, at),
            Some((other, earlier)) => {
                let from = match (other.from, wanted.from) {
                    (Some(one), Some(two)) => Some(one.min(two)),
                    (one, two) => one.or(two),
                };
                let joined = Wanted {
                    from,
                    stored: other.stored.max(wanted.stored),
                    only_changes: other.only_changes && wanted.only_changes,
                };
                (joined, earlier.min(at))
            }
        });
    }

    /// Adds an event to the newest candle, or schedules a read if only the store knows its effect.
    fn add(&mut self, event: &E, now: Instant, clock: DateTime<Utc>) {
        let SeriesState::Live { newest, .. } = &mut self.state else {
            return;
        };
        let (place, time) = (place(event), event.time());
        let open_time = self.key.timeframe.bucket_start(time);
        if self.start == Start::AwaitsEvent {
            self.start = Start::Complete;
            let first = newest.map_or(time, |(newest, _)| newest.min(time));
            let wanted = Wanted {
                from: Some(self.key.timeframe.bucket_start(first)),
                stored: Some(place),
                only_changes: true,
            };
            self.want(wanted, now + SETTLING);
        }
        let SeriesState::Live { newest, last } = &mut self.state else {
            return;
        };
        let is_newer = *newest < Some(place);
        *newest = (*newest).max(Some(place));
        if is_newer {
            match last {
                Some(same) if same.candle.open_time == open_time => {
                    if same.add(event, clock) {
                        return;
                    }
                }
                Some(later) if later.candle.open_time > open_time => {}
                _ => {
                    if let Some(next) = Last::begin(self.key, open_time, event, clock) {
                        if let Some(done) = last.replace(Box::new(next)) {
                            if done.changed {
                                self.updates.push(done.candle.clone());
                            }
                            if !done.candle.closed {
                                self.closing.push(done.candle);
                            }
                        }
                        return;
                    }
                }
            }
        }
        let wanted = Wanted {
            from: Some(open_time),
            stored: Some(place),
            only_changes: false,
        };
        self.want(wanted, now + SETTLING);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_trades;
