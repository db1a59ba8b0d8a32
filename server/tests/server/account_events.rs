//! Tests of `POST /api/v1/accounts/{account_id}/events`.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tickbook::RepositoryError;
use tickbook_ledger::repository::{AppendReceipt, MockLedgerRepository};

use crate::ledger::{append, book, canceled, created, filled, with_account, with_mock};
use crate::support::{database_errors, get, internal_errors, post};

const EVENTS: &str = "/api/v1/accounts/1/events";

const GOLDEN: &str = include_str!("../../../ledger/tests/golden/events.jsonl");

#[tokio::test]
async fn receipt_accounts_for_every_element() {
    let app = with_account().await;
    let events = [
        created("a", "buy", "10"),
        json!(5),
        filled("a", "E1", 1, "4", "99"),
        filled("a", "E1", 1, "4", "99"),
        filled("a", "E1", 1, "5", "99"),
        filled("none", "E2", 1, "1", "1"),
        json!({"order_id": "a"}),
        filled("a", "E3", 2, "7", "100"),
    ];
    let receipt = append(&app, &events).await;
    let expected = json!({
        "sequence": 3,
        "appended": [{"index": 0, "sequence": 1}, {"index": 2, "sequence": 2}, {"index": 7, "sequence": 3}],
        "duplicates": [{"index": 3, "first": 2, "closing": null}],
        "conflicts": [{"index": 4, "first": 2}],
        "quarantined": [{
            "index": 5, "reason": "unknown_order",
            "detail": "unknown order: create it first, or send its terms with the event"
        }],
        "rejected": [
            {"index": 1, "field": null, "reason": "not_an_object",
             "detail": "is not an object: expected an event such as {\"order_id\": …, \"kind\": …}"},
            {"index": 6, "field": null, "reason": "invalid_event",
             "detail": "is not an order event: missing field `kind` at line 1 column 16"}
        ],
        "overfills": [{"order_id": "a", "quantity": "1"}],
        "adjusted": []
    });
    assert_eq!(receipt, expected);
    // sent again after a lost answer
    let again = append(
        &app,
        &[created("a", "buy", "10"), filled("a", "E3", 2, "7", "100")],
    )
    .await;
    let duplicates = json!([
        {"index": 0, "first": 1, "closing": null}, {"index": 1, "first": 3, "closing": null}
    ]);
    assert_eq!(
        (&again["duplicates"], &again["sequence"]),
        (&duplicates, &json!(3))
    );
}

#[tokio::test]
async fn late_fill_adjusts_its_position() {
    let app = with_account().await;
    let events = [
        created("a", "buy", "10"),
        created("b", "sell", "10"),
        filled("a", "E1", 1, "1", "100"),
        filled("b", "E3", 3, "1", "120"),
    ];
    book(&app, &events).await;
    let mut closing = filled("a", "E1", 1, "1", "100");
    closing["kind"]["filled"]["closes"] = json!("canceled");
    let receipt = append(&app, &[filled("a", "E2", 2, "1", "110"), closing]).await;
    let adjusted = &receipt["adjusted"][0];
    assert_eq!(adjusted["before"]["realized"], "20");
    assert_eq!(
        (
            &adjusted["after"]["realized"],
            &adjusted["after"]["average_price"]
        ),
        (&json!("15"), &json!("105"))
    );
    assert_eq!(
        receipt["duplicates"],
        json!([{"index": 1, "first": 3, "closing": 6}])
    );
}

