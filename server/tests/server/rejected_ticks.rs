//! Tests of `POST /api/v1/ticks` with invalid elements.

use serde_json::{Value, json};
use tickbook::repository::{InsertReceipt, RejectedTick};
use tickbook::{Database, RepositoryError};

use crate::support::{Mocks, app, get, post, with_symbols};

const PATH: &str = "/api/v1/ticks";

/// JSON of a tick of that second, with one field replaced by `json`, or omitted if `json` is empty.
fn element(second: usize, field: &str, json: &str) -> String {
    let time = format!("\"2014-05-01T00:00:{second:02}Z\"");
    let mut fields = vec![
        ("symbol_id", "1"),
        ("tick_time", &*time),
        ("bid_price", "\"1.38676\""),
        ("ask_price", "\"1.38682\""),
    ];
    fields.retain(|(name, _)| *name != field);
    if !json.is_empty() {
        fields.push((field, json));
    }
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, json)| format!("\"{name}\": {json}"))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

fn good(second: usize) -> String {
    element(second, "sequence", "0")
}

/// Sends elements to a new server in memory; returns the receipt and the stored ticks.
async fn sent(elements: &[String]) -> (Value, Vec<Value>) {
    let app = app(with_symbols().await, Vec::new());
    let answer = post(&app, PATH, format!("[{}]", elements.join(","))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let stored = get(&app, "/api/v1/ticks/1").await.json();
    let stored = stored["data"].as_array().expect("a page").clone();
    (answer.json(), stored)
}

/// Sends an invalid element between two valid ones; only the invalid one is rejected. Returns the rejection.
async fn rejected(bad: String) -> Value {
    let (receipt, stored) = sent(&[good(1), bad.clone(), good(2)]).await;
    assert_eq!(receipt["inserted"], 2, "{bad}: {receipt}");
    assert_eq!(stored.len(), 2);
    let rejected = receipt["rejected"].as_array().expect("a list");
    assert_eq!(rejected.len(), 1, "{receipt}");
    assert_eq!(rejected[0]["index"], 1, "{receipt}");
    rejected[0].clone()
}

#[tokio::test]
async fn numbers_that_cannot_be_stored_are_rejected_alone() {
    for (json, reason) in [
        ("\"1.0000000000001\"", "too_many_digits"),
        ("1.0000000000001", "too_many_digits"),
        ("1e-13", "too_many_digits"),
        ("\"1000000000000000\"", "too_many_digits"),
        ("1E15", "too_many_digits"),
        ("1e999999999", "too_many_digits"),
        ("\"-1E-99999999999999999999\"", "too_many_digits"),
        ("0.12345678901234567890123456789012345", "too_many_digits"),
        ("\"NaN\"", "invalid_number"),
        ("\"Infinity\"", "invalid_number"),
        ("\"\"", "invalid_number"),
        ("\"1,5\"", "invalid_number"),
        ("\" 1\"", "invalid_number"),
        ("\"0x1\"", "invalid_number"),
        ("true", "wrong_type"),
        ("[1]", "wrong_type"),
        ("{\"value\": 1}", "wrong_type"),
    ] {
        for field in ["bid_price", "ask_price", "bid_volume", "ask_volume"] {
            let reported = rejected(element(3, field, json)).await;
            assert_eq!(reported["reason"], reason, "{json}: {reported}");
            assert_eq!(reported["field"], field, "{reported}");
            assert_eq!(reported["tick"], Value::Null);
            let detail = reported["detail"].as_str().expect("a text");
            assert!(detail.starts_with(field), "{detail}");
        }
    }
    let reported = rejected(element(3, "bid_price", "-1000000000000000")).await;
    assert_eq!(reported["reason"], "too_many_digits", "{reported}");
    for json in ["\"-1\"", "-0.1", "-1e-12", "-1000000000000000"] {
        let reported = rejected(element(3, "bid_volume", json)).await;
        assert_eq!(reported["reason"], "out_of_range", "{reported}");
    }
}

#[tokio::test]
async fn times_sequences_and_ids_are_rejected_alone() {
    for (field, json, reason) in [
        (
            "tick_time",
            "\"1969-12-31T23:59:59.999999Z\"",
            "out_of_range",
        ),
        ("tick_time", "\"2100-01-01T00:00:00Z\"", "out_of_range"),
        ("tick_time", "\"2014-05-01\"", "invalid_time"),
        ("tick_time", "\"2016-12-31T23:59:60Z\"", "invalid_time"),
        ("tick_time", "1398902400", "wrong_type"),
        ("tick_time", "null", "wrong_type"),
        ("received_at", "\"1969-01-01T00:00:00Z\"", "out_of_range"),
        ("received_at", "\"now\"", "invalid_time"),
        ("received_at", "0", "wrong_type"),
        ("sequence", "-1", "out_of_range"),
        ("sequence", "9223372036854775808", "out_of_range"),
        ("sequence", "99999999999999999999999999", "out_of_range"),
        ("sequence", "1.0", "invalid_number"),
        ("sequence", "1e3", "invalid_number"),
        ("sequence", "0E0", "invalid_number"),
        ("sequence", "\"-1\"", "out_of_range"),
        ("sequence", "\"9223372036854775808\"", "out_of_range"),
        ("sequence", "\"1.0\"", "invalid_number"),
        ("sequence", "\"1e3\"", "invalid_number"),
        ("sequence", "\"+1\"", "invalid_number"),
        ("sequence", "\" 1\"", "invalid_number"),
        ("sequence", "\"\"", "invalid_number"),
        ("sequence", "\"-\"", "invalid_number"),
        ("sequence", "true", "wrong_type"),
        ("sequence", "null", "wrong_type"),
        ("symbol_id", "0", "out_of_range"),
        ("symbol_id", "9223372036854775808", "out_of_range"),
        ("symbol_id", "1.0", "invalid_number"),
        ("symbol_id", "\"1\"", "wrong_type"),
    ] {
        let reported = rejected(element(3, field, json)).await;
        assert_eq!(reported["reason"], reason, "{json}: {reported}");
        assert_eq!(reported["field"], field, "{reported}");
    }
}

#[tokio::test]
async fn invalid_elements_are_rejected_alone() {
    let values = ["1", "null", "\"x\"", "true", "[]", "[[[[]]]]"];
    for bad in values {
        let reported = rejected(bad.to_owned()).await;
        assert_eq!(reported["reason"], "not_an_object", "{reported}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(rejected(deep.clone()).await["reason"], "not_an_object");
    let reported = rejected(element(3, "bid_price", &deep)).await;
    assert_eq!(reported["reason"], "wrong_type", "{reported}");
    // an array of the fields in order, in which an error would go unnoticed
    let array = "[1, \"2014-05-01T00:00:03Z\", 0, \"1\", \"2\", \"0\", \"0\", null]";
    assert_eq!(rejected(array.to_owned()).await["reason"], "not_an_object");
    for field in ["symbol_id", "tick_time"] {
        let reported = rejected(element(3, field, "")).await;
        assert_eq!(
            (&reported["reason"], &reported["field"]),
            (&json!("missing_field"), &json!(field))
        );
    }
    let reported = rejected("{}".to_owned()).await;
    assert_eq!(reported["reason"], "missing_field", "{reported}");
    for name in ["bid_prcie", "", "\\ud800", "BID_PRICE"] {
        let reported = rejected(element(3, name, "\"1\"")).await;
        assert_eq!(reported["reason"], "unknown_field", "{name}: {reported}");
    }
    let twice = good(3).replace('}', ", \"bid_price\": \"1.38676\"}");
    let reported = rejected(twice).await;
    assert_eq!(
        (&reported["reason"], &reported["field"]),
        (&json!("duplicate_field"), &json!("bid_price"))
    );
}

#[tokio::test]
async fn ticks_without_a_side_are_rejected_alone() {
    let without = |prices: &str| {
        format!("{{\"symbol_id\": 1, \"tick_time\": \"2014-05-01T00:00:03Z\"{prices}}}")
    };
    let both_null = without(", \"bid_price\": null, \"ask_price\": null");
    for bad in [without(""), both_null] {
        let reported = rejected(bad).await;
        let expected = (&json!("missing_field"), &json!("bid_price"));
        assert_eq!(
            (&reported["reason"], &reported["field"]),
            expected,
            "{reported}"
        );
    }
    for side in ["bid", "ask"] {
        let volume = format!("{side}_volume");
        let bad = element(3, &format!("{side}_price"), "null");
        let bad = bad.replace('}', &format!(", \"{volume}\": 0}}"));
        let reported = rejected(bad).await;
        let expected = (&json!("volume_without_price"), &json!(volume));
        assert_eq!(
            (&reported["reason"], &reported["field"]),
            expected,
            "{reported}"
        );
    }
}

#[tokio::test]
async fn ticks_of_one_side_and_unknown_volumes_are_stored() {
    let of_one_side = |name: &str, json: &str, second| element(second, name, json);
    let (receipt, stored) = sent(&[
        of_one_side("ask_price", "null", 1),
        of_one_side("ask_price", "", 2),
        of_one_side("bid_price", "null", 3),
        element(4, "bid_volume", "0"),
        element(5, "ask_volume", "null"),
    ])
    .await;
    assert_eq!(receipt["inserted"], 5, "{receipt}");
    let (bid, ask, none) = (json!("1.38676"), json!("1.38682"), Value::Null);
    let expected = [
        [&bid, &none, &none, &none],
        [&bid, &none, &none, &none],
        [&none, &ask, &none, &none],
        [&bid, &ask, &json!("0"), &none],
        [&bid, &ask, &none, &none],
    ];
    for (tick, expected) in stored.iter().zip(expected) {
        let fields = ["bid_price", "ask_price", "bid_volume", "ask_volume"];
        // null, not absent
        assert_eq!(
            fields.map(|field| tick.get(field).expect("written")),
            expected
        );
    }
}

#[tokio::test]
async fn numbers_are_read_to_the_last_digit() {
    for (json, written) in [
        ("1.38676", "1.38676"),
        ("1", "1"),
        ("0.1", "0.1"),
        ("-37.630", "-37.63"),
        (
            "999999999999999.999999999999",
            "999999999999999.999999999999",
        ),
        ("0.000000000001", "0.000000000001"),
        // no double represents it exactly
        (
            "900719925474099.123456789012",
            "900719925474099.123456789012",
        ),
        ("1E-8", "0.00000001"),
        ("\"1E-8\"", "0.00000001"),
        ("\"1e-8\"", "0.00000001"),
        ("1.5e+2", "150"),
        ("100000000000000000000e-20", "1"),
        ("-0.0", "0"),
        ("-0e-999999999", "0"),
        ("\"-0\"", "0"),
        ("\"001.500\"", "1.5"),
        ("\"+1.5\"", "1.5"),
        ("\".5\"", "0.5"),
        ("\"1\\u002e5\"", "1.5"),
        ("1.50000000000000000000000000000000000000", "1.5"),
    ] {
        let (receipt, stored) = sent(&[element(3, "bid_price", json)]).await;
        assert_eq!(receipt["inserted"], 1, "{json}: {receipt}");
        assert_eq!(stored[0]["bid_price"], written, "{json}");
    }
}

#[tokio::test]
async fn rejections_repeat_little_of_their_ticks() {
    let long = "\u{1F600}".repeat(200_000);
    let text = format!("\"{long}\"");
    let digits = format!("1{}", "0".repeat(800_000));
    let fraction = format!("\"2016-12-31T23:59:60.{}Z\"", "0".repeat(800_000));
    for bad in [
        element(3, "bid_price", &text),
        element(3, "bid_price", &digits),
        element(3, "sequence", &digits),
        element(3, "tick_time", &text),
        element(3, "tick_time", &fraction),
        element(3, &long, "1"),
        format!("{{{}\"x\":1}}", "\"x\":1,".repeat(200_000)),
        text.clone(),
        digits.clone(),
    ] {
        let reported = rejected(bad).await;
        let detail = reported["detail"].as_str().expect("a text");
        let repeated = detail.matches(['\u{1F600}', '0']).count();
        assert!(repeated <= 50, "{detail}");
        assert!(detail.chars().count() < 250, "{detail}");
    }
}

#[tokio::test]
async fn unknown_symbol_is_rejected_alone() {
    let reported = rejected(element(3, "symbol_id", "99")).await;
    assert_eq!(
        (&reported["reason"], &reported["field"]),
        (&json!("unknown_symbol"), &json!("symbol_id"))
    );
    assert_eq!(reported["tick"]["symbol_id"], 99);
    assert!(reported["detail"].as_str().expect("a text").contains("99"));
}

#[tokio::test]
async fn failed_symbol_lookup_is_503() {
    let mut mocks = Mocks::default();
    mocks.symbols.expect_get_many().once().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Metadata,
            reason: "gone".to_owned(),
        })
    });
    let body = format!("[{},1]", good(1));
    post(&mocks.app(), PATH, body).await.problem(503);
}

