//! Tests of the channel `trades` of `/ws`, and of trades of feeds.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::websocket::{Client, tick};
use crate::whole_server::{DEADLINE, Server, eventually};

const PATH: &str = "/api/v1/trades";

fn past() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

fn trade(symbol: i64, time: DateTime<Utc>, sequence: i64, price: i64) -> Value {
    json!({
        "symbol_id": symbol, "sequence": sequence,
        "trade_time": time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "price": price.to_string(), "quantity": "2.5", "aggressor_side": "buy",
        "is_block": false, "trade_id": null, "received_at": null
    })
}

/// The trade of a message, without the fields of the message itself.
fn body(mut message: Value) -> Value {
    assert_eq!(message["type"], "trade", "{message}");
    let fields = message.as_object_mut().expect("an object");
    for name in ["type", "seq", "number"] {
        fields.remove(name);
    }
    message
}

async fn subscribe(client: &mut Client, channel: &str, symbols: &[i64]) {
    let request = json!({
        "op": "subscribe", "channel": channel, "symbols": symbols, "snapshot": false
    });
    let answer = client.request(request).await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    assert_eq!(answer["channel"], channel);
}

async fn post(server: &Server, trades: &Value) -> Value {
    server.post_to(PATH, trades).await
}

#[tokio::test]
async fn subscribers_get_every_trade_as_rest_does() {
    let server = Server::with_symbols(&[], 3).await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, "trades", &[1, 2]).await;
    let mut sent = Vec::new();
    for batch in 0..10_i64 {
        let batch: Vec<_> = (0..30_i64)
            .map(|index| {
                let time = past() + TimeDelta::milliseconds(batch * 30 + index);
                trade(1 + index % 3, time, index, batch * 30 + index)
            })
            .collect();
        assert_eq!(post(&server, &json!(batch)).await["inserted"], 30);
        sent.extend(batch);
    }
    for expected in sent.iter().filter(|trade| trade["symbol_id"] != 3) {
        assert_eq!(body(client.message().await), *expected);
    }
    let stored = server.all("/api/v1/trades/2?order=asc", 1_000).await;
    let of_two = sent.iter().filter(|trade| trade["symbol_id"] == 2);
    assert_eq!(stored, of_two.cloned().collect::<Vec<_>>());

    let request = json!({"op": "unsubscribe", "channel": "trades", "symbols": [1]});
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    let time = past() + TimeDelta::days(1);
    let last = trade(2, time, 0, 8);
    post(&server, &json!([trade(1, time, 0, 7), last])).await;
    assert_eq!(body(client.message().await), last);
    assert!(server.stop().await);
}

#[tokio::test]
async fn ticks_and_trades_are_followed_apart() {
    let server = Server::with_symbols(&[], 2).await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, "ticks", &[1]).await;
    subscribe(&mut client, "trades", &[2]).await;
    post(&server, &json!([trade(1, past(), 0, 5)])).await;
    server.post(&json!([tick(2, past(), 0, 5)])).await;
    // neither was delivered, so the next ones are the first
    let later = past() + TimeDelta::seconds(1);
    post(&server, &json!([trade(2, later, 0, 6)])).await;
    assert_eq!(body(client.message().await), trade(2, later, 0, 6));
    server.post(&json!([tick(1, later, 0, 6)])).await;
    assert_eq!(client.message().await["type"], "tick");
    let request = json!({"op": "unsubscribe", "channel": "ticks", "symbols": [1, 2]});
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    post(&server, &json!([trade(2, later, 1, 7)])).await;
    assert_eq!(body(client.message().await), trade(2, later, 1, 7));
    let request = json!({"op": "subscribe", "channel": "trades", "symbols": [1], "basis": "bid"});
    let reason = client.error(request).await;
    assert!(
        reason.contains("trades have neither timeframe nor basis"),
        "{reason}"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn duplicate_trades_are_announced_as_a_gap() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, "trades", &[1]).await;
    let (first, second) = (trade(1, past(), 0, 1), trade(1, past(), 1, 2));
    post(&server, &json!([first, first])).await;
    assert_eq!(body(client.message().await), first);
    post(&server, &json!([first])).await;
    // the receipt does not say which of the two is new
    assert_eq!(post(&server, &json!([first, second])).await["inserted"], 1);
    let gap = client.message().await;
    assert_eq!(
        (&gap["type"], &gap["channel"]),
        (&json!("gap"), &json!("trades"))
    );
    assert_eq!(gap["symbol_id"], 1);
    let (from, to) = (gap["from"].as_str(), gap["to"].as_str());
    let (from, to) = (from.expect("a time"), to.expect("a time"));
    let path = format!("/api/v1/trades/1?from={from}&to={to}");
    assert_eq!(server.all(&path, 10).await, [first, second]);
    assert!(server.stop().await);
}

