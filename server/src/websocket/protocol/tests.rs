use super::super::messages::Message;
use super::*;

/// The text of a pong for a ping with `id`, or the refused ping.
fn pong(id: &str) -> Result<String, RefusedRequest> {
    let request = Request::parse(&format!(r#"{{"op": "ping", "id": {id}}}"#))?;
    let message = &Message::Pong { id: request.id };
    Ok(serde_json::to_string(message).expect("JSON"))
}

#[test]
fn ids_are_returned_as_they_were_written() {
    let (text, digits) = (format!("\"{}\"", "x".repeat(ID)), "7".repeat(ID));
    for id in ["1.50", "1e3", "-0", "18446744073709551616", &digits, &text] {
        let expected = format!(r#"{{"type":"pong","id":{id}}}"#);
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
        from: None,
        after_event: None,
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
            "only an account",
        ),
        (
            r#""channel": "orders", "account": 7, "depth": 1"#,
            "only an account",
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

#[test]
fn positions_are_of_their_channel() {
    let resumed = |channel: &str, resume: &str| {
        let request = format!(r#"{{"op": "subscribe", {channel}, "resume": {resume}}}"#);
        Request::parse(&request).map(|request| request.ask)
    };
    let orders = r#""channel": "orders", "account": 7"#;
    let ticks = r#""channel": "ticks", "symbols": [1]"#;
    let Ok(Ask::Subscribe(of_orders)) = resumed(orders, r#"{"after": 4}"#) else {
        panic!("it is valid");
    };
    assert_eq!((of_orders.after_event, of_orders.resume), (Some(4), None));
    for (channel, resume, words) in [
        (ticks, r#"{"after": 4}"#, "epoch is missing in resume"),
        (
            orders,
            r#"{"epoch": "x", "after": 4}"#,
            "resume of orders has no epoch",
        ),
        (
            orders,
            r#"{"after": 9223372036854775808}"#,
            "it is too large",
        ),
        (orders, r#"{"after": -1}"#, "invalid message"),
        (
            r#""channel": "book", "symbols": [1]"#,
            r#"{"after": 4}"#,
            "only subscriptions to ticks or trades",
        ),
    ] {
        let refused = resumed(channel, resume).expect_err("invalid");
        assert!(refused.reason.contains(words), "{}", refused.reason);
    }
    let unsubscribe = format!(r#"{{"op": "unsubscribe", {orders}, "resume": {{"after": 4}}}}"#);
    assert!(refused(&unsubscribe).contains("only subscriptions have resume"));
}
