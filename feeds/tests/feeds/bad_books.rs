//! Invalid snapshots and updates: each makes the book of its symbol stale, or leaves it without a snapshot.

use chrono::DateTime;
use tickbook::domain::book::{BookState, StaleReason};
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::CoinbaseAdvanced;
use tickbook_feeds::kraken::KrakenV1;
use tickbook_feeds::okx::Okx;
use tickbook_feeds::{FeedEvent, Frame, Protocol, Request};

/// A short text for each event.
fn described(event: FeedEvent<'_>) -> String {
    match event {
        FeedEvent::BookSnapshot(change) => format!("snapshot {}", change.symbol),
        FeedEvent::BookUpdate(change) => format!("update {}", change.symbol),
        FeedEvent::BookStale(stale) => format!("stale {} {}", stale.symbol, stale.reason),
        FeedEvent::Request(Request::Resubscribe { symbol }) => format!("resubscribe {symbol}"),
        FeedEvent::Request(Request::FetchSnapshot { symbol }) => format!("fetch {symbol}"),
        event => format!("{event:?}"),
    }
}

/// Passes a frame that can be read to the protocol. Returns its events.
fn receive(protocol: &mut dyn Protocol, text: &str) -> Vec<String> {
    let mut events = Vec::new();
    let frame = Frame::new(text, DateTime::UNIX_EPOCH);
    let received = protocol.receive(frame, &mut |event| events.push(described(event)));
    assert_eq!(received, Ok(()), "{text}");
    events
}

fn state(protocol: &dyn Protocol, symbol: &str) -> String {
    protocol
        .book(symbol)
        .expect("a known symbol")
        .state()
        .to_string()
}

fn kraken(levels: &str) -> String {
    format!("[0,{levels},\"book-1000\",\"A/B\"]")
}

const GOOD: &str = r#"{"as":[["2.0","1.5","1.0"]],"bs":[["1.0","1.5","1.0"]]}"#;

