//! Which rules count, and their limits.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::assessment::RuleAction;
use crate::domain::{Rule, Verdict, setters};

/// The rules for one symbol, or for all that have none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QualityRules {
    /// For a time ahead of the clock; where it is `Quarantine`, every way in refuses such a time …
    pub future: RuleAction,
    /// … by more than this.
    pub future_limit: TimeDelta,
    /// For a time behind the clock …
    pub stale: RuleAction,
    /// … by more than this.
    pub stale_limit: TimeDelta,
    /// For a price that is not above zero.
    pub not_positive: RuleAction,
    /// For a bid above the ask.
    pub crossed: RuleAction,
    /// For a message that is one of the last sixteen again, or has the key of the last one …
    pub repeated: RuleAction,
    /// … behind so many such messages in a row.
    pub repeated_limit: u32,
    /// For a bid and an ask that do not move …
    pub flat_line: RuleAction,
    /// … in more than so many ticks; 0 is any number …
    pub flat_line_ticks: u32,
    /// … or for longer than this; zero is any time.
    pub flat_line_time: TimeDelta,
    /// For a mid price away from the last one …
    pub deviation: RuleAction,
    /// … by more than this share of it.
    pub deviation_limit: Decimal,
    /// For a step from the last mid price unlike those before …
    pub z_score: RuleAction,
    /// … by more than so many standard deviations …
    pub z_score_limit: Decimal,
    /// … of so many steps, 30 to 10,000; before there are 30 nothing is found.
    pub z_score_window: usize,
    /// A standard deviation counts as at least this share of the price, so that the first step of a
    /// quiet market is not unlike all others.
    pub z_score_floor: Decimal,
    /// The last mid price is compared with for so long; what comes later starts anew.
    pub price_memory: TimeDelta,
    /// So many ticks in a row that were held back for their price and agree with each other are the
    /// new price: the last of them passes. At least 1, which holds nothing back.
    pub price_confirmations: u32,
}

impl Default for QualityRules {
    /// A time more than five minutes ahead of the clock is held back, since it would be the newest
    /// until that time comes. Nothing else is; what is odd in any market is flagged.
    fn default() -> Self {
        Self {
            future: RuleAction::Quarantine,
            future_limit: TimeDelta::minutes(5),
            stale: RuleAction::Off,
            stale_limit: TimeDelta::hours(1),
            not_positive: RuleAction::Flag,
            crossed: RuleAction::Flag,
            repeated: RuleAction::Off,
            repeated_limit: 10,
            flat_line: RuleAction::Off,
            flat_line_ticks: 1_000,
            flat_line_time: TimeDelta::minutes(10),
            deviation: RuleAction::Off,
            deviation_limit: Decimal::new(5, 2),
            z_score: RuleAction::Off,
            z_score_limit: Decimal::new(15, 0),
            z_score_window: 200,
            z_score_floor: Decimal::new(2, 5),
            price_memory: TimeDelta::minutes(10),
            price_confirmations: 5,
        }
    }
}

setters!(QualityRules {
    set {
        /// Sets [`future`](field@Self::future).
        future: RuleAction,
        /// Sets [`future_limit`](field@Self::future_limit).
        future_limit: TimeDelta,
        /// Sets [`stale`](field@Self::stale).
        stale: RuleAction,
        /// Sets [`stale_limit`](field@Self::stale_limit).
        stale_limit: TimeDelta,
        /// Sets [`not_positive`](field@Self::not_positive).
        not_positive: RuleAction,
        /// Sets [`crossed`](field@Self::crossed).
        crossed: RuleAction,
        /// Sets [`repeated`](field@Self::repeated).
        repeated: RuleAction,
        /// Sets [`repeated_limit`](field@Self::repeated_limit).
        repeated_limit: u32,
        /// Sets [`flat_line`](field@Self::flat_line).
        flat_line: RuleAction,
        /// Sets [`flat_line_ticks`](field@Self::flat_line_ticks).
        flat_line_ticks: u32,
        /// Sets [`flat_line_time`](field@Self::flat_line_time).
        flat_line_time: TimeDelta,
        /// Sets [`deviation`](field@Self::deviation).
        deviation: RuleAction,
        /// Sets [`deviation_limit`](field@Self::deviation_limit).
        deviation_limit: Decimal,
        /// Sets [`z_score`](field@Self::z_score).
        z_score: RuleAction,
        /// Sets [`z_score_limit`](field@Self::z_score_limit).
        z_score_limit: Decimal,
        /// Sets [`z_score_window`](field@Self::z_score_window).
        z_score_window: usize,
        /// Sets [`z_score_floor`](field@Self::z_score_floor).
        z_score_floor: Decimal,
        /// Sets [`price_memory`](field@Self::price_memory).
        price_memory: TimeDelta,
        /// Sets [`price_confirmations`](field@Self::price_confirmations).
        price_confirmations: u32,
    }
});

impl QualityRules {
    /// Why `time` is not to be stored at `now`: it is ahead by more than `future_limit`, and
    /// `future` is `Quarantine`. For ways in that answer about each tick, and refuse it where a feed
    /// would have it held back.
    #[must_use]
    pub fn refuses_time(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        let refuses = self.future == RuleAction::Quarantine;
        self.ahead(time, now).filter(|_| refuses)
    }

    pub(super) fn ahead(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        beyond(Rule::Future, time - now, self.future_limit)
    }

    pub(super) fn behind(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        beyond(Rule::Stale, now - time, self.stale_limit)
    }

    /// Every rule with that action, and the limits as they are.
    #[must_use]
    pub fn all(self, action: RuleAction) -> Self {
        Self {
            future: action,
            stale: action,
            not_positive: action,
            crossed: action,
            repeated: action,
            flat_line: action,
            deviation: action,
            z_score: action,
            ..self
        }
    }
}

/// What is found where `observed` is more than `limit`; exact to the microsecond.
pub(super) fn beyond(rule: Rule, observed: TimeDelta, limit: TimeDelta) -> Option<Verdict> {
    let seconds =
        |time: TimeDelta| Decimal::new(time.num_microseconds().unwrap_or(i64::MAX), 6).normalize();
    (observed > limit).then(|| Verdict {
        rule,
        observed: seconds(observed),
        limit: seconds(limit),
    })
}
