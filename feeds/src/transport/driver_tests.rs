//! The times and requests of a connection, without a socket.

use std::time::Duration;

use chrono::DateTime;
use tickbook::Backoff;
use tokio::time::Instant;

use super::driver::{Action, Driver};
use super::event::{ConnectionEnd, EndReason, TransportEvent};
use super::http::FetchError;
use super::settings::TransportSettings;
use crate::event::FeedEvent;
use crate::test_venue::TestVenue;
use crate::venue::Venue;

pub(super) const SECOND: Duration = Duration::from_secs(1);

fn settings() -> TransportSettings {
    TransportSettings {
        backoff: Backoff::new(SECOND, 8 * SECOND).without_jitter(),
        ping_interval: 10 * SECOND,
        silence: 30 * SECOND,
        sync_timeout: 20 * SECOND,
        stable_after: 60 * SECOND,
        ..TransportSettings::default()
    }
}

/// A driver, its time, and what it reported.
pub(super) struct Run<'v> {
    pub(super) driver: Driver<'v>,
    start: Instant,
    pub(super) now: Instant,
    log: Vec<String>,
}

fn described(event: TransportEvent<'_>) -> String {
    match event {
        TransportEvent::Feed(FeedEvent::BookSnapshot(change)) => {
            format!("snapshot {}", change.symbol)
        }
        TransportEvent::Feed(FeedEvent::BookUpdate(change)) => format!("update {}", change.symbol),
        TransportEvent::Feed(FeedEvent::BookStale(stale)) => {
            format!("stale {} {}", stale.symbol, stale.reason)
        }
        TransportEvent::Refused(error) => format!("refused {error}"),
        TransportEvent::SnapshotFailed { symbol, error } => {
            format!("no snapshot {symbol}: {error}")
        }
        TransportEvent::Ended(end) => format!("ended {}", end.reason.as_str()),
        event => format!("{event:?}"),
    }
}

/// Notes an event, except the messages themselves.
fn note(log: &mut Vec<String>, event: TransportEvent<'_>) {
    if !matches!(
        event,
        TransportEvent::Message(_) | TransportEvent::Answer { .. }
    ) {
        log.push(described(event));
    }
}

impl<'v> Run<'v> {
    /// Opens a connection at second 0.
    pub(super) fn open(venue: &'v mut dyn Venue) -> Self {
        let start = Instant::now();
        let mut driver = Driver::new(venue, &settings(), start);
        driver.opened(start);
        Self {
            driver,
            start,
            now: start,
            log: Vec::new(),
        }
    }

    pub(super) fn at(&mut self, seconds: f64) {
        self.now = self.start + Duration::from_secs_f64(seconds);
    }

    /// The next actions. Asserts that the deadline comes when there are none, and is the time of the first one.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let log = &mut self.log;
        while let Some(action) = self.driver.poll(self.now, &mut |event| note(log, event)) {
            let is_end = matches!(action, Action::Close(_));
            actions.push(action);
            if is_end {
                return actions;
            }
        }
        assert!(self.driver.deadline() > self.now, "the deadline has passed");
        actions
    }

    pub(super) fn sent(&mut self) -> Vec<String> {
        let texts = self.actions().into_iter().map(|action| match action {
            Action::Send(text) => text,
            action => panic!("{action:?}"),
        });
        texts.collect()
    }

    /// Advances to the next deadline, and returns its second.
    pub(super) fn wait(&mut self) -> f64 {
        self.now = self.driver.deadline();
        (self.now - self.start).as_secs_f64()
    }

    pub(super) fn text(&mut self, text: &str) {
        let log = &mut self.log;
        let sink = &mut |event: TransportEvent<'_>| note(log, event);
        self.driver.text(text, DateTime::UNIX_EPOCH, self.now, sink);
    }

    fn book(&mut self, symbol: &str, number: i64, first: bool) {
        self.text(&format!(
            "{{\"book\":{{\"symbol\":\"{symbol}\",\"number\":{number},\"first\":{first},\
             \"bids\":[[\"1\",\"{number}\"]]}}}}"
        ));
    }

    pub(super) fn fetched(&mut self, symbol: &str, body: Result<&str, &FetchError>) {
        let log = &mut self.log;
        let sink = &mut |event: TransportEvent<'_>| note(log, event);
        self.driver
            .fetched(symbol, body, DateTime::UNIX_EPOCH, self.now, sink);
    }

    pub(super) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }
}

fn ended(actions: &[Action]) -> Option<EndReason> {
    match actions {
        [.., Action::Close(end)] => Some(end.reason),
        _ => None,
    }
}

#[test]
fn subscription_is_sent_and_pings_follow() {
    let mut venue = TestVenue::new(&["A", "B"], "");
    let mut run = Run::open(&mut venue);
    assert_eq!(run.sent(), ["+ A B"]);
    run.book("A", 1, true);
    run.book("B", 1, true);
    assert_eq!(run.log(), ["snapshot A", "snapshot B"]);
    for seconds in [10.0, 20.0] {
        assert_eq!(run.wait(), seconds);
        assert_eq!(run.sent(), ["ping"]);
        run.driver.heard(run.now);
    }
    run.at(29.0);
    assert_eq!(run.sent(), [""; 0]);
}

