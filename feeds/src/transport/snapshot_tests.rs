//! Snapshots over HTTP: when they are requested, and how often.

use super::driver::Action;
use super::driver_tests::{Run, SECOND};
use super::http::FetchError;
use crate::binance::BinanceVenue;
use crate::subscription::{Channel, Subscription};

fn venue(symbols: &[&str]) -> BinanceVenue {
    let symbols = symbols.iter().copied();
    BinanceVenue::new(Subscription::new(symbols, [Channel::Book(5_000)]), None)
}

fn event(symbol: &str, first: i64, last: i64) -> String {
    format!(
        "{{\"stream\":\"x@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":1633998512068,\
         \"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\"b\":[[\"1\",\"1\"]],\"a\":[]}}}}"
    )
}

fn snapshot(last: i64) -> String {
    format!("{{\"lastUpdateId\":{last},\"bids\":[[\"1\",\"1\"]],\"asks\":[[\"9\",\"1\"]]}}")
}

fn fetches(actions: Vec<Action>) -> Vec<String> {
    let fetch = |action| match action {
        Action::Fetch { symbol, address } => {
            assert!(address.ends_with(&format!("/api/v3/depth?symbol={symbol}&limit=5000")));
            symbol
        }
        action => panic!("{action:?}"),
    };
    actions.into_iter().map(fetch).collect()
}

#[test]
fn snapshot_is_fetched_until_it_fits() {
    let mut venue = venue(&["AB"]);
    let mut run = Run::open(&mut venue);
    assert_eq!(run.sent().len(), 1);
    run.text(&event("AB", 11, 12));
    assert_eq!(fetches(run.actions()), ["AB"]);
    run.text(&event("AB", 13, 13));
    assert_eq!(run.actions(), [], "it is being fetched");
    // older than the events
    run.fetched("AB", Ok(&snapshot(9)));
    assert_eq!(run.actions(), []);
    assert_eq!(run.wait(), 1.0);
    assert_eq!(fetches(run.actions()), ["AB"]);
    // a body that is no snapshot
    run.fetched("AB", Ok("<html>"));
    assert_eq!(run.wait(), 3.0);
    assert_eq!(fetches(run.actions()), ["AB"]);
    run.fetched("AB", Ok(&snapshot(12)));
    assert_eq!(run.actions(), []);
    let log = run.log();
    assert!(log[1].starts_with("refused unreadable"), "{log:?}");
    assert_eq!(
        [&log[0], &log[2], &log[3]],
        ["stale AB gap", "snapshot AB", "update AB"]
    );
}

#[test]
fn failed_requests_wait_as_the_server_asks() {
    let mut venue = venue(&["AB"]);
    let mut run = Run::open(&mut venue);
    run.sent();
    run.text(&event("AB", 11, 12));
    assert_eq!(fetches(run.actions()), ["AB"]);
    let error = FetchError::Status {
        status: 429,
        retry_after: Some(7 * SECOND),
        body: "slow down".to_owned(),
    };
    run.fetched("AB", Err(&error));
    assert_eq!(run.log(), ["no snapshot AB: status 429: slow down"]);
    run.at(6.9);
    assert_eq!(run.actions(), []);
    assert_eq!(run.wait(), 7.0);
    assert_eq!(fetches(run.actions()), ["AB"]);
}

#[test]
fn snapshots_keep_the_rate_of_the_venue() {
    let symbols: Vec<_> = (0..25).map(|number| format!("S{number}")).collect();
    let names: Vec<_> = symbols.iter().map(String::as_str).collect();
    let mut venue = venue(&names);
    let mut run = Run::open(&mut venue);
    run.sent();
    for symbol in &symbols {
        run.text(&event(symbol, 11, 12));
    }
    // 4,800 of weight 250 in a minute
    assert_eq!(fetches(run.actions()).len(), 19);
    for symbol in &symbols[..19] {
        run.fetched(symbol, Ok(&snapshot(12)));
    }
    run.at(59.9);
    run.driver.heard(run.now);
    run.actions();
    run.at(60.0);
    let fetched: Vec<_> = fetches(run.actions());
    assert_eq!(fetched.len(), 6, "{fetched:?}");
}

#[test]
fn quiet_book_is_fetched_after_a_while() {
    let mut venue = venue(&["AB"]);
    let mut run = Run::open(&mut venue);
    run.sent();
    run.at(19.9);
    run.driver.heard(run.now);
    run.actions();
    assert_eq!(run.wait(), 20.0);
    assert_eq!(fetches(run.actions()), ["AB"]);
    run.fetched("AB", Ok(&snapshot(12)));
    assert_eq!(run.log(), ["snapshot AB"]);
}