#[tokio::test]
async fn elements_that_are_no_events_are_rejected() {
    let app = with_account().await;
    let with = |field: &str, value: Value| {
        let mut event = filled("a", "E1", 1, "4", "99");
        event[field] = value;
        event
    };
    let mut of_unknown_symbol = created("b", "buy", "1");
    of_unknown_symbol["kind"]["created"]["symbol_id"] = json!(4);
    let external =
        json!({"symbol_id": 9, "side": "buy", "order_type": "market", "time_in_force": "day"});
    for (element, reason, words) in [
        (json!("x"), "not_an_object", "is not an object"),
        (json!([1]), "not_an_object", "is not an object"),
        (json!({}), "invalid_event", "missing field `kind`"),
        (
            with("price", json!("1")),
            "invalid_event",
            "unknown field `price`",
        ),
        (
            with("kind", json!("filed")),
            "invalid_event",
            "unknown variant `filed`",
        ),
        (
            with("order_id", json!("")),
            "invalid_event",
            "invalid order_id",
        ),
        (
            with("side", json!("long")),
            "invalid_event",
            "invalid side \"long\"",
        ),
        (
            with("venue_time", json!("today")),
            "invalid_event",
            "RFC 3339",
        ),
        (
            with("kind", json!({"filled": {"quantity": 4, "price": "1"}})),
            "invalid_event",
            "invalid type: integer",
        ),
        (
            with("kind", json!({"filled": {"quantity": "x", "price": "1"}})),
            "invalid_event",
            "is not a decimal",
        ),
        // the values without their names
        (
            with("kind", json!({"fill_busted": ["E1", null]})),
            "invalid_event",
            "it has an array",
        ),
        (with("x[\"", json!(1)), "invalid_event", "unknown field"),
        (
            of_unknown_symbol,
            "unknown_symbol",
            "symbol_id 4 is unknown",
        ),
        (
            with("external", external),
            "unknown_symbol",
            "symbol_id 9 is unknown",
        ),
    ] {
        let receipt = append(&app, std::slice::from_ref(&element)).await;
        let rejected = &receipt["rejected"][0];
        let detail = rejected["detail"].as_str().expect("a text");
        assert_eq!(
            (&rejected["index"], &rejected["reason"]),
            (&json!(0), &json!(reason)),
            "{element}: {detail}"
        );
        assert!(detail.contains(words), "{element}: {detail}");
    }
    let twice = r#"[{"order_id":"a","order_id":"a","kind":"submitted"}]"#;
    let receipt = post(&app, EVENTS, twice).await.json();
    assert!(
        receipt["rejected"][0]["detail"]
            .as_str()
            .expect("a text")
            .contains("duplicate field")
    );
    // an error quotes at most a part of the element
    let receipt = append(&app, &[with(&"x".repeat(100_000), json!(1))]).await;
    assert!(
        receipt.to_string().len() < 800,
        "{}",
        receipt.to_string().len()
    );
    assert_eq!(get(&app, EVENTS).await.json()["data"], json!([]));
}

