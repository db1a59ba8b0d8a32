use chrono::{DateTime, Datelike as _, Timelike as _, Utc, Weekday};
use proptest::prelude::*;

use super::super::time::{earliest_time, latest_time};
use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn named(name: &str) -> Timeframe {
    name.parse().expect(name)
}

/// Stored timeframes, and one or more of each other kind.
fn samples() -> Vec<Timeframe> {
    let names =
        "1s 5s 30s 1m 5m 15m 30m 1h 4h 1d 2m 3m 7m 45m 90m 1439m 2h 6h 25h 28h 2d 10d 1440d 1w 1M";
    names.split(' ').map(named).collect()
}

#[test]
fn each_width_divides_all_larger_ones() {
    for (index, small) in Timeframe::ALL.iter().copied().enumerate() {
        for large in &Timeframe::ALL[index + 1..] {
            assert!(small.divides(*large) && !large.divides(small));
        }
        assert!(!small.divides(small));
        assert!(small.divides(Timeframe::MN1) && small.divides(Timeframe::W1));
    }
    assert!(!Timeframe::W1.divides(Timeframe::MN1));
    assert!(!named("5m").divides(named("7m")));
}

#[test]
fn bucket_of_every_instant_has_both_ends() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for timeframe in samples() {
        for time in [first, last] {
            let start = timeframe.bucket_start(time);
            assert!(
                start <= time && timeframe.bucket_end(start) >= start,
                "{timeframe}"
            );
        }
        assert_eq!(timeframe.bucket_end(last), last);
    }
    for &timeframe in Timeframe::ALL {
        let end = DateTime::UNIX_EPOCH + timeframe.duration();
        assert_eq!(timeframe.bucket_end(DateTime::UNIX_EPOCH), end);
    }
}

#[test]
fn names_read_back() {
    for timeframe in samples() {
        assert_eq!(timeframe.to_string().parse(), Ok(timeframe));
        assert_eq!(
            Timeframe::parse_stored(timeframe.as_str()).is_ok(),
            timeframe.is_stored()
        );
    }
    for (given, name) in [
        ("60m", "1h"),
        ("7d", "1w"),
        ("48h", "2d"),
        ("120m", "2h"),
        ("14d", "14d"),
    ] {
        assert_eq!(named(given).to_string(), name);
    }
    let consts = [
        Timeframe::S1,
        Timeframe::S5,
        Timeframe::S10,
        Timeframe::S15,
        Timeframe::S30,
    ];
    assert_eq!(
        consts.map(Timeframe::as_str),
        ["1s", "5s", "10s", "15s", "30s"]
    );
}

#[test]
fn texts_that_name_no_timeframe_are_refused() {
    let wrong =
        "7x 0m 03m +3m -3m 3 m 2s 60s 1441m 86401m 2w 2M 1y 1H 1D 3min 1,5h 4294967296m 1441d é";
    for text in wrong.split(' ').chain(["", " 3m", "3m "]) {
        let error = text.parse::<Timeframe>().expect_err(text);
        let error = error.to_string();
        let expected = format!("invalid timeframe {text:?}: expected 1m, 5m, ");
        assert!(error.starts_with(&expected), "{error}");
        assert!(
            error.contains("such as 3m, 2h or 10d") && error.ends_with("1w or 1M"),
            "{error}"
        );
    }
    let error = named("3m").stored().expect_err("folded").to_string();
    assert_eq!(
        error,
        "invalid timeframe \"3m\": expected one of 1m, 5m, 15m, 30m, 1h, 4h, 1d"
    );
}

#[test]
fn multiples_are_equal_to_their_names() {
    assert_eq!(Timeframe::M1.times(3), Ok(named("3m")));
    assert_eq!(Timeframe::M5.times(12), Ok(Timeframe::H1));
    assert_eq!(Timeframe::D1.times(1_440), Ok(named("1440d")));
    assert_eq!(Timeframe::MN1.times(1), Ok(Timeframe::MN1));
    for (timeframe, count) in [
        (Timeframe::M1, 0),
        (Timeframe::M1, 1_441),
        (Timeframe::D1, u32::MAX),
        (Timeframe::S1, 2),
        (Timeframe::MN1, 2),
    ] {
        assert!(timeframe.times(count).is_err(), "{count} x {timeframe}");
    }
}

#[test]
fn source_is_the_largest_stored_divisor() {
    for timeframe in samples() {
        let divisors = Timeframe::ALL.iter().filter(|one| one.divides(timeframe));
        let expected = match timeframe.is_stored() {
            true => None,
            false => divisors.max().copied(),
        };
        assert_eq!(timeframe.source(), expected, "{timeframe}");
    }
    for (name, parts) in [
        ("1s", 1),
        ("5m", 1),
        ("7m", 7),
        ("90m", 3),
        ("28h", 7),
        ("1M", 31),
    ] {
        assert_eq!(named(name).parts(), parts, "{name}");
    }
}

