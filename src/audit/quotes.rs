//! What ticks are like, one after the other.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::Tick;

use super::AuditOptions;

/// Times without what should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last tick before, or the first of the stale ones.
    pub from: DateTime<Utc>,
    /// The first tick after, or the last of the stale ones.
    pub to: DateTime<Utc>,
}

/// What was found of ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuoteFindings {
    /// How many there are.
    pub ticks: u64,
    /// Those that are none: a key out of order or twice, a number or a time no tick may have.
    pub broken: u64,
    /// Those whose bid is above their ask.
    pub crossed: u64,
    /// Times without a tick.
    pub gaps: Vec<Gap>,
    /// Times of the same bid and ask in tick after tick.
    pub stale: Vec<Gap>,
}

/// The ticks of one symbol so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    last: Option<Tick>,
    /// Since when bid and ask have been those of the last tick.
    still_since: Option<DateTime<Utc>>,
}

impl Trail {
    /// Goes on to the next tick.
    pub(super) fn follow(
        &mut self,
        tick: &Tick,
        options: &AuditOptions,
        findings: &mut QuoteFindings,
    ) {
        findings.ticks += 1;
        let is_tick = tick.normalized().is_ok_and(|stored| stored == *tick);
        let in_order = self
            .last
            .as_ref()
            .is_none_or(|last| last.key() < tick.key());
        if !is_tick || !in_order {
            findings.broken += 1;
        }
        if tick.is_crossed() {
            findings.crossed += 1;
        }
        let is_still = self.last.as_ref().is_some_and(|last| {
            (last.bid_price, last.ask_price) == (tick.bid_price, tick.ask_price)
        });
        if let Some(last) = &self.last
            && tick.tick_time - last.tick_time > options.longest_gap
        {
            findings.gaps.push(Gap {
                from: last.tick_time,
                to: tick.tick_time,
            });
        }
        match self.still_since {
            Some(from) if is_still => {
                let to = tick.tick_time;
                let was = self
                    .last
                    .as_ref()
                    .map_or(TimeDelta::zero(), |last| last.tick_time - from);
                if to - from > options.longest_still {
                    // one entry for each such time, which grows
                    match findings.stale.last_mut() {
                        Some(stale) if was > options.longest_still && stale.from == from => {
                            stale.to = to;
                        }
                        _ => findings.stale.push(Gap { from, to }),
                    }
                }
            }
            _ => self.still_since = Some(tick.tick_time),
        }
        self.last = Some(tick.clone());
    }
}
