//! The data-quality rules and their limits.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::assessment::{Assessment, RuleAction};
use super::checked::CheckedEvent;
#[cfg(feature = "config")]
use super::setting_value::{action, decimal, millis, number};
use crate::domain::{Rule, Verdict, setters};

/// The rules of one symbol, or of all symbols without rules of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QualityRules {
    /// The action for a time ahead of the clock by more than `future_limit`. If it is `Quarantine`, every
    /// input path that reports a result for each tick refuses such a time.
    pub future: RuleAction,
    /// The limit of `future`.
    pub future_limit: TimeDelta,
    /// The action for a time behind the clock by more than `delayed_limit`.
    pub delayed: RuleAction,
    /// The limit of `delayed`.
    pub delayed_limit: TimeDelta,
    /// The action for a price that is zero or negative.
    pub not_positive: RuleAction,
    /// The action for a bid above the ask. Trades have neither.
    pub crossed: RuleAction,
    /// The action for a message that equals one of the last sixteen or has the key of the last one, after
    /// more than `repeated_limit` such messages in a row.
    pub repeated: RuleAction,
    /// The number of repetitions in a row that are allowed.
    pub repeated_limit: u32,
    /// The action for a bid and an ask that stay unchanged for more than `frozen_quote_ticks` ticks or for
    /// longer than `frozen_quote_time`. Trades have neither.
    pub frozen_quote: RuleAction,
    /// The number of unchanged ticks that are allowed; 0 for no limit.
    pub frozen_quote_ticks: u32,
    /// The time that quotes may stay unchanged; zero for no limit.
    pub frozen_quote_time: TimeDelta,
    /// The action for a mid price, or a price of a trade, that differs from the last one by more than
    /// `deviation_limit`.
    pub deviation: RuleAction,
    /// The limit of `deviation`, as a share of the last mid price.
    pub deviation_limit: Decimal,
    /// The action for a step from the last mid price that differs from the mean step by more than
    /// `z_score_limit` standard deviations.
    pub z_score: RuleAction,
    /// The limit of `z_score`, in standard deviations.
    pub z_score_limit: Decimal,
    /// The number of steps that `z_score` considers, 30 to 10,000. With fewer than 30 steps it finds nothing.
    pub z_score_window: usize,
    /// The minimum standard deviation, as a share of the price, so that the first step of a quiet market is
    /// not an outlier.
    pub z_score_floor: Decimal,
    /// The time for which prices are compared with the last mid price; later prices start over.
    pub reference_price_ttl: TimeDelta,
    /// The number of consecutive ticks that must agree on a new price before it is accepted: earlier ones
    /// are quarantined, the last one passes. At least 1; with 1, no tick is quarantined for its price.
    pub reprice_after: u32,
}

impl Default for QualityRules {
    /// Quarantines a time more than five minutes ahead of the clock, since such a tick would be the newest
    /// until that time. Other rules only flag ticks that are unusual in any market.
    fn default() -> Self {
        Self {
            future: RuleAction::Quarantine,
            future_limit: TimeDelta::minutes(5),
            delayed: RuleAction::Off,
            delayed_limit: TimeDelta::hours(1),
            not_positive: RuleAction::Flag,
            crossed: RuleAction::Flag,
            repeated: RuleAction::Off,
            repeated_limit: 10,
            frozen_quote: RuleAction::Off,
            frozen_quote_ticks: 1_000,
            frozen_quote_time: TimeDelta::minutes(10),
            deviation: RuleAction::Off,
            deviation_limit: Decimal::new(5, 2),
            z_score: RuleAction::Off,
            z_score_limit: Decimal::new(15, 0),
            z_score_window: 200,
            z_score_floor: Decimal::new(2, 5),
            reference_price_ttl: TimeDelta::minutes(10),
            reprice_after: 5,
        }
    }
}

setters!(QualityRules {
    set {
        /// Sets [`future`](field@Self::future).
        future: RuleAction,
        /// Sets [`future_limit`](field@Self::future_limit).
        future_limit: TimeDelta,
        /// Sets [`delayed`](field@Self::delayed).
        delayed: RuleAction,
        /// Sets [`delayed_limit`](field@Self::delayed_limit).
        delayed_limit: TimeDelta,
        /// Sets [`not_positive`](field@Self::not_positive).
        not_positive: RuleAction,
        /// Sets [`crossed`](field@Self::crossed).
        crossed: RuleAction,
        /// Sets [`repeated`](field@Self::repeated).
        repeated: RuleAction,
        /// Sets [`repeated_limit`](field@Self::repeated_limit).
        repeated_limit: u32,
        /// Sets [`frozen_quote`](field@Self::frozen_quote).
        frozen_quote: RuleAction,
        /// Sets [`frozen_quote_ticks`](field@Self::frozen_quote_ticks).
        frozen_quote_ticks: u32,
        /// Sets [`frozen_quote_time`](field@Self::frozen_quote_time).
        frozen_quote_time: TimeDelta,
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
        /// Sets [`reference_price_ttl`](field@Self::reference_price_ttl).
        reference_price_ttl: TimeDelta,
        /// Sets [`reprice_after`](field@Self::reprice_after).
        reprice_after: u32,
    }
});