#[test]
fn bad_snapshots_make_a_book_stale() {
    let level = |price: usize| format!("[\"{price}\",\"1\",\"1.0\"]");
    let twice = r#"{"as":[["2","1","1.0"],["2.0","3","1.0"]],"bs":[]}"#;
    let crossed = r#"{"as":[["2","1","1.0"]],"bs":[["2.0","1","1.0"]]}"#;
    let large = r#"{"as":[["99999999999999999999","1","1.0"]],"bs":[]}"#;
    let mixed = r#"{"as":[["9999999997","1","1.0"]],"bs":[["0.0000000001","1","1.0"]]}"#;
    let negative = r#"{"as":[["-2","1","1.0"]],"bs":[]}"#;
    let exponent = r#"{"as":[["2","1e5","1.0"]],"bs":[]}"#;
    for (snapshot, reason) in [
        (twice, "malformed"),
        (crossed, "crossed"),
        (large, "overflow"),
        (mixed, "overflow"),
        (negative, "malformed"),
        (exponent, "malformed"),
    ] {
        for before in [None, Some(GOOD)] {
            let mut protocol = KrakenV1::new(["A/B", "C/D"], 1_000);
            protocol.opened();
            if let Some(before) = before {
                assert_eq!(receive(&mut protocol, &kraken(before)), ["snapshot A/B"]);
            }
            let events = receive(&mut protocol, &kraken(snapshot));
            assert_eq!(
                events,
                [format!("stale A/B {reason}"), "resubscribe A/B".to_owned()]
            );
            assert_eq!(state(&protocol, "A/B"), format!("stale: {reason}"));
            assert!(protocol.book("A/B").and_then(|book| book.view()).is_none());
            assert_eq!(state(&protocol, "C/D"), "syncing");
            // updates of a stale book are ignored, a snapshot makes it valid
            let update = kraken(r#"{"a":[["2.0","1.0","1.0"]],"c":"1"}"#);
            assert_eq!(receive(&mut protocol, &update), Vec::<String>::new());
            assert_eq!(receive(&mut protocol, &kraken(GOOD)), ["snapshot A/B"]);
        }
    }
    // neither order nor number of the levels can make the book wrong
    let asks: Vec<_> = (2..=1_500).rev().map(level).collect();
    let long = format!("{{\"as\":[{}],\"bs\":[]}}", asks.join(","));
    let mut protocol = KrakenV1::new(["A/B"], 1_000);
    protocol.opened();
    assert_eq!(receive(&mut protocol, &kraken(&long)), ["snapshot A/B"]);
    let book = protocol.book("A/B").expect("a known symbol");
    let asks = book
        .view()
        .expect("valid")
        .side(tickbook::domain::book::BookSide::Ask);
    let prices: Vec<_> = asks.map(|level| level.price).collect();
    assert_eq!(prices, (2..=1_001).collect::<Vec<_>>());
}

#[test]
fn bad_updates_make_a_book_stale() {
    for (update, reason) in [
        (r#"{"b":[["2.5","1.0","1.0"]],"c":"1"}"#, "crossed"),
        (r#"{"b":[["0.5","1.0","1.0"]],"c":"1"}"#, "checksum"),
        (
            r#"{"b":[["0.5","1.0","1.0"]],"c":"9126607670"}"#,
            "checksum",
        ),
        (
            r#"{"b":[["0.5","92233720368547758070","1.0"]],"c":"1"}"#,
            "overflow",
        ),
        (r#"{"b":[["0.5","","1.0"]],"c":"1"}"#, "malformed"),
    ] {
        let mut protocol = KrakenV1::new(["A/B"], 1_000);
        protocol.opened();
        // before a snapshot
        assert_eq!(
            receive(&mut protocol, &kraken(update)),
            Vec::<String>::new()
        );
        assert_eq!(state(&protocol, "A/B"), "syncing");
        receive(&mut protocol, &kraken(GOOD));
        let events = receive(&mut protocol, &kraken(update));
        assert_eq!(
            events,
            [format!("stale A/B {reason}"), "resubscribe A/B".to_owned()]
        );
        assert_eq!(state(&protocol, "A/B"), format!("stale: {reason}"));
    }
}

fn binance(first: i64, last: i64, price: &str) -> String {
    format!(
        "{{\"stream\":\"ab@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":1633998512068,\
         \"s\":\"AB\",\"U\":{first},\"u\":{last},\"b\":[[\"{price}\",\"1.0\"]],\"a\":[]}}}}"
    )
}

fn snapshot(protocol: &mut BinanceSpot, last: i64) -> Vec<String> {
    let mut events = Vec::new();
    let body =
        format!("{{\"lastUpdateId\":{last},\"bids\":[[\"1\",\"1\"]],\"asks\":[[\"9\",\"1\"]]}}");
    let body = Frame::new(&body, DateTime::UNIX_EPOCH);
    let mut sink = |event: FeedEvent<'_>| events.push(described(event));
    protocol
        .snapshot("AB", body, &mut sink)
        .expect("a snapshot");
    events
}

const NONE: [String; 0] = [];

#[test]
fn binance_events_follow_the_snapshot_without_a_gap() {
    let mut protocol = BinanceSpot::new(["AB"]);
    protocol.opened();
    assert_eq!(receive(&mut protocol, &binance(11, 12, "1")), ["fetch AB"]);
    assert_eq!(receive(&mut protocol, &binance(13, 15, "2")), NONE);
    assert_eq!(receive(&mut protocol, &binance(16, 16, "3")), NONE);
    // older than the first event
    assert_eq!(snapshot(&mut protocol, 9), ["stale AB gap", "fetch AB"]);
    // within the second one
    let events = snapshot(&mut protocol, 14);
    assert_eq!(events, ["snapshot AB", "update AB", "update AB"]);
    assert_eq!(snapshot(&mut protocol, 20), NONE, "the book is valid");
    assert_eq!(
        receive(&mut protocol, &binance(13, 15, "2")),
        NONE,
        "repeated"
    );
    assert_eq!(
        receive(&mut protocol, &binance(1, 14, "2")),
        NONE,
        "before the snapshot"
    );
    assert_eq!(receive(&mut protocol, &binance(17, 18, "2")), ["update AB"]);
    assert_eq!(
        receive(&mut protocol, &binance(20, 20, "2")),
        ["stale AB gap", "fetch AB"]
    );
    assert_eq!(receive(&mut protocol, &binance(21, 21, "2")), NONE);
    assert_eq!(
        snapshot(&mut protocol, 19),
        ["snapshot AB", "update AB", "update AB"]
    );
    assert_eq!(state(&protocol, "AB"), "valid");
}

#[test]
fn binance_acknowledgement_requests_the_snapshots() {
    let mut protocol = BinanceSpot::new(["AB", "CD"]);
    protocol.opened();
    let acknowledged = "{\"result\":null,\"id\":1}";
    assert_eq!(
        receive(&mut protocol, acknowledged),
        ["fetch AB", "fetch CD"]
    );
    assert_eq!(
        receive(&mut protocol, acknowledged),
        NONE,
        "requested already"
    );
    assert_eq!(receive(&mut protocol, &binance(11, 12, "1")), NONE);
    assert_eq!(snapshot(&mut protocol, 11), ["snapshot AB", "update AB"]);
    assert_eq!(receive(&mut protocol, acknowledged), NONE, "valid");
}

#[test]
fn binance_snapshot_that_has_all_events_is_valid() {
    let mut protocol = BinanceSpot::new(["AB"]);
    protocol.opened();
    assert_eq!(snapshot(&mut protocol, 9), NONE, "not requested");
    assert_eq!(receive(&mut protocol, &binance(11, 12, "1")), ["fetch AB"]);
    assert_eq!(snapshot(&mut protocol, 14), ["snapshot AB"]);
    // an event may begin before the end of the snapshot, if it is the first one
    assert_eq!(receive(&mut protocol, &binance(13, 15, "1")), ["update AB"]);
    assert_eq!(
        receive(&mut protocol, &binance(15, 16, "1")),
        ["stale AB gap", "fetch AB"]
    );
    assert_eq!(snapshot(&mut protocol, 16), ["snapshot AB"]);
    let cut = Frame::new("{", DateTime::UNIX_EPOCH);
    let mut events = Vec::new();
    let received = protocol.receive(cut, &mut |event| events.push(described(event)));
    assert!(received.is_err());
    assert_eq!(events, ["stale AB malformed", "fetch AB"]);
    assert_eq!(
        snapshot(&mut protocol, 15),
        ["stale AB gap", "fetch AB"],
        "older than an event"
    );
    assert_eq!(snapshot(&mut protocol, 16), ["snapshot AB"]);
    assert_eq!(
        receive(&mut protocol, &binance(18, 18, "1")),
        ["stale AB gap", "fetch AB"]
    );
    protocol.closed(StaleReason::Disconnected, "closed", &mut |_| {});
    assert_eq!(snapshot(&mut protocol, 18), NONE, "of a closed connection");
    assert_eq!(state(&protocol, "AB"), "stale: gap");
}

#[test]
fn binance_events_that_contradict_the_book_are_a_gap() {
    for (first, last) in [(19, 18), (18, 19), (12, 17), (5, 400), (25, 21)] {
        let mut protocol = BinanceSpot::new(["AB"]);
        protocol.opened();
        receive(&mut protocol, &binance(16, 18, "1"));
        assert_eq!(snapshot(&mut protocol, 15), ["snapshot AB", "update AB"]);
        let events = receive(&mut protocol, &binance(first, last, "1"));
        assert_eq!(events, ["stale AB gap", "fetch AB"], "{first} to {last}");
    }
}

#[test]
fn okx_message_numbers_are_checked() {
    let message = |action: &str, previous: i64, number: i64| {
        format!(
            "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"A-B\"}},\"action\":\"{action}\",\"data\":[{{\
             \"asks\":[],\"bids\":[],\"ts\":\"1\",\"prevSeqId\":{previous},\"seqId\":{number}}}]}}"
        )
    };
    let mut protocol = Okx::new(["A-B"]);
    protocol.opened();
    assert_eq!(receive(&mut protocol, &message("update", 3, 4)), NONE);
    assert_eq!(
        receive(&mut protocol, &message("snapshot", -1, 10)),
        ["snapshot A-B"]
    );
    assert_eq!(
        receive(&mut protocol, &message("update", 10, 15)),
        ["update A-B"]
    );
    let events = receive(&mut protocol, &message("update", 16, 17));
    assert_eq!(events, ["stale A-B gap", "resubscribe A-B"]);
    assert_eq!(receive(&mut protocol, &message("update", 17, 18)), NONE);
    assert_eq!(
        receive(&mut protocol, &message("snapshot", -1, 20)),
        ["snapshot A-B"]
    );
}

#[test]
fn okx_checksums_over_32_bits_are_wrong() {
    for checksum in ["9126607670", "-9126607670"] {
        let message = |action: &str, checksum: &str| {
            format!(
                "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"A-B\"}},\"action\":\"{action}\",\"data\":[{{\
                 \"asks\":[],\"bids\":[],\"ts\":\"1\",\"checksum\":{checksum}}}]}}"
            )
        };
        let mut protocol = Okx::new(["A-B", "C-D"]);
        protocol.opened();
        let snapshot = message("snapshot", "0");
        receive(&mut protocol, &snapshot.replace("A-B", "C-D"));
        assert_eq!(receive(&mut protocol, &snapshot), ["snapshot A-B"]);
        let events = receive(&mut protocol, &message("update", checksum));
        assert_eq!(events, ["stale A-B checksum", "resubscribe A-B"]);
        assert_eq!(state(&protocol, "C-D"), "valid");
    }
}

#[test]
fn coinbase_reads_nothing_after_a_lost_message() {
    let message = |number: i64, kind: &str| {
        format!(
            "{{\"channel\":\"l2_data\",\"timestamp\":\"2024-01-01T00:00:00.123456789Z\",\"sequence_num\":{number},\
             \"events\":[{{\"type\":\"{kind}\",\"product_id\":\"A-B\",\"updates\":[{{\"side\":\"bid\",\
             \"event_time\":\"1970-01-01T00:00:00Z\",\"price_level\":\"1.5\",\"new_quantity\":\"2\"}}]}}]}}"
        )
    };
    let mut protocol = CoinbaseAdvanced::new(["A-B"]);
    protocol.opened();
    assert_eq!(
        receive(&mut protocol, &message(0, "snapshot")),
        ["snapshot A-B"]
    );
    assert_eq!(
        receive(&mut protocol, &message(1, "update")),
        ["update A-B"]
    );
    let events = receive(&mut protocol, &message(3, "update"));
    assert_eq!(events, ["stale A-B gap", "Request(Reconnect)"]);
    assert_eq!(receive(&mut protocol, &message(4, "snapshot")), NONE);
    protocol.closed(StaleReason::Disconnected, "closed", &mut |event| {
        panic!("{event:?}")
    });
    protocol.opened();
    assert_eq!(
        protocol.book("A-B").map(|book| book.state()),
        Some(BookState::Syncing)
    );
    assert_eq!(
        receive(&mut protocol, &message(0, "snapshot")),
        ["snapshot A-B"]
    );
}
