//! Each rule at its limit, and all rules together.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{Rule, SymbolId, Tick};

const SYMBOL: SymbolId = SymbolId::new(1);

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(16_000)
}

/// All rules off.
pub(super) fn silent() -> QualityRules {
    QualityRules::default().all(RuleAction::Off)
}

/// A quote two cents wide around `cents`, `millis` after the start.
pub(super) fn quote(millis: i64, cents: i64) -> Tick {
    let time = start() + TimeDelta::milliseconds(millis);
    let price = |cents| Decimal::new(cents, 2);
    Tick::quote(SYMBOL, time, price(cents - 1), price(cents + 1))
}

/// The finding on a tick that arrives at its own time.
pub(super) fn check(control: &mut QualityControl, tick: &Tick) -> Option<(Rule, Decimal, Decimal)> {
    let found = control.check(tick, tick.tick_time);
    let verdict = found.quarantine();
    assert_eq!(verdict.is_none(), found.is_clean(), "{found:?}");
    verdict.map(|verdict| (verdict.rule, verdict.observed, verdict.limit))
}

pub(super) fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

#[test]
fn old_time_is_found_beyond_its_limit() {
    let rules = QualityRules {
        delayed: RuleAction::Quarantine,
        delayed_limit: TimeDelta::milliseconds(1_500),
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    let tick = quote(0, 100);
    let at_limit = start() + TimeDelta::milliseconds(1_500);
    assert!(control.check(&tick, at_limit).is_clean());
    let beyond = control.check(&tick, at_limit + TimeDelta::microseconds(1));
    let verdict = beyond.quarantine().expect("too old");
    assert_eq!(verdict.rule, Rule::Delayed);
    assert_eq!(
        (verdict.observed, verdict.limit),
        (dec("1.500001"), dec("1.5"))
    );
}

#[test]
fn price_of_zero_or_below_is_found() {
    let rules = QualityRules {
        not_positive: RuleAction::Quarantine,
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    assert_eq!(check(&mut control, &quote(0, 2)), None);
    for (cents, observed) in [(1, "0"), (0, "-0.01"), (-5, "-0.06")] {
        let found = check(&mut control, &quote(0, cents));
        assert_eq!(
            found,
            Some((Rule::NotPositive, dec(observed), Decimal::ZERO))
        );
    }
}

#[test]
fn bid_above_the_ask_is_found_and_one_at_it_is_not() {
    let rules = QualityRules {
        crossed: RuleAction::Quarantine,
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    let locked = Tick::quote(SYMBOL, start(), dec("1.38"), dec("1.380"));
    assert_eq!(check(&mut control, &locked), None);
    let crossed = Tick::quote(SYMBOL, start(), dec("1.38001"), dec("1.38"));
    let found = Some((Rule::Crossed, dec("0.00001"), Decimal::ZERO));
    assert_eq!(check(&mut control, &crossed), found);
}

#[test]
fn repeated_message_is_found() {
    let rules = QualityRules {
        repeated: RuleAction::Quarantine,
        repeated_limit: 2,
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    // another sequence within the instant does not make another message
    let again = |sequence| quote(0, 100).with_sequence(sequence);
    for sequence in 0..3 {
        assert_eq!(check(&mut control, &again(sequence)), None);
    }
    let found = Some((Rule::Repeated, dec("3"), dec("2")));
    assert_eq!(check(&mut control, &again(3)), found);
    // the same prices at another time are another message
    assert_eq!(check(&mut control, &quote(1, 100)), None);
    assert_eq!(
        check(&mut control, &again(4)),
        None,
        "counted from the start"
    );
    // a repeated key is a repetition, regardless of the content
    let mut control = QualityControl::new(QualityRules {
        repeated: RuleAction::Quarantine,
        repeated_limit: 0,
        ..silent()
    });
    assert_eq!(check(&mut control, &quote(0, 100)), None);
    let found = Some((Rule::Repeated, dec("1"), dec("0")));
    assert_eq!(check(&mut control, &quote(0, 101)), found);
}

#[test]
fn quote_is_frozen_after_a_count_or_a_duration() {
    let rules = QualityRules {
        frozen_quote: RuleAction::Quarantine,
        frozen_quote_ticks: 3,
        frozen_quote_time: TimeDelta::seconds(10),
        ..silent()
    };
    let mut control = QualityControl::new(rules.clone());
    for millis in 0..3 {
        assert_eq!(check(&mut control, &quote(millis, 100)), None);
    }
    let found = Some((Rule::FrozenQuote, dec("4"), dec("3")));
    assert_eq!(check(&mut control, &quote(3, 100)), found);
    assert_eq!(check(&mut control, &quote(4, 101)), None);
    assert_eq!(check(&mut control, &quote(10_004, 101)), None);
    let found = Some((Rule::FrozenQuote, dec("10.001"), dec("10")));
    assert_eq!(check(&mut control, &quote(10_005, 101)), found);

    let mut control = QualityControl::new(QualityRules {
        frozen_quote_ticks: 0,
        frozen_quote_time: TimeDelta::zero(),
        ..rules
    });
    for millis in 0..1_000 {
        assert_eq!(check(&mut control, &quote(millis * 60_000, 100)), None);
    }
}

fn deviation() -> QualityRules {
    QualityRules {
        deviation: RuleAction::Quarantine,
        deviation_limit: dec("0.1"),
        reprice_after: 3,
        reference_price_ttl: TimeDelta::seconds(60),
        ..silent()
    }
}

#[test]
fn price_deviates_beyond_its_share_of_the_last_one() {
    let mut control = QualityControl::new(deviation());
    assert_eq!(check(&mut control, &quote(0, 1_000)), None);
    assert_eq!(check(&mut control, &quote(1, 1_100)), None);
    let found = Some((Rule::Deviation, dec("0.11"), dec("0.1")));
    assert_eq!(check(&mut control, &quote(2, 1_221)), found);
    // a quarantined tick does not set the last price
    assert_eq!(check(&mut control, &quote(3, 1_100)), None);
    assert_eq!(check(&mut control, &quote(4, 990)), None);
    // after a pause there is no last price
    assert_eq!(check(&mut control, &quote(60_004, 1_089)), None);
    assert_eq!(check(&mut control, &quote(120_005, 10)), None);
}

#[test]
fn confirmed_price_becomes_the_reference() {
    let mut control = QualityControl::new(deviation());
    let mut held = |millis, cents| check(&mut control, &quote(millis, cents)).is_some();
    assert!(!held(0, 1_000));
    // three prices that disagree confirm nothing
    assert!(held(1, 2_000) && held(2, 4_000) && held(3, 8_000));
    // three prices with a normal one between them confirm nothing either
    assert!(held(4, 2_000) && held(5, 2_010));
    assert!(!held(6, 1_000));
    assert!(held(7, 2_000) && held(8, 2_010));
    assert!(!held(9, 2_020), "the third in a row");
    assert!(!held(10, 2_100));
    assert!(held(11, 1_000), "the old price is an outlier now");
}

#[test]
fn symbols_are_judged_apart_and_by_their_own_rules() {
    let other = SymbolId::new(2);
    let mut control = QualityControl::new(deviation()).with_symbol(other, silent());
    let of_other = |tick: Tick| tick.with_symbol_id(other);
    assert_eq!(check(&mut control, &quote(0, 1_000)), None);
    assert_eq!(check(&mut control, &of_other(quote(1, 9_000))), None);
    assert_eq!(check(&mut control, &of_other(quote(2, 1))), None);
    assert_eq!(check(&mut control, &quote(3, 1_050)), None);
    assert!(check(&mut control, &quote(4, 9_000)).is_some());
}

#[test]
fn unusual_step_is_found_by_its_z_score() {
    let rules = QualityRules {
        z_score: RuleAction::Quarantine,
        z_score_limit: dec("6"),
        z_score_window: 100,
        z_score_floor: dec("0.0000001"),
        ..silent()
    };
    let mut control = QualityControl::new(rules.clone());
    // steps of one up and one down: a mean of 0, a deviation of 1.005
    let mut millis = 0;
    let mut next = |control: &mut QualityControl, cents| {
        millis += 1;
        check(control, &quote(millis, cents))
    };
    for index in 0..101 {
        assert_eq!(next(&mut control, 10_000 + index % 2), None);
    }
    assert_eq!(next(&mut control, 10_006), None, "six steps are within");
    let mut control = QualityControl::new(rules.clone());
    for index in 0..101 {
        assert_eq!(next(&mut control, 10_000 + index % 2), None);
    }
    let (rule, observed, limit) = next(&mut control, 10_007).expect("seven are not");
    assert_eq!((rule, limit), (Rule::ZScore, dec("6")));
    assert!((observed - dec("6.965")).abs() < dec("0.01"), "{observed}");

    // the rule needs thirty steps
    let mut control = QualityControl::new(rules);
    for index in 0..30 {
        assert_eq!(next(&mut control, 10_000 + index % 2), None);
    }
    assert_eq!(next(&mut control, 20_000), None);
}

#[test]
fn first_step_of_a_quiet_market_uses_the_floor() {
    let rules = QualityRules {
        z_score: RuleAction::Quarantine,
        z_score_limit: dec("10"),
        z_score_floor: dec("0.001"),
        ..silent()
    };
    let mut control = QualityControl::new(rules);
    for millis in 0..100 {
        assert_eq!(check(&mut control, &quote(millis, 10_000)), None);
    }
    assert_eq!(check(&mut control, &quote(100, 10_100)), None);
    assert!(check(&mut control, &quote(101, 10_500)).is_some());
}

#[test]
fn flagged_tick_passes_and_becomes_the_reference() {
    let mut control = QualityControl::new(QualityRules {
        deviation: RuleAction::Flag,
        ..deviation()
    });
    control.check(&quote(0, 1_000), start());
    let found = control.check(&quote(1, 2_000), start());
    assert_eq!(found.quarantine(), None);
    let flags: Vec<_> = found.verdicts().collect();
    assert!(matches!(flags[..], [(RuleAction::Flag, verdict)] if verdict.rule == Rule::Deviation));
    assert!(control.check(&quote(2, 2_000), start()).is_clean());
}

#[test]
fn first_rule_decides_and_all_are_reported() {
    let rules = QualityRules::default().all(RuleAction::Quarantine);
    // ahead of the clock, below zero, crossed
    let bad = Tick::quote(SYMBOL, start(), dec("-1"), dec("-2"));
    let early = start() - TimeDelta::hours(1);
    let found = QualityControl::new(rules.clone()).check(&bad, early);
    let reported: Vec<_> = found.verdicts().map(|(_, verdict)| verdict.rule).collect();
    assert_eq!(reported, [Rule::Future, Rule::NotPositive, Rule::Crossed]);
    assert_eq!(
        found.quarantine().map(|verdict| verdict.rule),
        Some(Rule::Future)
    );
    // a flagging rule does not quarantine, even if it comes first
    let rules = QualityRules {
        future: RuleAction::Flag,
        ..rules
    };
    let found = QualityControl::new(rules).check(&bad, early);
    let decides = found.quarantine().map(|verdict| verdict.rule);
    assert_eq!(decides, Some(Rule::NotPositive));
}

#[test]
fn numbers_too_large_for_a_sum_cause_no_panic() {
    let rules = QualityRules::default().all(RuleAction::Quarantine);
    let mut control = QualityControl::new(rules);
    for (index, price) in [Decimal::MAX, Decimal::MIN, Decimal::MAX, Decimal::ONE]
        .iter()
        .enumerate()
    {
        let time = start() + TimeDelta::seconds(index as i64);
        control.check(&Tick::quote(SYMBOL, time, *price, Decimal::MAX), time);
        control.check(&Tick::quote(SYMBOL, time, Decimal::MAX, *price), time);
    }
}

proptest! {
    #[test]
    fn clean_random_walk_is_never_quarantined(
        digits in 2_u32..6, first in 10_000_i64..2_000_000, widest in 1_i64..8,
        steps in proptest::collection::vec((any::<u32>(), 1_i64..5_000), 1..600),
    ) {
        // not even with every rule set to quarantine, at the default limits
        let strict = QualityRules::default().all(RuleAction::Quarantine);
        let mut controls = [
            QualityControl::new(QualityRules::default()),
            QualityControl::new(strict),
        ];
        let (mut bid, mut time) = (first, start());
        for (random, millis) in steps {
            let random = i64::from(random);
            bid = (bid + random % (2 * widest + 1) - widest).max(1_000);
            time += TimeDelta::milliseconds(millis);
            let price = |units| Decimal::new(units, digits);
            let tick = Tick::quote(SYMBOL, time, price(bid), price(bid + 1 + random % 5));
            for control in &mut controls {
                let found = control.check(&tick, time);
                prop_assert!(found.is_clean(), "{:?} {:?}", found, tick);
            }
        }
    }

    #[test]
    fn spike_in_a_random_walk_is_quarantined_alone(
        steps in proptest::collection::vec(-3_i64..=3, 100..300), at in 40_usize..100,
        spike in prop_oneof![-60_000_i64..-20_000, 20_000_i64..60_000],
    ) {
        let rules = QualityRules {
            z_score: RuleAction::Quarantine,
            deviation: RuleAction::Quarantine,
            ..silent()
        };
        let mut control = QualityControl::new(rules);
        let mut cents = 100_000;
        for (index, step) in steps.iter().enumerate() {
            cents += step;
            let offset = if index == at { spike } else { 0 };
            let found = check(&mut control, &quote(index as i64, cents + offset));
            prop_assert_eq!(found.is_some(), index == at, "{} {:?}", index, found);
        }
    }
}

proptest! {
    #[test]
    fn wild_times_make_no_rule_fail(
        micros in prop::collection::vec(any::<i64>(), 1..20),
        limit in 0_i64..10_000_000_000_000,
    ) {
        let limit = TimeDelta::milliseconds(limit);
        let rules = QualityRules {
            future_limit: limit,
            delayed_limit: limit,
            frozen_quote_time: limit,
            reference_price_ttl: limit,
            ..QualityRules::default().all(RuleAction::Quarantine)
        };
        let mut control = QualityControl::new(rules);
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let others = micros.into_iter().filter_map(DateTime::from_timestamp_micros);
        for time in [first, last, first].into_iter().chain(others) {
            for now in [first, start(), last] {
                let tick = quote(0, 100).with_tick_time(time);
                let _ = control.check(&tick, now);
            }
        }
    }
}
