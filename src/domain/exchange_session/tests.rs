use super::*;

fn at(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time")
}

fn sessions(texts: &[&str]) -> Vec<ExchangeSession> {
    let parsed = texts
        .iter()
        .flat_map(|text| parse_sessions(text).expect("sessions"));
    parsed.collect()
}

#[test]
fn text_has_weekdays_and_times() {
    let friday = ExchangeSession::new(Weekday::Fri, at(9, 15), at(15, 30));
    assert_eq!(parse_sessions("fri 09:15-15:30"), Ok(vec![friday]));
    assert_eq!(parse_sessions(" FRI  09:15-15:30 "), Ok(vec![friday]));
    let day = NaiveDate::from_ymd_opt(2026, 2, 1).expect("a day");
    let valid = friday.valid_from(day);
    assert_eq!(
        parse_sessions("2026-02-01 fri 09:15-15:30"),
        Ok(vec![valid])
    );
    let on = |weekday| ExchangeSession::new(weekday, at(22, 0), at(0, 0));
    for close in ["24:00", "00:00"] {
        assert_eq!(
            parse_sessions(&format!("sat-mon,wed 22:00-{close}")),
            Ok(vec![
                on(Weekday::Sat),
                on(Weekday::Sun),
                on(Weekday::Mon),
                on(Weekday::Wed)
            ])
        );
    }
}

#[test]
fn other_texts_are_no_sessions() {
    for text in [
        "",
        "mon",
        "mon 09:00",
        "09:00-10:00",
        "2026-01-01 mon 09:00-10:00 x",
        "monday 09:00-10:00",
        "mon- 09:00-10:00",
        "mon, 09:00-10:00",
        "mon 9:00-10:00",
        "mon 09:00-25:00",
        "mon 24:01-10:00",
        "mon 09:00:00-10:00:00",
        "mon +9:00-10:00",
        "2026-02-30 mon 09:00-10:00",
        "1969-12-31 mon 09:00-10:00",
        "2100-01-01 mon 09:00-10:00",
    ] {
        assert!(parse_sessions(text).is_err(), "{text:?}");
    }
}

#[test]
fn consecutive_weekdays_are_one_text() {
    for texts in [
        &["mon-sun 00:00-24:00"] as &[&str],
        &["sun-thu 17:00-17:00"],
        &["mon-fri 09:15-15:30"],
        &["mon 09:00-11:00", "mon 12:00-13:00", "wed-thu 09:00-11:00"],
        &["mon-fri 09:00-17:00", "2026-01-05 sat-sun 10:00-12:00"],
        &["sat-thu 08:00-09:00"],
        &[],
    ] {
        let mut parsed = sessions(texts);
        assert_eq!(session_texts(&parsed), texts);
        parsed.reverse();
        assert_eq!(session_texts(&parsed), texts);
    }
}

#[test]
fn session_is_up_to_24_hours_long() {
    for (open, close, minutes) in [
        (at(9, 15), at(15, 30), 375),
        (at(17, 0), at(17, 0), 1_440),
        (at(0, 0), at(0, 0), 1_440),
        (at(22, 0), at(0, 0), 120),
        (at(22, 0), at(6, 30), 510),
        (at(0, 1), at(0, 0), 1_439),
    ] {
        let session = ExchangeSession::new(Weekday::Mon, open, close);
        assert_eq!(session.length().num_minutes(), minutes, "{session}");
    }
}

#[test]
fn sessions_of_a_week_do_not_overlap() {
    for good in [
        &["mon-sun 00:00-24:00"] as &[&str],
        &["sun-thu 17:00-17:00"],
        &["mon 09:00-11:00", "mon 11:00-12:00"],
        // the same times in another week
        &["mon 09:00-11:00", "2026-01-01 mon 09:00-11:00"],
        &["sun 20:00-08:00", "mon 08:00-09:00"],
    ] {
        assert_eq!(check_sessions(&sessions(good)), Ok(()), "{good:?}");
    }
    for bad in [
        &["mon 09:00-11:00", "mon 10:59-12:00"] as &[&str],
        &["mon 09:00-11:00", "mon 09:00-11:00"],
        &["mon 20:00-08:00", "tue 07:59-09:00"],
        // past the end of the week
        &["sun 20:00-08:00", "mon 07:59-09:00"],
        &["mon-sun 00:00-24:00", "sat 10:00-11:00"],
        &["2026-01-01 mon 09:00-11:00", "2026-01-01 mon 10:00-12:00"],
    ] {
        let refused = check_sessions(&sessions(bad));
        assert!(
            matches!(refused, Err(InvalidSession::Overlap { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn sessions_that_cannot_be_stored_are_refused() {
    let good = ExchangeSession::new(Weekday::Mon, at(9, 0), at(10, 0));
    let seconds = NaiveTime::from_hms_opt(9, 0, 1).expect("a time");
    let nanos = NaiveTime::from_hms_nano_opt(9, 0, 0, 1).expect("a time");
    for time in [seconds, nanos] {
        for bad in [
            ExchangeSession { open: time, ..good },
            ExchangeSession {
                close: time,
                ..good
            },
        ] {
            let refused = check_sessions(&[bad]);
            assert!(matches!(refused, Err(InvalidSession::Time(_))), "{bad:?}");
        }
    }
    for year in [1969, 2100] {
        let day = NaiveDate::from_ymd_opt(year, 6, 1).expect("a day");
        let refused = check_sessions(&[good.valid_from(day)]);
        assert!(
            matches!(refused, Err(InvalidSession::ValidFrom(_))),
            "{year}"
        );
    }
    let many = (0..1_001).map(|days| good.valid_from(good.valid_from + TimeDelta::days(days)));
    let many = Vec::from_iter(many);
    assert_eq!(check_sessions(&many), Err(InvalidSession::TooMany(1_001)));
    assert_eq!(check_sessions(&many[1..]), Ok(()));
}
