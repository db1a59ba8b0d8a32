//! Tests of `/api/v1/trades/corrections` and of the list of corrections.

use serde_json::{Value, json};

use crate::support::{app, get, post, with_symbols};

const PATH: &str = "/api/v1/trades/corrections";

fn trade(sequence: i64) -> Value {
    json!({
        "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292Z", "sequence": sequence,
        "price": "452.13", "quantity": "1.5", "aggressor_side": "sell", "is_block": false,
        "trade_id": null, "received_at": null
    })
}

/// A correction of the trade `sequence` with other values of some fields.
fn correction(sequence: i64, fields: &[(&str, Value)]) -> Value {
    let mut correction = json!({
        "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292Z", "sequence": sequence,
        "price": "45.2", "quantity": "3", "aggressor_side": "buy", "is_block": true,
        "corrected_at": "2014-05-01T00:01:00Z", "source": "venue"
    });
    let object = correction.as_object_mut().expect("an object");
    for (name, value) in fields {
        match value {
            Value::String(text) if text == "absent" => {
                object.remove(*name);
            }
            value => {
                object.insert((*name).to_owned(), value.clone());
            }
        }
    }
    correction
}

fn cancellation(sequence: i64) -> Value {
    let absent = json!("absent");
    let fields = ["price", "quantity", "aggressor_side", "is_block"].map(|it| (it, absent.clone()));
    let fields = [&fields[..], &[("cancelled", json!(true))]].concat();
    correction(sequence, &fields)
}

#[tokio::test]
async fn corrections_change_trades_and_are_listed() {
    let app = app(with_symbols().await, Vec::new());
    let trades = json!([trade(1), trade(2), trade(3)]);
    assert_eq!(
        post(&app, "/api/v1/trades", trades.to_string())
            .await
            .status,
        200
    );
    let body = json!([correction(1, &[]), cancellation(2), correction(9, &[])]);
    let receipt = post(&app, PATH, body.to_string()).await.json();
    let expected = json!({
        "applied": 2, "pending": 1, "superseded": 0, "duplicates": 0, "rejected": []
    });
    assert_eq!(receipt, expected);
    let again = post(&app, PATH, body.to_string()).await.json();
    assert_eq!(
        (&again["applied"], &again["duplicates"]),
        (&json!(0), &json!(3))
    );

    let stored = get(&app, "/api/v1/trades/1").await.json();
    let prices: Vec<_> = stored["data"].as_array().expect("a list").iter().collect();
    let prices: Vec<_> = prices
        .iter()
        .map(|it| {
            (
                it["sequence"].clone(),
                it["price"].clone(),
                it["is_block"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!(1), json!("45.2"), json!(true)),
        (json!(3), json!("452.13"), json!(false)),
    ];
    assert_eq!(prices, expected);

    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(
            &app,
            &format!("/api/v1/trades/1/corrections?limit=2{cursor}"),
        )
        .await
        .json();
        read.extend(page["data"].as_array().expect("a list").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(read.len(), 3);
    assert_eq!(read[0]["correction"]["price"], "45.2");
    assert_eq!(read[0]["before"]["price"], "452.13");
    assert_eq!(read[1]["correction"]["cancelled"], true);
    assert_eq!(read[1]["correction"]["price"], Value::Null);
    assert_eq!(read[2]["before"], Value::Null);
    // a cursor belongs to its range
    let first = get(&app, "/api/v1/trades/1/corrections?limit=2")
        .await
        .json();
    let cursor = first["next_cursor"].as_str().expect("a next page");
    let path = format!("/api/v1/trades/1/corrections?from=2014-05-01T00:00:00Z&cursor={cursor}");
    let detail = get(&app, &path).await.problem(400);
    assert!(detail.contains("another listing"), "{detail}");
}

#[tokio::test]
async fn invalid_corrections_are_rejected_and_others_recorded() {
    let app = app(with_symbols().await, Vec::new());
    let absent = || json!("absent");
    let cases = [
        (
            correction(1, &[("quantity", json!("0"))]),
            "quantity",
            "out_of_range",
        ),
        (
            correction(1, &[("price", absent())]),
            "price",
            "missing_field",
        ),
        (
            correction(1, &[("price", json!("NaN"))]),
            "price",
            "invalid_number",
        ),
        (
            correction(1, &[("sequence", absent())]),
            "sequence",
            "missing_field",
        ),
        (
            correction(1, &[("trade_id", json!("x"))]),
            "trade_id",
            "out_of_range",
        ),
        (
            correction(1, &[("cancelled", json!(true))]),
            "price",
            "out_of_range",
        ),
        (
            correction(1, &[("aggressor_side", json!("maker"))]),
            "aggressor_side",
            "unknown_side",
        ),
        (
            correction(1, &[("corrected_at", absent())]),
            "corrected_at",
            "missing_field",
        ),
        (
            correction(1, &[("source", json!(""))]),
            "source",
            "out_of_range",
        ),
        (
            correction(1, &[("symbol_id", json!(77))]),
            "symbol_id",
            "unknown_symbol",
        ),
    ];
    let mut body: Vec<_> = cases
        .iter()
        .map(|(correction, ..)| correction.clone())
        .collect();
    body.push(correction(1, &[]));
    let receipt = post(&app, PATH, json!(body).to_string()).await.json();
    assert_eq!(receipt["pending"], 1, "{receipt}");
    let rejected = receipt["rejected"].as_array().expect("a list");
    assert_eq!(rejected.len(), cases.len());
    for ((index, rejected), (_, field, reason)) in rejected.iter().enumerate().zip(&cases) {
        assert_eq!(rejected["index"], index, "{rejected}");
        let found = (&rejected["field"], &rejected["reason"]);
        assert_eq!(found, (&json!(field), &json!(reason)), "{rejected}");
    }
    let many: Vec<_> = (0..1_001)
        .map(|sequence| correction(sequence, &[]))
        .collect();
    let detail = post(&app, PATH, json!(many).to_string()).await.problem(400);
    assert!(detail.contains("at most 1000"), "{detail}");
}
