//! The metric families of the relay.
//!
//! A program that exports metrics installs a recorder and calls [`describe`].

use chrono::{DateTime, TimeDelta, Utc};
use metrics::{counter, gauge, histogram};
use tickbook::RepositoryError;
use tickbook::metrics::{Family, Unit};

use crate::repository::{HistoryReceipt, OutboxBacklog};

const EVENTS: &str = "ledger_relay_events_total";
const FAILURES: &str = "ledger_relay_failures_total";
const DELAY: &str = "ledger_relay_delay_seconds";
const OLDEST_AGE: &str = "ledger_relay_oldest_age_seconds";
const HELD_AGE: &str = "ledger_relay_held_age_seconds";
const ACCOUNTS_AHEAD: &str = "ledger_relay_accounts_ahead";

/// From a wake-up in the same process to an outage of an hour.
const DELAY_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3600.0,
];

/// Every family of the relay.
pub const FAMILIES: &[Family] = &[
    Family::counter(EVENTS, "Order events copied to the time-series database.")
        .labels(&["outcome"]),
    Family::counter(FAILURES, "Failed rounds of the relay. Each is repeated.").labels(&["class"]),
    Family::histogram(
        DELAY,
        Unit::Seconds,
        DELAY_SECONDS,
        "Time from the booking of order events to their copy.",
    ),
    Family::gauge(
        OLDEST_AGE,
        Unit::Seconds,
        "Age of the oldest order events that wait to be copied, 0 if none wait.",
    ),
    Family::gauge(
        HELD_AGE,
        Unit::Seconds,
        "Age of the oldest open transaction that prevents the copying of order events, 0 if none does.",
    ),
    Family::gauge(
        ACCOUNTS_AHEAD,
        Unit::Count,
        "Accounts with copied order events that the metadata database does not have.",
    ),
];

/// Describes every family to the installed recorder.
pub fn describe() {
    FAMILIES.iter().for_each(Family::describe);
}

/// Makes the families appear, so that a first increment is one.
pub(super) fn initialize() {
    for outcome in ["inserted", "duplicate"] {
        counter!(EVENTS, "outcome" => outcome).increment(0);
    }
    for age in [OLDEST_AGE, HELD_AGE, ACCOUNTS_AHEAD] {
        gauge!(age).set(0);
    }
}

pub(super) fn count_events(receipt: HistoryReceipt) {
    counter!(EVENTS, "outcome" => "inserted").increment(receipt.inserted);
    counter!(EVENTS, "outcome" => "duplicate").increment(receipt.duplicates);
}

pub(super) fn count_failure(error: &RepositoryError) {
    counter!(FAILURES, "class" => error.kind().as_str()).increment(1);
}

pub(super) fn observe_delay(delay: TimeDelta) {
    histogram!(DELAY).record(seconds(delay));
}

pub(super) fn set_accounts_ahead(accounts: usize) {
    // far below 2^52
    #[expect(clippy::cast_precision_loss, reason = "a number of accounts")]
    gauge!(ACCOUNTS_AHEAD).set(accounts as f64);
}

pub(super) fn set_backlog(backlog: OutboxBacklog, now: DateTime<Utc>) {
    let age = |since: Option<DateTime<Utc>>| since.map_or(0.0, |since| seconds(now - since));
    gauge!(OLDEST_AGE).set(age(backlog.oldest));
    gauge!(HELD_AGE).set(age(backlog.held_since));
}

/// Two clocks may differ, so a time may be negative.
fn seconds(time: TimeDelta) -> f64 {
    time.to_std().map_or(0.0, |time| time.as_secs_f64())
}
