//! Tests of `/api/v1/trades`.

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tickbook::domain::SymbolId;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::MockTradeRepository;
use tickbook::{Database, Repositories, RepositoryError};

use crate::support::{Answer, app, app_at, get, post, send, with_symbols};

const PATH: &str = "/api/v1/trades";

fn trade(sequence: i64) -> Value {
    json!({
        "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292Z", "sequence": sequence,
        "price": "452.130", "quantity": 1.5, "aggressor_side": "sell", "is_block": true,
        "trade_id": "№ 7", "received_at": "2014-05-01T00:00:01Z"
    })
}

/// A trade with other values of some fields. A removed field is absent.
fn changed(fields: &[(&str, Value)]) -> Value {
    let mut trade = trade(9);
    let object = trade.as_object_mut().expect("an object");
    for (name, value) in fields {
        object.insert((*name).to_owned(), value.clone());
    }
    trade
}

fn without(field: &str) -> Value {
    let mut trade = trade(9);
    trade.as_object_mut().expect("an object").remove(field);
    trade
}

fn receipt(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn posted_trades_are_read_back() {
    let app = app(with_symbols().await, Vec::new());
    let unsequenced = json!({
        "symbol_id": 2, "trade_time": "2014-05-01T00:00:00Z", "price": -37.63, "quantity": "2"
    });
    let body = json!([trade(9_007_199_254_740_993_i64), unsequenced, unsequenced]);
    let first = receipt(&post(&app, PATH, body.to_string()).await);
    let expected = json!({"inserted": 3, "duplicates": 0, "conflicts": [], "rejected": []});
    assert_eq!(first, expected);
    let again = receipt(&post(&app, PATH, body.to_string()).await);
    assert_eq!(
        (&again["inserted"], &again["duplicates"]),
        (&json!(0), &json!(3))
    );

    let of_venue = json!({
        "symbol_id": 1, "trade_time": "2014-05-01T00:00:00.292000Z",
        "sequence": 9_007_199_254_740_993_i64, "price": "452.13", "quantity": "1.5",
        "aggressor_side": "sell", "is_block": true, "trade_id": "№ 7",
        "received_at": "2014-05-01T00:00:01.000000Z"
    });
    let page = get(&app, "/api/v1/trades/1").await.json();
    assert_eq!(page, json!({"data": [of_venue], "next_cursor": null}));
    let latest = get(&app, "/api/v1/trades/latest?symbols=3,2,1").await;
    let latest = latest.json();
    assert_eq!(latest["data"][0], of_venue);
    let plain = json!({
        "symbol_id": 2, "trade_time": "2014-05-01T00:00:00.000000Z", "sequence": 1,
        "price": "-37.63", "quantity": "2", "aggressor_side": null, "is_block": false,
        "trade_id": null, "received_at": null
    });
    assert_eq!(latest["data"][1], plain);
    assert_eq!(latest["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn pages_of_trades_follow_their_cursors() {
    let app = app(with_symbols().await, Vec::new());
    let all: Vec<_> = (0..7).map(trade).collect();
    receipt(&post(&app, PATH, json!(all).to_string()).await);
    for order in ["asc", "desc"] {
        let (mut read, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/trades/1?limit=3&order={order}{cursor}");
            let page = get(&app, &path).await.json();
            for trade in page["data"].as_array().expect("a page") {
                read.push(trade["sequence"].as_i64().expect("an integer"));
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(read.len() < 7, "the listing ends");
        }
        if order == "desc" {
            read.reverse();
        }
        assert_eq!(read, Vec::from_iter(0..7), "{order}");
    }
    let page = get(&app, "/api/v1/trades/1?limit=3").await.json();
    let cursor = page["next_cursor"].as_str().expect("a next page");
    let of_ticks = get(&app, &format!("/api/v1/ticks/1?limit=3&cursor={cursor}")).await;
    let detail = of_ticks.problem(400);
    assert!(detail.contains("another listing"), "{detail}");
}

#[tokio::test]
async fn invalid_trades_are_rejected_and_others_stored() {
    let app = app(with_symbols().await, Vec::new());
    let cases = [
        (
            changed(&[("quantity", json!("0"))]),
            "quantity",
            "out_of_range",
        ),
        (
            changed(&[("quantity", json!("-1.5"))]),
            "quantity",
            "out_of_range",
        ),
        (
            changed(&[("quantity", json!("NaN"))]),
            "quantity",
            "invalid_number",
        ),
        (
            changed(&[("quantity", json!(null))]),
            "quantity",
            "wrong_type",
        ),
        (without("quantity"), "quantity", "missing_field"),
        (
            changed(&[("price", json!("NaN"))]),
            "price",
            "invalid_number",
        ),
        (
            changed(&[("price", json!("1000000000000000"))]),
            "price",
            "too_many_digits",
        ),
        (
            changed(&[("price", json!("0.0000000000001"))]),
            "price",
            "too_many_digits",
        ),
        (without("price"), "price", "missing_field"),
        (
            changed(&[("aggressor_side", json!("BUY"))]),
            "aggressor_side",
            "unknown_side",
        ),
        (
            changed(&[("is_block", json!("no"))]),
            "is_block",
            "wrong_type",
        ),
        (
            changed(&[("trade_id", json!(""))]),
            "trade_id",
            "out_of_range",
        ),
        (changed(&[("trade_id", json!(7))]), "trade_id", "wrong_type"),
        (
            changed(&[("sequence", json!(-1))]),
            "sequence",
            "out_of_range",
        ),
        (
            changed(&[("trade_time", json!("2100-01-01T00:00:00Z"))]),
            "trade_time",
            "out_of_range",
        ),
        (
            changed(&[("symbol_id", json!(99))]),
            "symbol_id",
            "unknown_symbol",
        ),
    ];
    let mut body = vec![trade(0)];
    body.extend(cases.iter().map(|(element, ..)| element.clone()));
    body.push(changed(&[("side", json!("buy"))]));
    body.push(json!([1]));
    body.push(trade(1));
    let receipt = receipt(&post(&app, PATH, json!(body).to_string()).await);
    assert_eq!(receipt["inserted"], 2, "{receipt}");
    let rejected = receipt["rejected"].as_array().expect("a list");
    assert_eq!(rejected.len(), cases.len() + 2, "{receipt}");
    for (index, (rejected, (_, field, reason))) in (1..).zip(rejected.iter().zip(&cases)) {
        assert_eq!(rejected["index"], index, "{rejected}");
        let found = (&rejected["field"], &rejected["reason"]);
        assert_eq!(found, (&json!(field), &json!(reason)), "{rejected}");
        let detail = rejected["detail"].as_str().expect("a text");
        assert!(detail.contains(field), "{detail}");
    }
    let reasons = [&rejected[cases.len()], &rejected[cases.len() + 1]];
    let reasons = reasons.map(|rejected| rejected["reason"].clone());
    assert_eq!(reasons, ["unknown_field", "not_an_object"]);
    let page = get(&app, "/api/v1/trades/1").await.json();
    assert_eq!(page["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn future_trades_are_rejected() {
    let limit = TimeDelta::minutes(5);
    for now in suite::instants() {
        let app = app_at(with_symbols().await, SymbolRules::default(), now);
        let at = |time: chrono::DateTime<chrono::Utc>| {
            changed(&[
                ("trade_time", json!(time.to_rfc3339())),
                ("received_at", json!(null)),
            ])
        };
        let later = now + limit + TimeDelta::microseconds(1);
        let body = json!([at(now + limit), at(later)]);
        let receipt = receipt(&post(&app, PATH, body.to_string()).await);
        assert_eq!(receipt["inserted"], 1, "{receipt}");
        let rejected = &receipt["rejected"][0];
        let found = (&rejected["index"], &rejected["field"], &rejected["reason"]);
        let expected = (&json!(1), &json!("trade_time"), &json!("trade_in_future"));
        assert_eq!(found, expected, "{rejected}");
        assert_eq!(rejected["trade"]["sequence"], 9, "{rejected}");
    }
}

#[tokio::test]
async fn conflicting_trade_names_the_stored_one() {
    let app = app(with_symbols().await, Vec::new());
    receipt(&post(&app, PATH, json!([trade(9)]).to_string()).await);
    let body = json!([changed(&[("quantity", json!("2"))]), trade(10)]);
    let receipt = receipt(&post(&app, PATH, body.to_string()).await);
    assert_eq!(receipt["inserted"], 1, "{receipt}");
    let conflict = &receipt["conflicts"][0];
    assert_eq!(conflict["stored"]["quantity"], "1.5", "{receipt}");
    assert_eq!(conflict["refused"]["quantity"], "2", "{receipt}");
}

#[tokio::test]
async fn outage_while_trades_are_stored_is_a_503() {
    let mut trades = MockTradeRepository::new();
    trades.expect_insert_batch().once().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "connection refused".to_owned(),
        })
    });
    trades.expect_range().never();
    let known = with_symbols().await;
    let repositories = Repositories::builder()
        .symbols(known.symbols)
        .trades(std::sync::Arc::new(trades))
        .build();
    let app = app(repositories, Vec::new());
    let answer = post(&app, PATH, json!([trade(1)]).to_string()).await;
    answer.problem(503);
    let detail = get(&app, "/api/v1/trades/99").await.problem(404);
    let unknown = SymbolId::new(99).to_string();
    assert!(detail.contains(&unknown), "{detail}");
    let answer = post(&app, PATH, "{}").await;
    assert!(answer.problem(400).contains("array of trades"));
}

#[tokio::test]
async fn deleted_trades_are_gone_and_counted() {
    let app = app(with_symbols().await, Vec::new());
    let days = ["2014-05-01", "2014-05-02", "2014-05-03"];
    let all = days.map(|day| changed(&[("trade_time", json!(format!("{day}T12:00:00Z")))]));
    receipt(&post(&app, PATH, json!(all).to_string()).await);
    let delete = async |path: &str| {
        let request = Request::delete(path).body(Body::empty());
        send(&app, request.expect("a request")).await
    };
    for (query, word) in [
        ("", "from is missing"),
        ("?from=2014-05-01T00:00:00Z", "to is missing"),
        (
            "?from=2014-05-02T00:00:00Z&to=2014-05-01T00:00:00Z",
            "2014-05-02",
        ),
        ("?from=x&to=y", "from:"),
        ("?symbols=1", "unknown parameter"),
    ] {
        let detail = delete(&format!("/api/v1/trades/1{query}"))
            .await
            .problem(400);
        assert!(detail.contains(word), "{query}: {detail}");
    }
    let two_days = "from=2014-05-01T00:00:00Z&to=2014-05-03T00:00:00Z";
    let unknown = delete(&format!("/api/v1/trades/77?{two_days}")).await;
    unknown.problem(404);
    let path = format!("/api/v1/trades/1?{two_days}");
    let expected = json!({
        "trades": 2, "first": "2014-05-01T12:00:00.000000Z", "last": "2014-05-02T12:00:00.000000Z"
    });
    assert_eq!(receipt(&delete(&path).await), expected);
    let left = get(&app, "/api/v1/trades/1").await.json();
    assert_eq!(left["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(left["data"][0]["trade_time"], "2014-05-03T12:00:00.000000Z");
    let nothing = json!({"trades": 0, "first": null, "last": null});
    assert_eq!(receipt(&delete(&path).await), nothing);
}
