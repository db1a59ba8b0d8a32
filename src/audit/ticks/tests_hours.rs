//! Tests of gaps and frozen quotes with the hours of an exchange.

use super::*;
use crate::domain::{Exchange, SymbolId, parse_sessions};

const FX: (&str, &str) = ("America/New_York", "sun-thu 17:00-17:00");
const NSE: (&str, &str) = ("Asia/Kolkata", "mon-fri 09:15-15:30");
const ALWAYS: (&str, &str) = ("UTC", "mon-sun 00:00-24:00");

fn hours((zone, sessions): (&str, &str)) -> Option<TradingHours> {
    let sessions = parse_sessions(sessions).expect("sessions");
    let exchange = Exchange::named("venue").time_zone(zone).sessions(sessions);
    exchange.trading_hours().expect("valid")
}

/// The problems of equal quotes at these times.
fn problems(limits: TickLimits, hours: Option<TradingHours>, times: &[&str]) -> Vec<Problem> {
    let mut checks = TickChecks::new(limits, hours);
    let mut found = Vec::new();
    for time in times {
        let time = time.parse().expect("a time");
        let tick = Tick::quote(SymbolId::new(7), time, Decimal::ONE, Decimal::TWO);
        checks.check(&tick, &mut found);
    }
    checks.end(&mut found);
    found
}

/// The minutes of each gap of more than five minutes.
fn gaps(hours: Option<TradingHours>, times: &[&str]) -> Vec<i64> {
    let limits = TickLimits::default().gap(TimeDelta::minutes(5));
    let minutes = |problem: Problem| match problem {
        Problem::TickGap { length, .. } => length.num_minutes(),
        other => panic!("{other:?}"),
    };
    let found = problems(limits, hours, times);
    found.into_iter().map(minutes).collect()
}

#[test]
fn fx_weekend_is_no_gap_in_winter_and_summer() {
    // three minutes before the close on Friday, two and three minutes after the opening on Sunday
    for [friday, at_two, at_three] in [
        [
            "2026-01-09T21:57:00Z",
            "2026-01-11T22:02:00Z",
            "2026-01-11T22:03:00Z",
        ],
        [
            "2026-07-10T20:57:00Z",
            "2026-07-12T21:02:00Z",
            "2026-07-12T21:03:00Z",
        ],
    ] {
        assert_eq!(gaps(hours(FX), &[friday, at_two]), [0_i64; 0]);
        assert_eq!(gaps(hours(FX), &[friday, at_three]), [6]);
        // the opening of the next day is no pause
        assert_eq!(gaps(None, &[friday, at_two]), [48 * 60 + 5]);
    }
    let sunday = ["2026-01-11T23:00:00Z", "2026-01-12T00:00:00Z"];
    assert_eq!(gaps(hours(FX), &sunday), [60]);
    let close_of_monday = ["2026-01-12T21:57:00Z", "2026-01-12T22:03:00Z"];
    assert_eq!(gaps(hours(FX), &close_of_monday), [6]);
}

#[test]
fn fx_weekends_of_dst_changes_are_no_gaps() {
    // clocks are set forward on 2026-03-08 and back on 2026-11-01, so these weekends have 47 and 49 hours
    for [friday, at_two, at_three] in [
        [
            "2026-03-06T21:57:00Z",
            "2026-03-08T21:02:00Z",
            "2026-03-08T21:03:00Z",
        ],
        [
            "2026-10-30T20:57:00Z",
            "2026-11-01T22:02:00Z",
            "2026-11-01T22:03:00Z",
        ],
    ] {
        assert_eq!(gaps(hours(FX), &[friday, at_two]), [0_i64; 0]);
        assert_eq!(gaps(hours(FX), &[friday, at_three]), [6]);
    }
}

#[test]
fn nse_night_and_weekend_are_no_gaps() {
    let (monday, friday) = ("2026-03-02T15:27:00+05:30", "2026-03-06T15:27:00+05:30");
    for (before, after, minutes) in [
        (monday, "2026-03-03T09:17:00+05:30", None),
        (monday, "2026-03-03T09:18:00+05:30", Some(6)),
        (friday, "2026-03-09T09:17:00+05:30", None),
        (friday, "2026-03-09T09:18:00+05:30", Some(6)),
        // without a tick on Tuesday
        (monday, "2026-03-04T09:17:00+05:30", Some(5 + 6 * 60 + 15)),
    ] {
        let found = gaps(hours(NSE), &[before, after]);
        assert_eq!(found, Vec::from_iter(minutes), "{before} {after}");
    }
}

#[test]
fn venue_that_never_closes_has_gaps_at_weekends() {
    let saturday = ["2026-01-10T12:00:00Z", "2026-01-10T12:06:00Z"];
    let week = ["2026-01-09T12:00:00Z", "2026-01-16T12:00:00Z"];
    for venue in [hours(ALWAYS), None] {
        assert_eq!(gaps(venue.clone(), &saturday), [6]);
        assert_eq!(gaps(venue, &week), [7 * 24 * 60]);
    }
}

#[test]
fn quote_is_not_frozen_while_the_exchange_is_closed() {
    let limits = TickLimits::default().frozen(TimeDelta::minutes(5));
    let frozen = |venue, times: &[&str]| problems(limits, hours(venue), times).len();
    let weekend = ["2026-01-09T21:57:00Z", "2026-01-11T22:02:00Z"];
    assert_eq!(frozen(FX, &weekend), 0);
    assert_eq!(frozen(ALWAYS, &weekend), 1);
    assert_eq!(frozen(FX, &[weekend[0], "2026-01-11T22:03:00Z"]), 1);
}