#[test]
fn weeks_start_on_monday_and_months_on_the_first() {
    // a leap day, the turn of a year, and the limits of all ticks
    for (time, week, month) in [
        (
            "2024-02-29T23:59:59.999999Z",
            "2024-02-26T00:00:00Z",
            "2024-02-01T00:00:00Z",
        ),
        (
            "2026-01-01T00:00:00Z",
            "2025-12-29T00:00:00Z",
            "2026-01-01T00:00:00Z",
        ),
        (
            "2014-05-05T00:00:00Z",
            "2014-05-05T00:00:00Z",
            "2014-05-01T00:00:00Z",
        ),
        (
            "1970-01-02T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
        ),
        (
            "2099-12-31T23:59:59Z",
            "2099-12-28T00:00:00Z",
            "2099-12-01T00:00:00Z",
        ),
    ] {
        assert_eq!(Timeframe::W1.bucket_start(at(time)), at(week));
        assert_eq!(Timeframe::MN1.bucket_start(at(time)), at(month));
    }
    let end = Timeframe::MN1.bucket_end(at("2024-02-01T00:00:00Z"));
    assert_eq!(end, at("2024-03-01T00:00:00Z"));
    assert_eq!(
        Timeframe::W1.bucket_end(earliest_time()),
        at("1970-01-05T00:00:00Z")
    );
}

#[test]
fn odd_multiples_are_counted_from_2000() {
    // values of time_bucket of TimescaleDB
    for (name, time, start) in [
        ("7m", "2014-05-01T00:00:00Z", "2014-04-30T23:59:00Z"),
        ("25h", "2014-05-01T00:00:00Z", "2014-04-30T06:00:00Z"),
        ("10d", "2014-05-01T00:00:00Z", "2014-04-29T00:00:00Z"),
        ("7m", "1999-12-31T23:59:00Z", "1999-12-31T23:56:00Z"),
    ] {
        assert_eq!(named(name).bucket_start(at(time)), at(start), "{name}");
    }
}

proptest! {
    #[test]
    fn buckets_join_without_gaps(
        timeframe in prop::sample::select(samples()),
        micros in 0..latest_time().timestamp_micros(),
        count in -2_000_i64..2_000,
    ) {
        let time = DateTime::from_timestamp_micros(micros).expect("a time");
        let start = timeframe.bucket_start(time);
        let end = timeframe.bucket_end(start);
        prop_assert!(start <= time && time < end);
        prop_assert_eq!(timeframe.bucket_start(start), start);
        prop_assert_eq!(timeframe.bucket_start(end), end);
        prop_assert!(end - start <= timeframe.duration());
        prop_assert_eq!(timeframe.bucket_from(start), start);
        if time > start {
            prop_assert_eq!(timeframe.bucket_from(time), end);
        }
        prop_assert_eq!(timeframe.bucket_start(end - TimeDelta::microseconds(1)), start);
        let other = timeframe.bucket_at(start, count);
        prop_assert_eq!(timeframe.bucket_start(other), other);
        if count > 0 {
            prop_assert_eq!(timeframe.bucket_count(start, other), count.unsigned_abs());
            prop_assert_eq!(timeframe.bucket_at(other, -count), start);
            prop_assert_eq!(timeframe.bucket_count(other, start), 0);
        }
        if let Some(source) = timeframe.source() {
            prop_assert_eq!(source.bucket_start(start), start);
            prop_assert!(timeframe.bucket_count(start, end) == 1);
            prop_assert!(source.bucket_count(start, end) <= u64::from(timeframe.parts()));
        }
        match timeframe {
            Timeframe::W1 if start > earliest_time() => prop_assert_eq!(start.weekday(), Weekday::Mon),
            Timeframe::MN1 => prop_assert_eq!((start.day(), start.hour()), (1, 0)),
            _ => {}
        }
    }
}

#[test]
fn bucket_holds_its_start_and_not_its_end() {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    for &timeframe in Timeframe::ALL {
        let end = start + timeframe.duration();
        assert_eq!(timeframe.bucket_start(start), start);
        assert_eq!(
            timeframe.bucket_start(end - TimeDelta::microseconds(1)),
            start
        );
        assert_eq!(timeframe.bucket_start(end), end);
    }
}

#[test]
fn order_follows_the_width() {
    let all = samples();
    for one in &all {
        for other in &all {
            assert_eq!(one.cmp(other).is_eq(), one == other);
            if one.divides(*other) {
                assert!(one < other);
            }
        }
    }
    assert!(Timeframe::W1 < Timeframe::MN1 && Timeframe::S30 < Timeframe::M1);
}
