use chrono::Weekday;
use chrono_tz::TZ_VARIANTS;

use super::*;
use crate::domain::exchange_session::parse_sessions;

fn hours(zone: Tz, sessions: &[&str]) -> TradingHours {
    let parsed = sessions
        .iter()
        .flat_map(|text| parse_sessions(text).expect("sessions"));
    TradingHours::new(zone, &Vec::from_iter(parsed)).expect("sessions")
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// The open minutes from `from` to `to`.
fn minutes(hours: &TradingHours, from: &str, to: &str) -> i64 {
    hours.open_time(time(from), time(to)).num_minutes()
}

#[test]
fn session_ends_after_midnight() {
    let hours = hours(Tz::UTC, &["sun 22:00-06:00"]);
    for (from, to, open) in [
        ("2026-01-04T00:00:00Z", "2026-01-06T00:00:00Z", 8 * 60),
        ("2026-01-04T23:59:00Z", "2026-01-05T00:01:00Z", 2),
        ("2026-01-05T05:59:00Z", "2026-01-05T06:01:00Z", 1),
        ("2026-01-04T21:59:00Z", "2026-01-04T22:01:00Z", 1),
        ("2026-01-05T07:00:00Z", "2026-01-10T00:00:00Z", 0),
        ("2026-01-04T00:00:00Z", "2026-02-01T00:00:00Z", 4 * 8 * 60),
        ("2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", 0),
        ("2026-01-05T05:00:00Z", "2026-01-05T00:00:00Z", 0),
    ] {
        assert_eq!(minutes(&hours, from, to), open, "{from} {to}");
    }
}

#[test]
fn nights_of_dst_changes_have_their_true_length() {
    let night = hours(Tz::America__New_York, &["sat 22:00-06:00"]);
    for (from, to, open) in [
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", 8),
        // 02:00 to 03:00 does not exist
        ("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", 7),
        ("2026-03-15T00:00:00Z", "2026-03-16T00:00:00Z", 8),
        // 01:00 to 02:00 occurs twice
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", 9),
        ("2026-11-08T00:00:00Z", "2026-11-09T00:00:00Z", 8),
    ] {
        assert_eq!(minutes(&night, from, to), open * 60, "{from}");
    }
}

#[test]
fn repeated_local_time_is_its_first_occurrence() {
    let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
    let short = hours(Tz::America__New_York, &["sun 01:15-01:45"]);
    assert_eq!(minutes(&short, from, to), 30);
    assert_eq!(
        minutes(&short, "2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z"),
        30
    );
    let long = hours(Tz::America__New_York, &["sun 01:30-02:30"]);
    assert_eq!(minutes(&long, from, to), 120);
    assert_eq!(
        minutes(&long, "2026-11-01T05:30:00Z", "2026-11-01T07:30:00Z"),
        120
    );
}

#[test]
fn skipped_local_time_is_the_end_of_the_gap() {
    let (from, to) = ("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z");
    for (session, open) in [
        ("sun 02:15-02:45", 0),
        ("sun 02:15-03:15", 15),
        ("sun 01:30-02:15", 30),
        ("sun 01:30-03:15", 45),
    ] {
        let hours = hours(Tz::America__New_York, &[session]);
        assert_eq!(minutes(&hours, from, to), open, "{session}");
    }
}

#[test]
fn venue_that_never_closes_is_open_in_every_zone() {
    // with the day that Samoa skipped, and changes at midnight
    let (from, to) = (time("2010-01-01T00:00:01Z"), time("2020-01-01T12:34:56Z"));
    for zone in TZ_VARIANTS {
        let hours = hours(zone, &["mon-sun 00:00-24:00"]);
        assert_eq!(hours.open_time(from, to), to - from, "{zone}");
    }
}

#[test]
fn week_replaces_the_one_before() {
    let hours = hours(
        Tz::UTC,
        &[
            "2026-01-05 mon-fri 09:00-17:00",
            "2026-02-02 tue 10:00-11:00",
        ],
    );
    for (from, to, open) in [
        // unknown before the first week
        ("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", 24 * 60),
        ("2026-01-04T12:00:00Z", "2026-01-05T10:00:00Z", 13 * 60),
        ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z", 5 * 8 * 60),
        // Monday has no session any more
        ("2026-02-02T00:00:00Z", "2026-02-09T00:00:00Z", 60),
        ("2026-01-30T16:00:00Z", "2026-02-03T10:30:00Z", 60 + 30),
    ] {
        assert_eq!(minutes(&hours, from, to), open, "{from} {to}");
    }
}

#[test]
fn overlap_of_two_weeks_counts_once() {
    let hours = hours(
        Tz::UTC,
        &["1970-01-01 sun 20:00-08:00", "2026-01-05 mon 06:00-10:00"],
    );
    // from Sunday 20:00 to Monday 10:00
    let open = minutes(&hours, "2026-01-04T00:00:00Z", "2026-01-06T00:00:00Z");
    assert_eq!(open, 14 * 60);
}

/// Whether a session is open at a local time, for sessions that end on their day.
fn is_open(sessions: &[(Weekday, NaiveTime, NaiveTime)], local: NaiveDateTime) -> bool {
    let holds = |(weekday, open, close): &(Weekday, NaiveTime, NaiveTime)| {
        *weekday == local.weekday() && *open <= local.time() && local.time() < *close
    };
    sessions.iter().any(holds)
}

#[test]
fn open_time_is_the_number_of_open_minutes() {
    let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");
    for zone in [
        Tz::America__New_York,
        Tz::Europe__London,
        Tz::Australia__Lord_Howe,
    ] {
        let texts = [
            "mon-fri 04:15-12:30",
            "mon-fri 13:45-20:00",
            "sun 03:30-23:59",
        ];
        let hours = hours(zone, &texts);
        let mut sessions = vec![(Weekday::Sun, at(3, 30), at(23, 59))];
        for day in 0..5_u8 {
            let weekday = Weekday::try_from(day).expect("a weekday");
            sessions.push((weekday, at(4, 15), at(12, 30)));
            sessions.push((weekday, at(13, 45), at(20, 0)));
        }
        let begin = time("2026-03-01T00:00:00Z");
        // the weeks of all changes of these zones
        let mut open = TimeDelta::zero();
        for minute in 0..270 * 24 * 60 {
            let now = begin + TimeDelta::minutes(minute);
            if minute % 1_009 == 0 {
                assert_eq!(hours.open_time(begin, now), open, "{zone} {now}");
            }
            if is_open(&sessions, now.with_timezone(&zone).naive_local()) {
                open += TimeDelta::minutes(1);
            }
        }
    }
}
