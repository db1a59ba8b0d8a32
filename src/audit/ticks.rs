//! Checks of consecutive ticks.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::finding::{Problem, TickStreak};
use super::settings::TickLimits;
use crate::domain::{Tick, TradingHours};

/// Checks the ticks of one symbol in the order of a listing. Holds the previous tick and four streaks.
#[derive(Debug)]
pub(super) struct TickChecks {
    limits: TickLimits,
    trading_hours: Option<TradingHours>,
    before: Option<Tick>,
    crossed: Option<TickStreak>,
    non_positive: Option<TickStreak>,
    early: Option<TickStreak>,
    repeated: Option<TickStreak>,
}

impl TickChecks {
    /// Checks with the hours of the symbol's exchange; `None` if it is always open.
    pub(super) fn new(limits: TickLimits, trading_hours: Option<TradingHours>) -> Self {
        Self {
            limits,
            trading_hours,
            before: None,
            crossed: None,
            non_positive: None,
            early: None,
            repeated: None,
        }
    }

    /// Checks the next tick and adds the problems that have ended to `found`.
    pub(super) fn check(&mut self, tick: &Tick, found: &mut Vec<Problem>) {
        let tolerance = self.limits.receive_tolerance;
        let is_early = |at| tick.tick_time - at > tolerance;
        let early = tick.received_at.is_some_and(is_early);
        let mut prices = [tick.bid_price, tick.ask_price].into_iter().flatten();
        let non_positive = prices.any(|price| price <= Decimal::ZERO);
        let ended = [
            go_on(&mut self.crossed, tick, tick.is_crossed()).map(Problem::CrossedQuotes),
            go_on(&mut self.non_positive, tick, non_positive).map(Problem::NonPositivePrices),
            go_on(&mut self.early, tick, early).map(Problem::ReceivedEarly),
        ];
        found.extend(ended.into_iter().flatten());
        self.repetition(tick, found);
        if let Some(before) = &self.before {
            self.neighbours(before, tick, found);
        }
        self.before = Some(tick.clone());
    }

    /// Adds the problems that continued to the last tick.
    pub(super) fn end(&mut self, found: &mut Vec<Problem>) {
        found.extend(self.crossed.take().map(Problem::CrossedQuotes));
        found.extend(self.non_positive.take().map(Problem::NonPositivePrices));
        found.extend(self.early.take().map(Problem::ReceivedEarly));
        let repeated = self.repeated.take();
        found.extend(repeated.and_then(|streak| self.frozen(streak)));
    }

    fn repetition(&mut self, tick: &Tick, found: &mut Vec<Problem>) {
        let same = |streak: &TickStreak| streak.first.has_content_of(tick);
        let is_repeated = self.repeated.as_ref().is_some_and(same);
        if !is_repeated {
            let ended = self.repeated.take();
            found.extend(ended.and_then(|streak| self.frozen(streak)));
        }
        go_on(&mut self.repeated, tick, true);
    }

    fn frozen(&self, streak: TickStreak) -> Option<Problem> {
        let (from, to) = (streak.first.tick_time, streak.last.tick_time);
        self.beyond(self.limits.frozen, from, to)?;
        Some(Problem::FrozenQuotes(streak))
    }

    fn neighbours(&self, before: &Tick, tick: &Tick, found: &mut Vec<Problem>) {
        if tick.key() <= before.key() {
            found.push(Problem::KeyOrder {
                before: before.key(),
                key: tick.key(),
            });
            return;
        }
        if tick.tick_time == before.tick_time {
            let arrivals = before.received_at.zip(tick.received_at);
            if arrivals.is_some_and(|(first, second)| second < first) {
                found.push(Problem::SequenceOrder {
                    before: before.clone(),
                    tick: tick.clone(),
                });
            }
            return;
        }
        let (from, to) = (before.tick_time, tick.tick_time);
        if let Some(length) = self.beyond(self.limits.gap, from, to) {
            found.push(Problem::TickGap {
                symbol_id: tick.symbol_id,
                from,
                to,
                length,
            });
        }
    }

    /// The time from `from` to `to` in which the exchange is open, if it is longer than `limit`.
    fn beyond(
        &self,
        limit: Option<TimeDelta>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Option<TimeDelta> {
        let is_beyond = |length: &TimeDelta| limit.is_some_and(|limit| *length > limit);
        // most times are short, and hours cost more than a subtraction
        let length = Some(to - from).filter(is_beyond)?;
        let hours = self.trading_hours.as_ref();
        let open = hours.map_or(length, |hours| hours.open_time(from, to));
        Some(open).filter(is_beyond)
    }
}

/// Extends `streak` by `tick` if `it_has` the problem; otherwise returns the streak that ended.
fn go_on(streak: &mut Option<TickStreak>, tick: &Tick, it_has: bool) -> Option<TickStreak> {
    if !it_has {
        return streak.take();
    }
    match streak {
        Some(streak) => {
            streak.last = tick.key();
            streak.count += 1;
        }
        None => {
            *streak = Some(TickStreak {
                first: tick.clone(),
                last: tick.key(),
                count: 1,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hours;
