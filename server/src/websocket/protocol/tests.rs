use super::super::messages::{Message, Numbered};
use super::*;

/// The text of a pong for a ping with `id`, or the refused ping.
fn pong(id: &str) -> Result<String, RefusedRequest> {
    let request = Request::parse(&format!(r#"{{"op": "ping", "id": {id}}}"#))?;
    let message = &Message::Pong { id: request.id };
    Ok(serde_json::to_string(&Numbered { seq: 1, message }).expect("JSON"))
}

#[test]
fn ids_are_returned_as_they_were_written() {
    let (text, digits) = (format!("\"{}\"", "x".repeat(ID)), "7".repeat(ID));
    for id in ["1.50", "1e3", "-0", "18446744073709551616", &digits, &text] {
        let expected = format!(r#"{{"seq":1,"type":"pong","id":{id}}}"#);
        assert_eq!(pong(id).expect("a valid id"), expected);
    }
}

#[test]
fn invalid_ids_are_not_returned() {
    let (text, digits) = (format!("\"{}\"", "x".repeat(ID + 1)), "7".repeat(ID + 1));
    for id in [text.as_str(), &digits, "[1]", "{}", "true"] {
        let refused = pong(id).expect_err(id);
        assert!(refused.reason.starts_with("id "), "{}", refused.reason);
        assert!(refused.id.is_none(), "{id}");
        let unreadable = format!(r#"{{"op": "ping", "levels": 5, "id": {id}}}"#);
        let refused = Request::parse(&unreadable).expect_err(id);
        assert!(refused.reason.contains("levels"), "{}", refused.reason);
        assert!(refused.id.is_none(), "{id}");
    }
}

fn refused(request: &str) -> String {
    Request::parse(request).expect_err(request).reason
}

#[test]
fn orders_are_of_one_account() {
    let request = r#"{"op": "subscribe", "channel": "orders", "account": 7}"#;
    let expected = Subscription {
        channel: Channel::Orders(AccountId::new(7)),
        symbols: Symbols::Ids(Vec::new()),
        has_snapshot: true,
        resume: None,
    };
    let ask = Request::parse(request).expect("valid").ask;
    assert_eq!(ask, Ask::Subscribe(expected));
    for (fields, words) in [
        (r#""channel": "orders""#, "account is missing"),
        (
            r#""channel": "orders", "account": 0"#,
            "invalid account \"0\"",
        ),
        (r#""channel": "orders", "account": "7""#, "positive integer"),
        (
            r#""channel": "orders", "account": 7, "symbols": [1]"#,
            "account only",
        ),
        (
            r#""channel": "orders", "account": 7, "depth": 1"#,
            "account only",
        ),
        (
            r#""channel": "ticks", "account": 7, "symbols": [1]"#,
            "ticks have no account",
        ),
        (
            r#""channel": "order", "symbols": [1]"#,
            "candles, book or orders",
        ),
    ] {
        let reason = refused(&format!(r#"{{"op": "subscribe", {fields}}}"#));
        assert!(reason.contains(words), "{fields}: {reason}");
    }
}
