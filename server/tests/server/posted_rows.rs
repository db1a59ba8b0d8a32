//! Tests of `POST /api/v1/ticks` and `/api/v1/trades` with CSV.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::support::{Answer, app, get, send, with_symbols};

async fn post_csv(app: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "text/csv; header=present");
    send(app, request.body(body.into()).expect("a request")).await
}

async fn empty() -> Router {
    app(with_symbols().await, Vec::new())
}

#[tokio::test]
async fn posted_rows_are_read_back() {
    let app = empty().await;
    let ticks = "symbol_id,tick_time,sequence,bid_price,ask_price,bid_volume,ask_volume,received_at\n\
                 1,2014-05-01T00:00:00.000000Z,7,1.38676,1.38682,5,,\n\
                 2,2014-05-01T00:00:01.000000Z,0,,-37.63,,0,2014-05-01T00:00:02.000000Z\n";
    let trades = "symbol_id,trade_time,sequence,price,quantity,aggressor_side,is_block,trade_id,received_at\n\
                  1,2014-05-01T00:00:00.000000Z,7,2.5,1.5,sell,true,\"a, \"\"b\"\"\",\n";
    for (path, text, rows) in [("ticks", ticks, 2), ("trades", trades, 1)] {
        let path = format!("/api/v1/{path}");
        let receipt = post_csv(&app, &path, text).await.json();
        assert_eq!(
            (&receipt["inserted"], &receipt["rejected"]),
            (&json!(rows), &json!([]))
        );
        let request = Request::get(format!("{path}/latest?symbols=1,2"));
        let request = request
            .header(header::ACCEPT, "text/csv")
            .body(Body::empty());
        let read = send(&app, request.expect("a request")).await;
        assert_eq!(read.text, text);
        let again = post_csv(&app, &path, read.text).await.json();
        assert_eq!(
            (&again["inserted"], &again["duplicates"]),
            (&json!(0), &json!(rows))
        );
    }
}

#[tokio::test]
async fn file_of_one_symbol_is_posted_as_it_is() {
    let app = empty().await;
    let file = "\u{feff}# from a venue\r\nTime,Bid,Ask\r\n\r\n2014-05-01T00:00:00Z, 1.5 ,1.6\r\n\
                2014-05-01T00:00:00Z,1.5,1.6";
    for symbol in ["oanda:S2", "2"] {
        let receipt = post_csv(&app, &format!("/api/v1/ticks?symbol={symbol}"), file).await;
        assert_eq!(receipt.status, 200, "{}", receipt.text);
    }
    // equal rows of one request are all stored, and once
    let counted = get(&app, "/api/v1/ticks/2/count").await.json();
    assert_eq!(counted["count"], 2);
    let path = "/api/v1/ticks?symbol=oanda:S9";
    post_csv(&app, path, file).await.problem(404);
}

#[tokio::test]
async fn rejected_rows_have_their_lines() {
    let app = empty().await;
    let text = "# comment\nsymbol_id,tick_time,bid_price,ask_price\n\
                1,2014-05-01T00:00:00Z,1,2\n\n\
                1,2014-05-01T00:00:00Z,1,2,3\n\
                x,2014-05-01T00:00:00Z,1,2\n\
                1,yesterday,1,2\n\
                1,2014-05-01T00:00:00Z,,\n\
                99,2014-05-01T00:00:00Z,1,2\n\
                1,2014-05-01T00:00:00Z,\"1,2\n\
                1,2014-05-02T00:00:00Z,\"1\",2\n";
    let receipt = post_csv(&app, "/api/v1/ticks", text).await.json();
    assert_eq!(receipt["inserted"], 2, "{receipt}");
    let rejected = receipt["rejected"].as_array().expect("a list").iter();
    let found: Vec<_> = rejected
        .map(|it| json!([it["index"], it["line"], it["field"], it["reason"]]))
        .collect();
    let expected = [
        json!([1, 5, null, "wrong_columns"]),
        json!([2, 6, "symbol_id", "wrong_type"]),
        json!([3, 7, "tick_time", "invalid_time"]),
        json!([4, 8, "bid_price", "missing_field"]),
        json!([5, 9, "symbol_id", "unknown_symbol"]),
        json!([6, 10, null, "wrong_columns"]),
    ];
    assert_eq!(found, expected, "{receipt}");
}

#[tokio::test]
async fn invalid_headers_refuse_the_whole_body() {
    let app = empty().await;
    let many = format!(
        "price,quantity,trade_time,symbol_id\n{}",
        "1,1,x,1\n".repeat(10_001)
    );
    for (path, body, word) in [
        ("/api/v1/ticks", "", "no header row"),
        ("/api/v1/ticks", "# nothing\n\n", "no header row"),
        (
            "/api/v1/ticks",
            "tick_time,bid,ask\n",
            "symbol_id is missing",
        ),
        (
            "/api/v1/ticks",
            "symbol_id,tick_time,bid\n",
            "ask_price is missing",
        ),
        (
            "/api/v1/ticks",
            "symbol_id,tick_time,bid,ask,x\n",
            "unknown column \"x\": expected symbol_id, tick_time",
        ),
        (
            "/api/v1/ticks",
            "symbol_id,time,tick_time,bid,ask\n",
            "tick_time is given twice",
        ),
        (
            "/api/v1/ticks?symbol=1",
            "symbol_id,time,bid,ask\n",
            "give one of them",
        ),
        ("/api/v1/ticks?symbols=1", "", "unknown parameter"),
        (
            "/api/v1/trades",
            "symbol_id,trade_time,price\n",
            "quantity is missing",
        ),
        ("/api/v1/trades", many.as_str(), "more than 10000 rows"),
    ] {
        let detail = post_csv(&app, path, body.to_owned()).await.problem(400);
        assert!(detail.contains(word), "{body:.40}: {detail}");
    }
    let detail = post_csv(&app, "/api/v1/ticks", &b"\xff\xfe"[..])
        .await
        .problem(400);
    assert!(detail.contains("UTF-8"), "{detail}");
    let json = crate::support::post(&app, "/api/v1/ticks?symbol=1", "[]").await;
    assert!(json.problem(400).contains("text/csv"));
    let corrections = post_csv(&app, "/api/v1/trades/corrections", "x").await;
    assert!(corrections.problem(415).contains("application/json"));
}