#[test]
fn silence_ends_the_connection_and_its_books() {
    let mut venue = TestVenue::new(&["A"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    run.at(5.0);
    run.book("A", 1, true);
    run.at(20.0);
    // the answer to a ping is not silence
    assert_eq!(run.sent(), ["ping"]);
    run.driver.heard(run.now);
    run.at(49.9);
    assert_eq!(run.sent(), ["ping"]);
    assert_eq!(run.wait(), 50.0);
    let actions = run.actions();
    assert_eq!(ended(&actions), Some(EndReason::Silence));
    let end = ConnectionEnd::new(EndReason::Silence, "");
    let log = &mut run.log;
    run.driver
        .closed(&end, run.now, &mut |event| note(log, event));
    assert_eq!(
        run.log(),
        ["snapshot A", "stale A silence", "ended silence"]
    );
}

#[test]
fn stale_book_alone_is_subscribed_again() {
    let mut venue = TestVenue::new(&["A", "B"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    run.book("A", 1, true);
    run.book("B", 1, true);
    run.at(2.0);
    run.book("A", 3, false);
    run.book("B", 2, false);
    assert_eq!(run.sent(), ["- A", "+ A"]);
    run.book("A", 4, false);
    run.book("A", 5, true);
    let expected = [
        "snapshot A",
        "snapshot B",
        "stale A gap",
        "update B",
        "snapshot A",
    ];
    assert_eq!(run.log(), expected);
    run.at(9.0);
    assert_eq!(run.sent(), [""; 0]);
}

#[test]
fn repeated_faults_of_a_book_are_delayed() {
    let mut venue = TestVenue::new(&["A"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    run.book("A", 1, true);
    run.at(2.0);
    let mut seen = Vec::new();
    for _ in 0..4 {
        run.book("A", 9, false);
        while run.sent() != ["- A", "+ A"] {
            run.wait();
            run.driver.heard(run.now);
        }
        seen.push((run.now - run.start).as_secs());
        run.book("A", 1, true);
    }
    assert_eq!(seen, [2, 3, 5, 9]);
    // a book that was valid for a minute is requested at once
    run.at(75.0);
    run.driver.heard(run.now);
    run.actions();
    run.at(76.0);
    run.book("A", 9, false);
    assert_eq!(run.sent(), ["- A", "+ A"]);
}

#[test]
fn unreadable_snapshot_is_requested_again() {
    let mut venue = TestVenue::new(&["A"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    // the cut snapshot: no book is valid, so the protocol requests nothing
    run.text("{\"book\":{\"symbol\":\"A\",");
    assert_eq!(run.sent(), [""; 0]);
    run.at(19.9);
    assert_eq!(run.sent(), ["ping"]);
    assert_eq!(run.wait(), 20.0);
    assert_eq!(run.sent(), ["- A", "+ A"]);
    run.driver.heard(run.now);
    // and again, with a delay
    run.at(39.9);
    run.actions();
    run.at(40.0);
    run.driver.heard(run.now);
    assert_eq!(run.sent(), [""; 0]);
    assert_eq!(run.wait(), 41.0);
    assert_eq!(run.sent(), ["- A", "+ A"]);
}

#[test]
fn messages_keep_the_rate_of_the_venue() {
    let mut venue = TestVenue::new(&["A", "B", "C"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    for symbol in ["A", "B", "C"] {
        run.book(symbol, 1, true);
    }
    run.text("{");
    let mut seen = vec![(0.0, run.sent())];
    while seen.len() < 4 {
        let seconds = run.wait();
        seen.push((seconds, run.sent()));
    }
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let expected: [(f64, Vec<String>); 4] = [
        (0.0, texts(&["- A"])),
        (1.0, texts(&["+ A", "- B"])),
        (2.0, texts(&["+ B", "- C"])),
        (3.0, texts(&["+ C"])),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn old_connection_is_renewed_once() {
    let mut venue = TestVenue::new(&["A"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    run.book("A", 1, true);
    run.at(3_599.9);
    run.driver.heard(run.now);
    assert_eq!(run.actions(), [Action::Send("ping".to_owned())]);
    assert_eq!(run.wait(), 3_600.0);
    assert_eq!(run.actions(), [Action::Renew]);
    run.at(3_605.0);
    run.driver.heard(run.now);
    assert_eq!(run.actions(), []);
    // the connection that replaces it is not ready in time
    run.at(3_899.9);
    run.driver.heard(run.now);
    assert_eq!(ended(&run.actions()), None);
    assert_eq!(run.wait(), 3_900.0);
    assert_eq!(ended(&run.actions()), Some(EndReason::Planned));
}

#[test]
fn announced_end_renews_the_connection() {
    let mut venue = TestVenue::new(&["A"], "");
    let mut run = Run::open(&mut venue);
    run.sent();
    run.text("{\"bye\":1}");
    assert_eq!(run.actions(), [Action::Renew]);
    run.text("{\"bye\":1}");
    assert_eq!(run.actions(), []);
}

#[test]
fn connection_is_settled_when_all_is_answered() {
    let mut venue = TestVenue::new(&["A", "B"], "");
    let mut run = Run::open(&mut venue);
    assert!(!run.driver.is_settled());
    run.sent();
    run.book("A", 1, true);
    assert!(!run.driver.is_settled(), "B has no book");
    run.book("B", 1, true);
    assert!(run.driver.is_settled());
    run.book("A", 5, false);
    // the rate of the venue delays the second message
    assert_eq!(run.sent(), ["- A"]);
    assert!(!run.driver.is_settled());
}
