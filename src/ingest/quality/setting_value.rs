//! Parses the values of the settings of data-quality rules. Errors say what the value must be.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::assessment::RuleAction;
use crate::domain::parse_decimal;

const ACTIONS: [RuleAction; 3] = [RuleAction::Off, RuleAction::Flag, RuleAction::Quarantine];

/// A century, in milliseconds.
const MAX_MILLIS: i64 = 100 * 366 * 86_400_000;

pub(super) fn action(text: &str) -> Result<RuleAction, String> {
    let found = ACTIONS.into_iter().find(|action| action.as_str() == text);
    found.ok_or_else(|| "must be off, flag or quarantine".to_owned())
}

pub(super) fn number<T: TryFrom<i64>>(text: &str, low: i64, high: i64) -> Result<T, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (low..=high).contains(number));
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {low} to {high}"))
}

pub(super) fn millis(text: &str) -> Result<TimeDelta, String> {
    number(text, 0, MAX_MILLIS).map(TimeDelta::milliseconds)
}

pub(super) fn decimal(text: &str) -> Result<Decimal, String> {
    let number = parse_decimal(text).ok();
    number
        .filter(|number: &Decimal| {
            !number.is_sign_negative() && *number <= Decimal::from(1_000_000)
        })
        .ok_or_else(|| "must be a number from 0 to 1000000".to_owned())
}
