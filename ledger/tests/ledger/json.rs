//! Events as JSON.

use std::collections::BTreeSet;

use tickbook_ledger::domain::OrderEvent;

/// Events of all kinds, written by hand after the documentation of the fields.
const EVENTS: &str = include_str!("../golden/events.jsonl");

#[test]
fn events_are_read_and_written_as_json() {
    let mut kinds = BTreeSet::new();
    for line in EVENTS.lines() {
        let event: OrderEvent =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(serde_json::to_string(&event).expect("JSON"), line);
        assert_eq!(event.normalized().expect("valid"), event, "{line}");
        let kind = event.kind.as_str();
        assert!(line.contains(&format!("\"{kind}\"")), "{line}");
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 21);
}

#[test]
fn invalid_json_is_refused_with_the_reason() {
    for (text, reason) in [
        (r#"{"order_id":"","kind":"submitted"}"#, "invalid order_id"),
        (r#"{"order_id":"a","kind":"sent"}"#, "unknown variant"),
        (
            r#"{"order_id":"a","kind":"submitted","color":1}"#,
            "unknown field",
        ),
        (r#"{"order_id":"a"}"#, "missing field `kind`"),
        (
            r#"{"side":"long","kind":"submitted"}"#,
            "invalid side \"long\": expected one of buy, sell",
        ),
        (
            r#"{"kind":{"filled":{"quantity":1,"price":"2"}}}"#,
            "expected",
        ),
        (
            r#"{"kind":{"filled":{"quantity":"1","price":"2","note":"x"}}}"#,
            "unknown field",
        ),
        (
            r#"{"venue_time":"12:00","kind":"submitted"}"#,
            "invalid time",
        ),
        (
            r#"{"kind":{"restated":{"notional":"1e9"}}}"#,
            "invalid amount",
        ),
    ] {
        let error = serde_json::from_str::<OrderEvent>(text)
            .expect_err(text)
            .to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