#[tokio::test]
async fn invalid_requests_book_nothing() {
    let app = with_account().await;
    let many: Vec<_> = (0..10_001).map(|n| canceled("a", &n.to_string())).collect();
    for (path, body, words) in [
        (EVENTS, "{}".to_owned(), "expected a JSON array of events"),
        (EVENTS, "[".to_owned(), "not valid JSON"),
        (EVENTS, json!(many).to_string(), "more than 10000 events"),
        (
            "/api/v1/accounts/1/events?expected=-1",
            "[]".to_owned(),
            "expected: invalid number",
        ),
        (
            "/api/v1/accounts/1/events?expected=x",
            "[]".to_owned(),
            "an integer from 0 on",
        ),
        (
            "/api/v1/accounts/1/events?after=1",
            "[]".to_owned(),
            "unknown parameter",
        ),
        ("/api/v1/accounts/x/events", "[]".to_owned(), "account_id"),
    ] {
        let detail = post(&app, path, body).await.problem(400);
        assert!(detail.contains(words), "{path}: {detail}");
    }
    let empty = append(&app, &[]).await;
    assert_eq!(
        (&empty["sequence"], &empty["appended"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn unexpected_sequence_is_a_conflict() {
    let app = with_account().await;
    let at = |expected: i64| format!("{EVENTS}?expected={expected}");
    let first = post(&app, &at(0), json!([created("a", "buy", "1")]).to_string()).await;
    assert_eq!(first.json()["sequence"], 1, "{}", first.text);
    let fill = json!([filled("a", "E1", 1, "1", "99")]).to_string();
    for expected in [0, 2] {
        let answer = post(&app, &at(expected), fill.clone()).await;
        assert_eq!(answer.json()["type"], "urn:tickbook:other-sequence");
        let detail = answer.problem(409);
        assert!(
            detail.contains(&format!("expected sequence {expected}")),
            "{detail}"
        );
    }
    assert_eq!(post(&app, &at(1), fill).await.json()["sequence"], 2);
}

#[tokio::test]
async fn golden_events_are_stored_as_they_were_sent() {
    let app = with_account().await;
    let lines: Vec<Value> = GOLDEN
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    // symbol 7 of the file is symbol 1 here
    let renamed = |mut event: Value| {
        for pointer in [
            "/symbol_id",
            "/kind/created/symbol_id",
            "/external/symbol_id",
        ] {
            if let Some(id) = event.pointer_mut(pointer) {
                *id = json!(1);
            }
        }
        event
    };
    let events: Vec<_> = lines.into_iter().map(renamed).collect();
    let receipt = append(&app, &events).await;
    assert_eq!(receipt["rejected"], json!([]));
    let journal = get(&app, EVENTS).await.json();
    let quarantine = get(&app, "/api/v1/accounts/1/quarantine").await.json();
    let stored = |list: &Value| {
        list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["event"].clone())
            .collect::<Vec<_>>()
    };
    let booked = stored(&journal);
    let kept = stored(&quarantine);
    assert!(
        booked.len() > 5 && booked.len() + kept.len() > 20,
        "{booked:?}"
    );
    for event in booked.iter().chain(&kept) {
        assert!(events.contains(event), "{event}");
    }
}

#[tokio::test]
async fn failed_appends_are_503_and_counted() {
    for error in database_errors() {
        let error = Arc::new(Mutex::new(Some(error)));
        let mut ledger = MockLedgerRepository::default();
        ledger.expect_append().returning(move |_, _, _, _| {
            Err(error.lock().expect("no panic").take().expect("one call"))
        });
        let app = with_mock(ledger);
        let answer = post(&app, EVENTS, json!([canceled("a", "E1")]).to_string()).await;
        answer.problem(503);
        answer.header("Retry-After");
        let health = get(&app, "/health/ready").await.json()["ledger"].clone();
        assert_eq!(
            (&health["failed_appends"], &health["appended"]),
            (&json!(1), &json!(0))
        );
        assert!(health["last_failure"].is_string(), "{health}");
    }
    for error in internal_errors() {
        let error = Mutex::new(Some(error));
        let mut ledger = MockLedgerRepository::default();
        ledger.expect_append().returning(move |_, _, _, _| {
            Err(error.lock().expect("no panic").take().expect("one call"))
        });
        let app = with_mock(ledger);
        post(&app, EVENTS, json!([canceled("a", "E1")]).to_string())
            .await
            .problem(500);
    }
}

#[tokio::test]
async fn invalid_input_without_a_sequence_is_a_400() {
    let mut ledger = MockLedgerRepository::default();
    let refused = |_: &_, _, _: &[_], _| Err::<AppendReceipt, _>(RepositoryError::invalid("no"));
    ledger.expect_append().returning(refused);
    let app = with_mock(ledger);
    post(&app, EVENTS, json!([canceled("a", "E1")]).to_string())
        .await
        .problem(400);
}

#[tokio::test]
async fn appended_events_are_counted() {
    let app = with_account().await;
    let before = get(&app, "/metrics").await.text;
    let count = |text: &str, series: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(series));
        line.map_or(0.0, |line| {
            line.rsplit(' ')
                .next()
                .expect("a value")
                .parse()
                .expect("a number")
        })
    };
    let events = [
        created("a", "buy", "1"),
        filled("a", "E1", 1, "2", "99"),
        filled("a", "E1", 1, "2", "99"),
        filled("a", "E1", 1, "3", "99"),
        filled("none", "E2", 1, "1", "1"),
        json!(5),
    ];
    append(&app, &events).await;
    let after = get(&app, "/metrics").await.text;
    // other tests of this process count, too
    for series in [
        "ledger_events_appended_total{kind=\"created\"}",
        "ledger_events_appended_total{kind=\"filled\"}",
        "ledger_events_duplicate_total{kind=\"filled\"}",
        "ledger_events_conflict_total{kind=\"filled\"}",
        "ledger_events_quarantined_total{reason=\"unknown_order\"}",
        "ledger_events_rejected_total",
        "ledger_overfills_total",
        "ledger_append_duration_seconds_count{outcome=\"ok\"}",
    ] {
        let (before, after) = (count(&before, series), count(&after, series));
        assert!(after >= before + 1.0, "{series}: {before}, {after}");
    }
    let health = get(&app, "/health/ready").await.json();
    let expected = json!({
        "store": "memory", "appended": 2, "failed_appends": 0, "last_failure": null, "followed_accounts": 0
    });
    assert_eq!(health["ledger"], expected);
}
