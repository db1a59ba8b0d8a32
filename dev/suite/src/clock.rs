use chrono::{DateTime, Utc};

/// The present time. All tests get it here, so that code that depends on the present can be found.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "all other code calls this function"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Passes the name and the time of each instant at which clock-dependent tests run to a macro: shortly after
/// and before midnight, at noon, on 29 February and at the end of a year.
///
/// All instants are in the past, so that no store considers their ticks to be in the future.
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

/// The same instants as an array.
///
/// # Panics
/// Never.
#[must_use]
pub fn instants() -> [DateTime<Utc>; 5] {
    at_each_instant!(listed).map(|time| time.parse().expect("RFC 3339"))
}
