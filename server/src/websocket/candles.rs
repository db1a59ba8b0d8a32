//! The candles of one subscription, kept up to date by ticks.
//!
//! The newest candle comes from the store and is gone on with by the ticks that are newer than
//! what it is made of. A tick that is not newer, and a gap, make the series read the store again:
//! then the candle says what the store says.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleFold, CandleSource, Tick};
use tickbook::ingest::fanout::Gap;
use tokio::time::Instant;

use super::buffer::{Buffer, WaitingTicks};
use super::reading::{Found, SeriesKey, TickPlace, Wanted};

/// A late tick is stored within this, as a rule.
const SETTLING: Duration = Duration::from_secs(1);

/// Looks for a tick that does not get stored; then it is taken to have been refused.
const MOST_LOOKS: u32 = 60;

/// The candles of one symbol, timeframe and basis, as one client sees them.
#[derive(Debug)]
pub(super) struct Series {
    key: SeriesKey,
    state: State,
    /// A tick is missing in what is being read, so that it has to be read once more.
    missing: bool,
    wanted: Option<(Wanted, Instant)>,
    looks: u32,
    room: WaitingTicks,
    /// To be sent.
    updates: Vec<Candle>,
    /// Sent as forming, and followed by newer ones; to be sent again when they have closed.
    closing: Vec<Candle>,
}

#[derive(Debug)]
enum State {
    /// These ticks wait for what the store says.
    Waiting(Buffer),
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
    /// Has to read the newest candle first.
    pub(super) fn new(key: SeriesKey, now: Instant, room: &WaitingTicks) -> Self {
        let newest = Wanted {
            from: None,
            stored: None,
        };
        Self {
            key,
            state: State::Waiting(room.buffer()),
            missing: false,
            wanted: Some((newest, now)),
            looks: 0,
            room: room.clone(),
            updates: Vec::new(),
            closing: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> SeriesKey {
        self.key
    }

    /// What is to be read now, if anything; the answer goes to [`found`](Self::found) or
    /// [`not_found`](Self::not_found).
    pub(super) fn due(&mut self, now: Instant) -> Option<Wanted> {
        let (wanted, _) = self.wanted.take_if(|(_, at)| *at <= now)?;
        self.missing = false;
        if let State::Live { .. } = self.state {
            self.state = State::Waiting(self.room.buffer());
        }
        Some(wanted)
    }

    /// Takes what the store says.
    pub(super) fn found(&mut self, found: Found, now: Instant, clock: DateTime<Utc>) {
        self.looks = 0;
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
        self.updates.extend(found.candles.iter().cloned());
        if self.missing {
            return;
        }
        let last = found.candles.last().map(Last::of).map(Box::new);
        let state = State::Live {
            newest: found.newest,
            last,
        };
        let State::Waiting(mut waiting) = std::mem::replace(&mut self.state, state) else {
            return;
        };
        let mut passed = None;
        for tick in waiting.take() {
            let place = Some((tick.tick_time, tick.sequence));
            let open_time = self.key.timeframe.bucket_start(tick.tick_time);
            let was_read = found
                .candles
                .iter()
                .any(|candle| candle.open_time == open_time);
            // what came in order before a tick that is stored is stored, too
            if place > found.newest || place < passed || !was_read {
                self.add(&tick, now, clock);
            }
            passed = passed.max(place);
        }
    }

    /// The store has not caught up, or cannot be asked: it is to be asked again.
    pub(super) fn not_found(&mut self, mut wanted: Wanted, failed: bool, now: Instant) {
        self.looks += u32::from(!failed);
        if self.looks > MOST_LOOKS {
            wanted.stored = None;
        }
        let pause = if self.looks < 5 {
            SETTLING / 5
        } else {
            SETTLING
        };
        self.want(wanted, now + pause);
    }

    /// Takes a tick of the symbol.
    pub(super) fn tick(&mut self, tick: &Tick, now: Instant, clock: DateTime<Utc>) {
        // what no store can keep is in no candle
        let Ok(tick) = tick.normalized() else {
            return;
        };
        if !tick.has(self.key.basis) {
            return;
        }
        match &mut self.state {
            // too many wait: they are read from the store with the rest
            State::Waiting(waiting) => {
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
                };
                self.want(wanted, now);
            }
            State::Live { .. } => self.add(&tick, now, clock),
        }
    }

    /// Takes note of missed ticks. What waits came before them and will be read with them.
    pub(super) fn gap(&mut self, gap: &Gap, now: Instant) {
        self.state = State::Waiting(self.room.buffer());
        self.missing = true;
        let wanted = Wanted {
            from: Some(self.key.timeframe.bucket_start(gap.from)),
            stored: Some((gap.to - TimeDelta::microseconds(1), 0)),
        };
        self.want(wanted, now);
    }

    /// The candles that a client has to be told of, the newest last.
    pub(super) fn updates(&mut self, clock: DateTime<Utc>) -> Vec<Candle> {
        let mut updates = std::mem::take(&mut self.updates);
        let has_closed = |candle: &mut Candle| candle.close_time() <= clock;
        for candle in self.closing.extract_if(.., has_closed) {
            updates.push(candle.closed(true));
        }
        if let State::Live {
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
                let stored = other.stored.max(wanted.stored);
                (Wanted { from, stored }, earlier.min(at))
            }
        });
    }

    /// Goes on with a tick, unless only the store can say what it changes.
    fn add(&mut self, tick: &Tick, now: Instant, clock: DateTime<Utc>) {
        let State::Live { newest, last } = &mut self.state else {
            return;
        };
        let place = (tick.tick_time, tick.sequence);
        let open_time = self.key.timeframe.bucket_start(tick.tick_time);
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

    /// Returns whether the candle is right with that tick.
    fn add(&mut self, tick: &Tick, clock: DateTime<Utc>) -> bool {
        // a candle that was stored as one is read as it is, whatever its ticks say
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
