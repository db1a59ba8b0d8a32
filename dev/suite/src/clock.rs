use chrono::{DateTime, Utc};

/// The present. Tests ask for it nowhere else, so that what depends on it is found.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "everything else asks here")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Hands the name and the time of each instant at which tests run that depend on the clock to a
/// macro: shortly after and before midnight, at noon, on 29 February and at the end of a year.
///
/// All are past, so that no store takes its ticks for those of a time to come.
#[macro_export]
macro_rules! at_each_instant {
    ($stamp:ident) => {
        $stamp! {
            at_half_past_midnight "2026-03-11T00:30:00Z"
            at_noon "2026-03-11T12:00:00Z"
            before_midnight "2026-03-11T23:59:00Z"
            on_leap_day "2024-02-29T23:59:30Z"
            at_the_end_of_a_year "2025-12-31T23:59:59.999999Z"
        }
    };
}

macro_rules! listed {
    ($($name:ident $time:literal)+) => {
        [$($time),+]
    };
}

/// The same instants, for tests that go through them.
///
/// # Panics
/// Never.
#[must_use]
pub fn instants() -> [DateTime<Utc>; 5] {
    at_each_instant!(listed).map(|time| time.parse().expect("RFC 3339"))
}
