//! Frames that are not applied.

use chrono::DateTime;
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::{CoinbaseAdvanced, CoinbaseExchange};
use tickbook_feeds::kraken::{Kraken, KrakenV1};
use tickbook_feeds::okx::Okx;
use tickbook_feeds::{FeedEvent, Frame, Protocol, ProtocolError, Request};

const SNAPSHOT: &str =
    r#"[0,{"as":[["2.0","1.5","1.0"]],"bs":[["1.0","1.5","1.0"]]},"book-10","A/B"]"#;

fn receive(protocol: &mut dyn Protocol, text: &str) -> Result<(), ProtocolError> {
    protocol.receive(Frame::new(text, DateTime::UNIX_EPOCH), &mut |_| {})
}

#[test]
fn unreadable_frames_make_all_books_stale() {
    for text in [
        "",
        "[",
        "{}",
        "[]",
        "[0,\"book-10\",\"A/B\"]",
        "[0,{\"b\":[[\"1.0\"]]},\"book-10\",\"A/B\"]",
        "[0,{\"b\":[[\"1.0\",\"1.0\",\"now\"]]},\"book-10\",\"A/B\"]",
        "[0,{\"b\":[],\"c\":\"-1\"},\"book-10\",\"A/B\"]",
        &SNAPSHOT[..40],
        &format!("{SNAPSHOT}["),
    ] {
        let mut protocol = KrakenV1::new(["A/B", "C/D", "E/F"], 10);
        protocol.opened();
        receive(&mut protocol, SNAPSHOT).expect("a snapshot");
        receive(&mut protocol, &SNAPSHOT.replace("A/B", "C/D")).expect("a snapshot");
        let mut events = Vec::new();
        let frame = Frame::new(text, DateTime::UNIX_EPOCH);
        let received = protocol.receive(frame, &mut |event| {
            events.push(match event {
                FeedEvent::BookStale(stale) => format!("stale {}", stale.symbol),
                FeedEvent::Request(Request::Resubscribe { symbol }) => symbol.to_owned(),
                event => panic!("{event:?}"),
            });
        });
        assert!(
            matches!(received, Err(ProtocolError::Unreadable(_))),
            "{text}: {received:?}"
        );
        assert_eq!(events, ["stale A/B", "A/B", "stale C/D", "C/D"], "{text}");
        let states = ["A/B", "C/D", "E/F"].map(|symbol| {
            protocol
                .book(symbol)
                .expect("a known symbol")
                .state()
                .to_string()
        });
        assert_eq!(states, ["stale: malformed", "stale: malformed", "syncing"]);
    }
}

#[test]
fn unknown_symbols_leave_the_books_valid() {
    let mut protocol = KrakenV1::new(["A/B"], 10);
    protocol.opened();
    receive(&mut protocol, SNAPSHOT).expect("a snapshot");
    for channel in ["book-10", "trade", "ticker"] {
        let body = match channel {
            "trade" => r#"[["1","1","1.0","b","l",""]]"#,
            "ticker" => r#"{"a":["1",1,"1"],"b":["1",1,"1"]}"#,
            _ => r#"{"as":[],"bs":[]}"#,
        };
        let text = format!("[0,{body},\"{channel}\",\"X/Y\"]");
        let error = receive(&mut protocol, &text).expect_err("an unknown symbol");
        let expected =
            "message about unknown symbol \"X/Y\": expected one of the subscribed symbols";
        assert_eq!(error.to_string(), expected);
    }
    let spread = r#"[0,["1","2"],"spread","A/B"]"#;
    let error = receive(&mut protocol, spread).expect_err("an unknown channel");
    assert_eq!(error.to_string(), "message of unknown channel \"spread\"");
    assert!(
        protocol
            .book("A/B")
            .is_some_and(|book| book.state().is_valid())
    );
    assert!(protocol.book("X/Y").is_none());
}

#[test]
fn refused_requests_are_errors() {
    let kraken_v1 = r#"{"event":"subscriptionStatus","status":"error","errorMessage":"Currency pair not supported"}"#;
    let kraken =
        r#"{"method":"subscribe","success":false,"error":"Currency pair not supported X/Y"}"#;
    let binance = r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#;
    let exchange =
        r#"{"type":"error","message":"Failed to subscribe","reason":"X-Y is not valid"}"#;
    let advanced = r#"{"type":"error","message":"authentication failure"}"#;
    let okx = r#"{"event":"error","code":"60018","msg":"Wrong URL or channel"}"#;
    let protocols: [(Box<dyn Protocol>, &str); 6] = [
        (Box::new(KrakenV1::new(["A/B"], 10)), kraken_v1),
        (Box::new(Kraken::new(["A/B"], 10)), kraken),
        (Box::new(BinanceSpot::new(["AB"])), binance),
        (Box::new(CoinbaseExchange::new(["A-B"])), exchange),
        (Box::new(CoinbaseAdvanced::new(["A-B"])), advanced),
        (Box::new(Okx::new(["A-B"])), okx),
    ];
    for (mut protocol, text) in protocols {
        protocol.opened();
        let received = receive(&mut *protocol, text);
        assert!(
            matches!(received, Err(ProtocolError::Refused(_))),
            "{text}: {received:?}"
        );
    }
}

#[test]
fn invalid_trades_leave_the_books_valid() {
    let mut protocol = KrakenV1::new(["A/B"], 10);
    protocol.opened();
    receive(&mut protocol, SNAPSHOT).expect("a snapshot");
    for (trade, field) in [
        (r#"["1e999","1","1.0","b","l",""]"#, "price"),
        (
            r#"["1","99999999999999999999","1.0","b","l",""]"#,
            "quantity",
        ),
        (r#"["1","1","yesterday","b","l",""]"#, "time"),
    ] {
        let text = format!("[0,[{trade}],\"trade\",\"A/B\"]");
        let error = receive(&mut protocol, &text).expect_err("an invalid trade");
        assert!(
            error
                .to_string()
                .starts_with(&format!("invalid {field} of A/B")),
            "{error}"
        );
    }
    assert!(
        protocol
            .book("A/B")
            .is_some_and(|book| book.state().is_valid())
    );
}
