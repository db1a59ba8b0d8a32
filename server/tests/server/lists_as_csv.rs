//! Tests of lists as CSV.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::{Answer, app, get, post, send, with_symbols};

async fn get_as(app: &Router, path: &str, accept: &str) -> Answer {
    let request = Request::get(path).header(header::ACCEPT, accept);
    send(app, request.body(Body::empty()).expect("a request")).await
}

/// Five ticks and three trades of the symbol 1.
async fn stored() -> Router {
    let app = app(with_symbols().await, Vec::new());
    let tick = |second: i64| {
        json!({
            "symbol_id": 1, "tick_time": format!("2014-05-01T00:00:0{second}Z"),
            "bid_price": "1.38676", "ask_price": null, "bid_volume": second
        })
    };
    let trade = |second: i64| {
        json!({
            "symbol_id": 1, "trade_time": format!("2014-05-01T00:00:0{second}Z"), "price": "2.50",
            "quantity": "1.5", "aggressor_side": "sell", "trade_id": "a, \"b\""
        })
    };
    let ticks: Vec<_> = (0..5).map(tick).collect();
    let trades: Vec<_> = (0..3).map(trade).collect();
    for (path, body) in [("ticks", json!(ticks)), ("trades", json!(trades))] {
        let receipt = post(&app, &format!("/api/v1/{path}"), body.to_string()).await;
        assert_eq!(receipt.status, 200, "{}", receipt.text);
    }
    app
}

fn lines(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let kind = answer.header(header::CONTENT_TYPE);
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    answer.text.lines().collect()
}

#[tokio::test]
async fn ticks_trades_and_symbols_are_rows() {
    let app = stored().await;
    let ticks = get_as(&app, "/api/v1/ticks/1?limit=1&order=desc", "text/csv").await;
    let expected = [
        "symbol_id,tick_time,sequence,bid_price,ask_price,bid_volume,ask_volume,received_at",
        "1,2014-05-01T00:00:04.000000Z,0,1.38676,,4,,",
    ];
    assert_eq!(lines(&ticks), expected);
    let latest = get_as(&app, "/api/v1/ticks/latest?symbols=1,2", "text/csv").await;
    assert_eq!(lines(&latest), expected);
    let trades = get_as(&app, "/api/v1/trades/1?limit=1", "text/csv").await;
    let expected = [
        "symbol_id,trade_time,sequence,price,quantity,aggressor_side,is_block,trade_id,received_at",
        "1,2014-05-01T00:00:00.000000Z,0,2.5,1.5,sell,false,\"a, \"\"b\"\"\",",
    ];
    assert_eq!(lines(&trades), expected);
    let latest = get_as(&app, "/api/v1/trades/latest?symbols=1", "text/csv").await;
    assert_eq!(lines(&latest).len(), 2);
    let symbols = get_as(&app, "/api/v1/symbols?name=S2", "text/csv").await;
    let expected = [
        "symbol_id,exchange,name,description,digits,active",
        "2,oanda,S2,,5,true",
    ];
    assert_eq!(lines(&symbols), expected);
}

#[tokio::test]
async fn candles_are_rows_of_a_fixed_width() {
    let app = stored().await;
    let header = "symbol_id,open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,\
                  source,buy_volume,notional,vwap";
    let path = "/api/v1/ohlc/1?timeframe=1s&fill=null&basis=";
    let bids = get_as(&app, &format!("{path}bid"), "text/csv").await;
    let rows = lines(&bids);
    assert_eq!((rows[0], rows.len()), (header, 6));
    let first = "1,2014-05-01T00:00:00.000000Z,2014-05-01T00:00:01.000000Z,1s,bid,1.38676,1.38676,1.38676,1.38676,\
                 0,1,true,ticks,,,";
    assert_eq!(rows[1], first);
    let trades = get_as(&app, &format!("{path}trade"), "text/csv").await;
    let rows = lines(&trades);
    assert!(
        rows[1].ends_with(",2.5,1.5,1,true,trades,0,3.75,2.5"),
        "{}",
        rows[1]
    );
    let tick = json!([{"symbol_id": 1, "tick_time": "2014-05-01T00:00:06Z", "bid_price": "2"}]);
    post(&app, "/api/v1/ticks", tick.to_string()).await;
    let bids = get_as(&app, &format!("{path}bid"), "text/csv").await;
    let filled =
        "1,2014-05-01T00:00:05.000000Z,2014-05-01T00:00:06.000000Z,1s,bid,,,,,0,0,true,filled,,,";
    assert_eq!(lines(&bids)[6], filled);
}

#[tokio::test]
async fn next_page_is_in_headers() {
    let app = stored().await;
    let mut path = "/api/v1/ticks/oanda:S1?from=2014-05-01&limit=2".to_owned();
    let mut rows = Vec::new();
    loop {
        let page = get_as(&app, &path, "text/csv").await;
        rows.extend(lines(&page)[1..].iter().map(|row| (*row).to_owned()));
        let Some(cursor) = page.headers.get("next-cursor") else {
            assert!(!page.headers.contains_key(header::LINK));
            break;
        };
        let link = page.header(header::LINK);
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        let next = next.unwrap_or_else(|| panic!("{link}"));
        let cursor = cursor.to_str().expect("ASCII");
        let expected = "/api/v1/ticks/oanda:S1?from=2014-05-01&limit=2&cursor=";
        assert_eq!(next, format!("{expected}{cursor}"));
        next.clone_into(&mut path);
    }
    let whole = get_as(&app, "/api/v1/ticks/1", "text/csv").await;
    assert_eq!(rows, lines(&whole)[1..]);
}

#[tokio::test]
async fn representation_is_chosen_by_weight() {
    let app = stored().await;
    for path in ["/api/v1/ticks/1", "/api/v1/ohlc/1", "/api/v1/symbols"] {
        for accept in ["*/*", "text/csv;q=0.5, application/json"] {
            let answer = get_as(&app, path, accept).await;
            assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
            assert_eq!(answer.header(header::VARY), "accept", "{path}");
        }
        let answer = get_as(&app, path, "text/csv, application/json;q=0.5").await;
        assert!(lines(&answer).len() > 1);
        let detail = get_as(&app, path, "application/xml").await.problem(406);
        assert!(detail.contains("application/json or text/csv"), "{detail}");
    }
}

#[tokio::test]
async fn columns_are_the_fields_of_the_json() {
    let app = stored().await;
    for path in ["/api/v1/ticks/1?limit=1", "/api/v1/trades/1?limit=1"] {
        let json = get(&app, path).await.json();
        let row = json["data"][0].as_object().expect("a row");
        let csv = get_as(&app, path, "text/csv").await;
        let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
        let columns = reader.headers().expect("a header").clone();
        let values = reader.records().next().expect("one").expect("a row");
        assert_eq!(columns.len(), row.len());
        for (column, value) in columns.iter().zip(&values) {
            let expected = match &row[column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, expected, "{column}");
        }
    }
}