impl QualityRules {
    /// The verdict on `time` at `now`, if it is ahead by more than `future_limit` and `future` is
    /// `Quarantine`. For input paths that report a result for each tick: they refuse a tick that a feed
    /// would quarantine.
    #[must_use]
    pub fn refuses_time(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        let refuses = self.future == RuleAction::Quarantine;
        self.ahead(time, now).filter(|_| refuses)
    }

    /// Checks `event` against the rules that need no earlier event.
    pub(super) fn check_alone(
        &self,
        event: &impl CheckedEvent,
        now: DateTime<Utc>,
        found: &mut Assessment,
    ) {
        found.check(self.future, || self.ahead(event.time(), now));
        found.check(self.delayed, || self.behind(event.time(), now));
        found.check(self.not_positive, || not_positive(event));
        found.check(self.crossed, || crossed(event));
    }

    fn ahead(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        beyond(Rule::Future, time - now, self.future_limit)
    }

    fn behind(&self, time: DateTime<Utc>, now: DateTime<Utc>) -> Option<Verdict> {
        beyond(Rule::Delayed, now - time, self.delayed_limit)
    }

    /// Sets the action of every rule, and keeps the limits.
    #[must_use]
    pub fn all(self, action: RuleAction) -> Self {
        Self {
            future: action,
            delayed: action,
            not_positive: action,
            crossed: action,
            repeated: action,
            frozen_quote: action,
            deviation: action,
            z_score: action,
            ..self
        }
    }
}

#[cfg(feature = "config")]
impl QualityRules {
    /// Sets the value of the setting `key` of a settings file.
    ///
    /// # Errors
    /// The key is unknown, or the value is invalid: what is wrong, without the key.
    pub(crate) fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        match key {
            "future" => self.future = action(text)?,
            "future_limit_ms" => self.future_limit = millis(text)?,
            "delayed" => self.delayed = action(text)?,
            "delayed_limit_ms" => self.delayed_limit = millis(text)?,
            "not_positive" => self.not_positive = action(text)?,
            "crossed" => self.crossed = action(text)?,
            "repeated" => self.repeated = action(text)?,
            "repeated_limit" => self.repeated_limit = number(text, 0, 1_000_000)?,
            "frozen_quote" => self.frozen_quote = action(text)?,
            "frozen_quote_ticks" => self.frozen_quote_ticks = number(text, 0, 1_000_000_000)?,
            "frozen_quote_ms" => self.frozen_quote_time = millis(text)?,
            "deviation" => self.deviation = action(text)?,
            "deviation_limit" => self.deviation_limit = decimal(text)?,
            "z_score" => self.z_score = action(text)?,
            "z_score_limit" => self.z_score_limit = decimal(text)?,
            "z_score_window" => self.z_score_window = number(text, 30, 10_000)?,
            "z_score_floor" => self.z_score_floor = decimal(text)?,
            "reference_price_ttl_ms" => self.reference_price_ttl = millis(text)?,
            "reprice_after" => self.reprice_after = number(text, 1, 1_000_000)?,
            _ => return Err("is not a setting: see [quality] in config/default.toml".to_owned()),
        }
        Ok(())
    }
}

fn not_positive(event: &impl CheckedEvent) -> Option<Verdict> {
    let lower = event.lowest_price()?;
    let is_positive = lower.is_sign_positive() && !lower.is_zero();
    (!is_positive).then_some(Verdict {
        rule: Rule::NotPositive,
        observed: lower,
        limit: Decimal::ZERO,
    })
}

fn crossed(event: &impl CheckedEvent) -> Option<Verdict> {
    let (bid, ask) = event.bid_and_ask()?;
    (bid > ask).then(|| Verdict {
        rule: Rule::Crossed,
        // a difference that overflows counts as the largest number
        observed: bid.checked_sub(ask).unwrap_or(Decimal::MAX),
        limit: Decimal::ZERO,
    })
}

/// A verdict if `observed` exceeds `limit`; exact to the microsecond.
pub(super) fn beyond(rule: Rule, observed: TimeDelta, limit: TimeDelta) -> Option<Verdict> {
    let seconds =
        |time: TimeDelta| Decimal::new(time.num_microseconds().unwrap_or(i64::MAX), 6).normalize();
    (observed > limit).then(|| Verdict {
        rule,
        observed: seconds(observed),
        limit: seconds(limit),
    })
}
