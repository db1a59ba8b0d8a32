use chrono::{DateTime, Utc};

use super::*;
use crate::audit::FindingKind;
use crate::domain::SymbolId;

/// A Thursday.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01")
}

fn tick(seconds: i64, bid: i64, ask: i64) -> Tick {
    Tick::quote(
        SymbolId::new(7),
        start() + TimeDelta::seconds(seconds),
        Decimal::from(bid),
        Decimal::from(ask),
    )
}

fn problems(limits: TickLimits, ticks: &[Tick]) -> Vec<Problem> {
    let mut checks = TickChecks::new(limits, None);
    let mut found = Vec::new();
    for tick in ticks {
        checks.check(tick, &mut found);
    }
    checks.end(&mut found);
    found
}

fn streak(problem: &Problem) -> (i64, i64, u64) {
    let streak = problem.streak().expect("a run");
    let seconds = |time: DateTime<Utc>| (time - start()).num_seconds();
    (
        seconds(streak.first.tick_time),
        seconds(streak.last.tick_time),
        streak.count,
    )
}

#[test]
fn good_ticks_have_no_problem() {
    let ticks = [tick(0, 1, 2), tick(1, 1, 1), tick(2, 2, 3)];
    assert_eq!(problems(TickLimits::default(), &ticks), []);
}

#[test]
fn consecutive_crossed_quotes_are_one_finding() {
    let ticks = [
        tick(0, 1, 2),
        tick(1, 4, 3),
        tick(2, 5, 3),
        tick(3, 1, 2),
        tick(4, 3, 2),
    ];
    let found = problems(TickLimits::default(), &ticks);
    assert!(
        found
            .iter()
            .all(|it| it.kind() == FindingKind::CrossedQuotes)
    );
    let runs: Vec<_> = found.iter().map(streak).collect();
    assert_eq!(runs, [(1, 2, 2), (4, 4, 1)]);
}

#[test]
fn absent_sides_are_valid() {
    let limits = TickLimits {
        frozen: Some(TimeDelta::seconds(3)),
        ..TickLimits::default()
    };
    let ticks = [
        tick(0, 1, 2).with_ask(None),
        tick(2, 1, 2),
        tick(4, 1, 2).with_ask(None),
        tick(6, 5, 2).with_bid(None),
        tick(8, 5, -2).with_ask(None),
    ];
    assert_eq!(problems(limits, &ticks), []);
    let found = problems(limits, &[tick(0, 5, -2).with_bid(None)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind(), FindingKind::NonPositivePrices);
    let text = found[0].to_string();
    assert!(text.contains("with bid none ask -2"), "{text}");
}

#[test]
fn prices_of_zero_and_below_are_found() {
    let ticks = [tick(0, 1, 2), tick(1, 0, 2), tick(2, -2, -1), tick(3, 1, 2)];
    let found = problems(TickLimits::default(), &ticks);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind(), FindingKind::NonPositivePrices);
    assert_eq!(streak(&found[0]), (1, 2, 2));
}

#[test]
fn quote_unchanged_beyond_the_limit_is_found() {
    let limits = |seconds| TickLimits {
        frozen: Some(TimeDelta::seconds(seconds)),
        ..TickLimits::default()
    };
    let ticks = [
        tick(0, 1, 2),
        tick(10, 3, 4),
        tick(20, 3, 4),
        tick(40, 3, 4),
        tick(50, 1, 2),
    ];
    let found = problems(limits(29), &ticks);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind(), FindingKind::FrozenQuotes);
    assert_eq!(streak(&found[0]), (10, 40, 3));
    assert_eq!(problems(limits(30), &ticks), []);
    // a run that ends with the last tick counts as well
    assert_eq!(problems(limits(29), &ticks[..4]).len(), 1);
}

#[test]
fn gap_is_longer_than_its_limit() {
    let limits = |seconds| TickLimits {
        gap: Some(TimeDelta::seconds(seconds)),
        ..TickLimits::default()
    };
    let ticks = [tick(0, 1, 2), tick(60, 1, 2), tick(61, 1, 2)];
    let found = problems(limits(59), &ticks);
    let [Problem::TickGap { from, to, .. }] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((from, to), (ticks[0].tick_time, ticks[1].tick_time));
    assert_eq!(problems(limits(60), &ticks), []);
}

#[test]
fn tick_received_before_its_time_is_found() {
    let received = |tick: Tick, before: i64| {
        let at = tick.tick_time - TimeDelta::milliseconds(before);
        tick.with_received_at(at)
    };
    let ticks = [
        received(tick(0, 1, 2), 1_000),
        received(tick(1, 1, 2), 1_001),
        received(tick(2, 1, 2), -5_000),
    ];
    let found = problems(TickLimits::default(), &ticks);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind(), FindingKind::ReceivedEarly);
    assert_eq!(streak(&found[0]), (1, 1, 1));
}

#[test]
fn sequence_against_the_arrival_order_is_found() {
    let at = |sequence, millis| {
        tick(0, 1, 2)
            .with_sequence(sequence)
            .with_received_at(Some(start() + TimeDelta::milliseconds(millis)))
    };
    let found = problems(TickLimits::default(), &[at(0, 20), at(1, 10), at(2, 10)]);
    let [Problem::SequenceOrder { before, tick }] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((before.sequence, tick.sequence), (0, 1));
}

#[test]
fn unordered_listing_and_repeated_key_are_found() {
    let ticks = [tick(1, 1, 2), tick(0, 1, 2), tick(2, 1, 2), tick(2, 1, 3)];
    let found = problems(TickLimits::default(), &ticks);
    let kinds: Vec<_> = found.iter().map(Problem::kind).collect();
    assert_eq!(kinds, [FindingKind::KeyOrder; 2]);
}