#[tokio::test]
async fn request_without_any_tick_calls_no_repository() {
    let answer = post(&Mocks::default().app(), PATH, "[1,{},null]").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let receipt = answer.json();
    let indexes: Vec<_> = receipt["rejected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|rejected| rejected["index"].as_u64())
        .collect();
    assert_eq!(indexes, [Some(0), Some(1), Some(2)]);
}

#[tokio::test]
async fn rows_the_store_rejects_have_their_index() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_insert_batch().once().returning(|ticks| {
        // two contents of one key, the second of them rejected, and the last tick
        assert_eq!(ticks.len(), 4);
        let rejected = [&ticks[1], &ticks[3]].map(|tick| {
            RejectedTick::new(tick.clone(), "older than the retention floor".to_owned())
        });
        Ok(InsertReceipt::default()
            .inserted(2)
            .rejected(rejected.to_vec()))
    });
    let elements = [
        "null".to_owned(),
        good(1),
        element(1, "bid_price", "1.1"),
        element(2, "symbol_id", "77"),
        good(3),
        good(4),
    ];
    let answer = post(&mocks.app(), PATH, format!("[{}]", elements.join(","))).await;
    let receipt = answer.json();
    let reported: Vec<_> = receipt["rejected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|rejected| (rejected["index"].as_u64(), rejected["reason"].as_str()))
        .collect();
    let expected = [
        (0, "not_an_object"),
        (2, "refused_by_store"),
        (3, "unknown_symbol"),
        (5, "refused_by_store"),
    ];
    assert_eq!(
        reported,
        expected.map(|(index, reason)| (Some(index), Some(reason)))
    );
    assert_eq!(receipt["rejected"][1]["tick"]["bid_price"], "1.1");
}