#[tokio::test]
async fn trades_beyond_the_queue_are_a_gap() {
    let settings = [
        ("TICKBOOK__WEBSOCKET__QUEUE", "100"),
        ("TICKBOOK__WEBSOCKET__MAX_GAPS", "1000"),
    ];
    let server = Server::with_symbols(&settings, 1).await;
    let mut client = Client::connect(&server).await;
    subscribe(&mut client, "trades", &[1]).await;
    let all: Vec<_> = (0..500)
        .map(|sequence| trade(1, past(), sequence, 1))
        .collect();
    assert_eq!(post(&server, &json!(all)).await["inserted"], 500);
    let (mut delivered, mut missed) = (0, 0);
    let counting = async {
        while delivered + missed < 500 {
            let message = client.message().await;
            match message["type"].as_str() {
                Some("trade") => delivered += 1,
                Some("gap") => missed += message["missed"].as_u64().expect("a number"),
                _ => panic!("{message}"),
            }
        }
    };
    let counted = timeout(DEADLINE, counting).await;
    assert!(counted.is_ok(), "only {delivered} and {missed} missed");
    assert!(delivered >= 100 && missed > 0, "{delivered} {missed}");
    assert_eq!(delivered + missed, 500);
    assert!(server.stop().await);
}

#[tokio::test]
async fn simulated_trades_are_stored_and_served() {
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let feed = async || server.get("/health/ready").await["feed"].clone();
    let stored = async || {
        feed().await["trades"]["inserted"]
            .as_u64()
            .expect("a number")
            > 3
    };
    eventually("trades of the feed are stored", stored).await;
    let published = feed().await["feeds"][0]["trades_published"].clone();
    assert!(published.as_u64().expect("a number") > 3, "{published}");
    let mut found = Vec::new();
    for symbol in 1..=4 {
        found.extend(
            server
                .all(&format!("/api/v1/trades/{symbol}?order=asc"), 100)
                .await,
        );
    }
    assert!(found.len() > 3, "{found:?}");
    for trade in &found {
        let side = trade["aggressor_side"].as_str().expect("a side");
        let path = format!(
            "/api/v1/ticks/{}?from={}",
            trade["symbol_id"], "2014-05-01T00:00:00Z"
        );
        let ticks = server.all(&path, 10_000).await;
        let tick = ticks
            .iter()
            .find(|tick| tick["tick_time"] == trade["trade_time"]);
        let tick = tick.unwrap_or_else(|| panic!("no quote of {trade}"));
        let price = if side == "buy" {
            "ask_price"
        } else {
            "bid_price"
        };
        assert_eq!(trade["price"], tick[price], "{trade} {tick}");
    }
    let metrics = server.get_text("/metrics").await;
    for line in [
        "feed_trades_total{feed=\"simulated\",outcome=\"published\"}",
        "trades_inserted_total{source=\"feed\"}",
        "trade_quality_total{rule=\"none\",outcome=\"pass\"}",
        "feed_trades_waiting",
    ] {
        assert!(metrics.contains(line), "missing {line}:\n{metrics}");
    }
    assert!(server.stop().await);
}
