//! The candle series of one subscription, updated by ticks.
//!
//! The series starts from the newest candle of the store and is extended by later ticks. After a tick out of
//! order, and after a gap, the series reads the store again and sends the candles as stored. It also does so
//! shortly after it started, because ticks that were published before may not have been stored yet.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleFold, CandleSource, Tick};
use tickbook::ingest::fanout::Gap;
use tokio::time::Instant;

use super::buffer::{TickBuffer, WaitingTicks};
use super::reading::{Found, SeriesKey, TickPlace, Wanted};

/// A late tick is usually stored within this time.
const SETTLING: Duration = Duration::from_secs(1);

/// Number of reads after which a tick that is still not in the store is considered refused.
const MAX_READS: u32 = 60;

/// The candles of one symbol, timeframe and basis for one client.
#[derive(Debug)]
pub(super) struct Series {
    key: SeriesKey,
    state: SeriesState,
    /// The current read may not include some tick, so another read is needed.
    missing: bool,
    wanted: Option<(Wanted, Instant)>,
    reads: u32,
    /// The current read sends the newest candle only if it differs from the one that was sent last.
    only_changes: bool,
    start: Start,
    room: WaitingTicks,
    /// Candles to be sent.
    updates: Vec<Candle>,
    /// The newest candle as it was last sent.
    sent: Option<Candle>,
    /// Candles that were sent as forming and have newer successors; they are sent again once they close.
    closing: Vec<Candle>,
}

/// The progress of a new series towards a read that includes every tick published before the series existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The store was not read yet.
    Unread,
    /// Ticks are stored in the order in which they are published, so a read that finds the next tick stored
    /// includes all earlier ones.
    AwaitsTick,
    Complete,
}

#[derive(Debug)]
enum SeriesState {
    /// Ticks that wait for the result of a read.
    Waiting(TickBuffer),
    Live {
        newest: Option<TickPlace>,
        last: Option<Box<Last>>,
    },
}

/// The newest candle.
#[derive(Debug)]
struct Last {
    candle: Candle,
    fold: CandleFold,
    changed: bool,
}

impl Series {
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
            room: room.clone(),
            updates: Vec::new(),
            sent: None,
            closing: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> SeriesKey {
        self.key
    }

    /// Returns the read that is due at `now`, if any; pass its result to [`found`](Self::found) or
    /// [`not_found`](Self::not_found).
    pub(super) fn due(&mut self, now: Instant) -> Option<Wanted> {
        let (wanted, _) = self.wanted.take_if(|(_, at)| *at <= now)?;
        self.missing = false;
        self.only_changes = wanted.only_changes;
        if let SeriesState::Live { .. } = self.state {
            self.state = SeriesState::Waiting(self.room.buffer());
        }
        Some(wanted)
    }

    /// Takes the result of a read.
    pub(super) fn found(&mut self, found: Found, now: Instant, clock: DateTime<Utc>) {
        self.reads = 0;
        let sent_again = |candle: &Candle| {
            let open_time = candle.open_time;
            found
                .candles
                .iter()
                .any(|found| found.open_time == open_time)
        };
        self.closing.retain(|candle| !sent_again(candle));
        let forming = found.candles.iter().rev().skip(1);
        self.closing
            .extend(forming.filter(|candle| !candle.closed).cloned());
        let is_repeated = |candle: &Candle| self.only_changes && self.sent.as_ref() == Some(candle);
        let updates = found.candles.iter().filter(|candle| !is_repeated(candle));
        self.updates.extend(updates.cloned());
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
        // ticks that arrived in order before a stored tick are stored as well
        let is_newest = |tick: &Tick| Some((tick.tick_time, tick.sequence)) == found.newest;
        let stored = waiting
            .iter()
            .rposition(is_newest)
            .map_or(0, |last| last + 1);
        let mut passed = None;
        for (index, tick) in waiting.iter().enumerate() {
            let place = Some((tick.tick_time, tick.sequence));
            let open_time = self.key.timeframe.bucket_start(tick.tick_time);
            let was_read = found
                .candles
                .iter()
                .any(|candle| candle.open_time == open_time);
            if index >= stored || place < passed || !was_read {
                self.add(tick, now, clock);
            }
            passed = passed.max(place);
        }
    }

