//! Days of time zones.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use chrono_tz::TZ_VARIANTS;
use tickbook_ledger::chrono;
use tickbook_ledger::domain::performance::{BUCKET, LocalDay, Tz, bucket_start, local_days};

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn days(zone: &str, from: &str, to: &str) -> Vec<LocalDay> {
    let zone: Tz = zone.parse().expect("a zone");
    local_days(zone, date(from), date(to)).collect()
}

/// The length of each day in minutes.
fn minutes(days: &[LocalDay]) -> Vec<i64> {
    days.iter()
        .map(|day| (day.to - day.from).num_minutes())
        .collect()
}

#[test]
fn days_of_a_clock_change_have_23_and_25_hours() {
    let spring = days("Europe/Berlin", "2024-03-30", "2024-04-02");
    assert_eq!(minutes(&spring), [1_440, 1_380, 1_440]);
    assert_eq!(spring[1].from.to_rfc3339(), "2024-03-30T23:00:00+00:00");
    assert_eq!(spring[1].to.to_rfc3339(), "2024-03-31T22:00:00+00:00");
    let autumn = days("Europe/Berlin", "2024-10-26", "2024-10-29");
    assert_eq!(minutes(&autumn), [1_440, 1_500, 1_440]);
    // half an hour
    let lord_howe = days("Australia/Lord_Howe", "2024-10-05", "2024-10-08");
    assert_eq!(minutes(&lord_howe), [1_440, 1_410, 1_440]);
}

#[test]
fn day_without_midnight_starts_after_the_gap() {
    // clocks went from 00:00 to 01:00
    let found = days("America/Sao_Paulo", "2018-11-03", "2018-11-06");
    assert_eq!(minutes(&found), [1_440, 1_380, 1_440]);
    assert_eq!(found[1].from.to_rfc3339(), "2018-11-04T03:00:00+00:00");
    // and 00:00 occurs twice
    let found = days("America/Havana", "2024-11-02", "2024-11-05");
    assert_eq!(minutes(&found), [1_440, 1_500, 1_440]);
}

#[test]
fn skipped_date_is_left_out() {
    let found = days("Pacific/Apia", "2011-12-29", "2012-01-01");
    let dates: Vec<_> = found.iter().map(|day| day.date.day()).collect();
    assert_eq!(dates, [29, 31]);
    assert_eq!(minutes(&found), [1_440, 1_440]);
}

#[test]
fn days_start_at_quarters_of_an_hour_in_all_zones() {
    // years with changes of the rules of zones with quarters, such as Nepal in 1986
    for year in [1980, 1986, 1996, 2007, 2016, 2024] {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).expect("a date");
        let end = NaiveDate::from_ymd_opt(year + 1, 1, 1).expect("a date");
        for zone in TZ_VARIANTS {
            let mut next = None;
            for day in local_days(zone, first, end) {
                assert_eq!(bucket_start(day.from), day.from, "{zone} {}", day.date);
                assert!(
                    next.is_none_or(|next| next == day.from),
                    "{zone} {}",
                    day.date
                );
                next = Some(day.to);
            }
        }
    }
}

#[test]
fn buckets_of_15_minutes_start_at_multiples() {
    let time = |text: &str| {
        text.parse::<chrono::DateTime<chrono::Utc>>()
            .expect("a time")
    };
    assert_eq!(
        bucket_start(time("2024-05-01T12:44:59.999999Z")),
        time("2024-05-01T12:30:00Z")
    );
    assert_eq!(
        bucket_start(time("2024-05-01T12:45:00Z")),
        time("2024-05-01T12:45:00Z")
    );
    assert_eq!(
        bucket_start(time("1969-12-31T23:59:59Z")),
        time("1969-12-31T23:45:00Z")
    );
    assert_eq!(BUCKET, TimeDelta::minutes(15));
}
