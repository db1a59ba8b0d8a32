//! The rules on ticks with one side.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::control_tests::{check, dec, quote, silent};
use super::*;
use crate::domain::Rule;

#[test]
fn absent_sides_are_neither_crossed_nor_not_positive() {
    let rules = QualityRules {
        not_positive: RuleAction::Quarantine,
        crossed: RuleAction::Quarantine,
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    for one in [quote(0, 100).with_bid(None), quote(0, 100).with_ask(None)] {
        assert_eq!(check(&mut control, &one), None);
    }
    let negative = quote(0, -5).with_bid(None);
    let found = check(&mut control, &negative);
    let expected = (Rule::NotPositive, dec("-0.04"), Decimal::ZERO);
    assert_eq!(found, Some(expected));
}

#[test]
fn absent_side_counts_as_content_of_a_quote() {
    let rules = QualityRules {
        repeated: RuleAction::Quarantine,
        repeated_limit: 0,
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    let both = quote(0, 100);
    let messages = [
        both.clone(),
        both.clone().with_ask(None),
        both.clone().with_bid(None),
        both.clone().with_bid_volume(Decimal::ZERO),
    ];
    for (message, sequence) in messages.iter().zip(0..) {
        let message = message.clone().with_sequence(sequence);
        assert_eq!(check(&mut control, &message), None, "{message:?}");
    }
    let again = messages[1].clone().with_sequence(9);
    let found = check(&mut control, &again).map(|(rule, _, _)| rule);
    assert_eq!(found, Some(Rule::Repeated));

    let rules = QualityRules {
        frozen_quote: RuleAction::Quarantine,
        frozen_quote_ticks: 2,
        frozen_quote_time: TimeDelta::zero(),
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    let one = |millis| quote(millis, 100).with_ask(None);
    for tick in [one(0), one(1), quote(2, 100), one(3), one(4)] {
        assert_eq!(check(&mut control, &tick), None);
    }
    let found = check(&mut control, &one(5)).map(|(rule, _, _)| rule);
    assert_eq!(found, Some(Rule::FrozenQuote));
}

#[test]
fn ticks_of_one_side_leave_the_last_price() {
    let rules = QualityRules {
        deviation: RuleAction::Quarantine,
        deviation_limit: dec("0.5"),
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    assert_eq!(check(&mut control, &quote(0, 100)), None);
    let far = quote(1, 100_000).with_bid(None);
    assert_eq!(check(&mut control, &far), None);
    assert_eq!(check(&mut control, &quote(2, 101)), None);
    let found = check(&mut control, &quote(3, 100_000)).map(|(rule, _, _)| rule);
    assert_eq!(found, Some(Rule::Deviation));
}