    /// Schedules a read for the ticks that were published before the series existed and were not stored when
    /// it read the store first.
    fn read_again_after_start(&mut self, found: &Found, now: Instant) {
        let next = match &self.state {
            SeriesState::Waiting(waiting) => waiting.first(),
            SeriesState::Live { .. } => None,
        };
        let stored = next.map(|tick| (tick.tick_time, tick.sequence));
        self.start = match stored {
            Some(_) => Start::Complete,
            None => Start::AwaitsTick,
        };
        let wanted = Wanted {
            from: found.candles.last().map(|candle| candle.open_time),
            stored,
            only_changes: true,
        };
        self.want(wanted, now + SETTLING);
    }

    /// Schedules another read: the store has not caught up, or the read failed.
    pub(super) fn not_found(&mut self, mut wanted: Wanted, failed: bool, now: Instant) {
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

    /// Adds a tick of the symbol.
    pub(super) fn tick(&mut self, tick: &Tick, now: Instant, clock: DateTime<Utc>) {
        // an invalid tick is in no candle
        let Ok(tick) = tick.normalized() else {
            return;
        };
        if !tick.has(self.key.basis) {
            return;
        }
        match &mut self.state {
            // the buffer is full: its ticks are read from the store
            SeriesState::Waiting(waiting) => {
                let Some(tick) = waiting.push(tick) else {
                    return;
                };
                let first = waiting
                    .first()
                    .map_or(tick.tick_time, |tick| tick.tick_time);
                waiting.take();
                self.missing = true;
                let wanted = Wanted {
                    from: Some(self.key.timeframe.bucket_start(first.min(tick.tick_time))),
                    stored: Some((tick.tick_time, tick.sequence)),
                    only_changes: false,
                };
                self.want(wanted, now);
            }
            SeriesState::Live { .. } => self.add(&tick, now, clock),
        }
    }

    /// Records missed ticks. Waiting ticks are older, and will be read together with them.
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

    /// Takes the candles to be sent to the client, the newest last.
    pub(super) fn updates(&mut self, clock: DateTime<Utc>) -> Vec<Candle> {
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

    /// Adds a tick to the newest candle, or schedules a read if only the store knows its effect.
    fn add(&mut self, tick: &Tick, now: Instant, clock: DateTime<Utc>) {
        let SeriesState::Live { newest, .. } = &mut self.state else {
            return;
        };
        let place = (tick.tick_time, tick.sequence);
        let open_time = self.key.timeframe.bucket_start(tick.tick_time);
        if self.start == Start::AwaitsTick {
            self.start = Start::Complete;
            let first = newest.map_or(tick.tick_time, |(time, _)| time.min(tick.tick_time));
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
                    if same.add(tick, clock) {
                        return;
                    }
                }
                Some(later) if later.candle.open_time > open_time => {}
                _ => {
                    if let Some(next) = Last::begin(self.key, open_time, tick, clock) {
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

impl Last {
    fn of(candle: &Candle) -> Self {
        Self {
            fold: CandleFold::of_candle(candle),
            candle: candle.clone(),
            changed: false,
        }
    }

    fn begin(
        key: SeriesKey,
        open_time: DateTime<Utc>,
        tick: &Tick,
        clock: DateTime<Utc>,
    ) -> Option<Self> {
        let fold = CandleFold::of_tick(tick, key.basis)?;
        let shape = Candle::new(
            key.symbol_id,
            key.timeframe,
            key.basis,
            open_time,
            [Decimal::ZERO; 4],
        )
        .tick_count(0)
        .closed(false);
        Some(Self {
            candle: fold.to_candle(&shape, clock)?,
            fold,
            changed: true,
        })
    }

    /// Returns whether the candle includes the tick afterwards.
    fn add(&mut self, tick: &Tick, clock: DateTime<Utc>) -> bool {
        // a stored candle is read as it is, regardless of its ticks
        if matches!(self.candle.source, CandleSource::Stored(_)) {
            return true;
        }
        let folded = CandleFold::of_tick(tick, self.candle.basis)
            .and_then(|tick| self.fold.merge(tick))
            .and_then(|fold| Some((fold.to_candle(&self.candle, clock)?, fold)));
        let Some((candle, fold)) = folded else {
            return false;
        };
        (self.candle, self.fold, self.changed) = (candle, fold, true);
        true
    }
}

#[cfg(test)]
mod tests;
