//! Tests of counts, and of the newest row as of a time.

use axum::Router;
use serde_json::{Value, json};

use crate::support::{app, get, post, with_symbols};

/// Two ticks and two trades of the symbol 1, at noon of two days.
async fn stored() -> Router {
    let app = app(with_symbols().await, Vec::new());
    let days = ["2014-05-01T12:00:00Z", "2014-05-02T12:00:00Z"];
    let ticks = days.map(|time| json!({"symbol_id": 1, "tick_time": time, "bid_price": "1"}));
    let trades =
        days.map(|time| json!({"symbol_id": 1, "trade_time": time, "price": "1", "quantity": "2"}));
    for (path, body) in [("ticks", json!(ticks)), ("trades", json!(trades))] {
        let receipt = post(&app, &format!("/api/v1/{path}"), body.to_string()).await;
        assert_eq!(receipt.json()["inserted"], 2, "{}", receipt.text);
    }
    app
}

#[tokio::test]
async fn rows_of_a_range_are_counted() {
    let app = stored().await;
    for rows in ["ticks", "trades"] {
        for (range, count) in [
            ("", 2),
            ("?from=2014-05-02", 1),
            ("?to=2014-05-02T12:00:00Z", 1),
            ("?from=2014-05-01T12:00:00Z&to=2014-05-03", 2),
            ("?from=2014-05-03", 0),
        ] {
            let counted = get(&app, &format!("/api/v1/{rows}/1/count{range}")).await;
            let expected = json!({"symbol_id": 1, "count": count});
            assert_eq!(counted.json(), expected, "{rows} {range}");
        }
        let path = format!("/api/v1/{rows}/99/count");
        get(&app, &path).await.problem(404);
        let path = format!("/api/v1/{rows}/1/count?limit=1");
        get(&app, &path).await.problem(400);
    }
}

#[tokio::test]
async fn last_row_at_or_before_a_time_is_returned() {
    let app = stored().await;
    for (rows, time) in [("ticks", "tick_time"), ("trades", "trade_time")] {
        let as_of = |at: &str| format!("/api/v1/{rows}/oanda:S1/as-of?at={at}");
        for (at, expected) in [
            ("2014-05-01T12:00:00Z", "2014-05-01T12:00:00.000000Z"),
            ("2014-05-02T11:59:59.999999Z", "2014-05-01T12:00:00.000000Z"),
            ("2014-05-03", "2014-05-02T12:00:00.000000Z"),
        ] {
            let row: Value = get(&app, &as_of(at)).await.json();
            assert_eq!(row[time], expected, "{at}");
        }
        let detail = get(&app, &as_of("2014-05-01")).await.problem(404);
        assert!(detail.contains("at this time or before it"), "{detail}");
        let path = format!("/api/v1/{rows}/1/as-of");
        let detail = get(&app, &path).await.problem(400);
        assert!(detail.contains("at is missing"), "{detail}");
    }
}
