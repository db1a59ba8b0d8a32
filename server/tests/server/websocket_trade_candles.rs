//! Tests of candles of trades and of corrections over `/ws`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::websocket::{Client, tick};
use crate::whole_server::{DEADLINE, Server};

const TRADES: &str = "/api/v1/trades";
const CORRECTIONS: &str = "/api/v1/trades/corrections";

fn past() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A trade at second `second` with the sequence `second`.
fn trade(symbol: i64, second: i64, price: i64) -> Value {
    json!({
        "symbol_id": symbol, "sequence": second, "trade_time": text(past() + TimeDelta::seconds(second)),
        "price": price.to_string(), "quantity": "2.5", "aggressor_side": "buy",
        "is_block": false, "trade_id": null, "received_at": null
    })
}

/// A correction of that trade, or its cancellation without a price.
fn correction(symbol: i64, second: i64, price: Option<i64>) -> Value {
    json!({
        "symbol_id": symbol, "sequence": second, "trade_time": text(past() + TimeDelta::seconds(second)),
        "trade_id": null, "cancelled": price.is_none(), "price": price.map(|price| price.to_string()),
        "quantity": price.map(|_| "4"), "aggressor_side": null, "is_block": false,
        "corrected_at": text(past() + TimeDelta::days(1)), "source": "venue"
    })
}

/// The message without the fields that every message has.
fn body(mut message: Value) -> Value {
    let fields = message.as_object_mut().expect("an object");
    for name in ["type", "seq", "snapshot"] {
        fields.remove(name);
    }
    message
}

async fn subscribe(client: &mut Client, request: Value) -> Value {
    let mut request = request;
    request["op"] = json!("subscribe");
    let answer = client.request(request).await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    answer
}

async fn candles_of(client: &mut Client, symbols: &[i64], basis: Option<&str>) -> Value {
    let mut request = json!({"channel": "candles", "symbols": symbols, "timeframe": "1m"});
    if let Some(basis) = basis {
        request["basis"] = json!(basis);
    }
    subscribe(client, request).await
}

/// The newest message of each candle, by its open time.
type Seen = BTreeMap<String, Value>;

/// Reads messages until the candles seen are those of REST.
async fn until_equal_to_rest(server: &Server, client: &mut Client, seen: &mut Seen) {
    until_equal(server, client, "1m", seen).await;
}

/// The same for candles of another timeframe.
async fn until_equal(server: &Server, client: &mut Client, timeframe: &str, seen: &mut Seen) {
    let path = format!("/api/v1/ohlc/1?timeframe={timeframe}&basis=trade");
    let settled = async {
        loop {
            let message = client.message().await;
            if message["type"] != "candle" {
                continue;
            }
            let open_time = message["open_time"].as_str().expect("a text").to_owned();
            if message["filled"] == true {
                seen.remove(&open_time);
            } else {
                seen.insert(open_time, body(message));
            }
            let candles = server.all(&path, 1_000).await;
            if seen.values().eq(&candles) {
                return;
            }
        }
    };
    let in_time = timeout(DEADLINE, settled).await;
    assert!(in_time.is_ok(), "the candles differ from REST: {seen:#?}");
}

#[tokio::test]
async fn trade_candles_equal_those_of_rest() {
    let server = Server::with_symbols(&[], 2).await;
    server.post_to(TRADES, &json!([trade(1, 0, 9)])).await;
    let mut client = Client::connect(&server).await;
    let answer = candles_of(&mut client, &[1], Some("trade")).await;
    assert_eq!(answer["basis"], "trade");
    let mut seen = Seen::new();
    until_equal_to_rest(&server, &mut client, &mut seen).await;
    for batch in 0..12_i64 {
        let trades: Vec<_> = (0..7)
            .map(|index| trade(1, 1 + batch * 14 + index, 10 + (batch * index) % 5))
            .collect();
        server.post_to(TRADES, &json!(trades)).await;
    }
    until_equal_to_rest(&server, &mut client, &mut seen).await;
    assert_eq!(seen.len(), 3, "{seen:?}");
    // a late trade, which is read again
    server.post_to(TRADES, &json!([trade(1, 12, 99)])).await;
    until_equal_to_rest(&server, &mut client, &mut seen).await;
    let first = seen.values().next().expect("a candle");
    assert_eq!(
        (&first["high"], &first["source"]),
        (&json!("99"), &json!("trades"))
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn candles_without_basis_have_the_default() {
    let server = Server::with_symbols(&[], 3).await;
    server
        .post_to(TRADES, &json!([trade(1, 0, 9), trade(2, 0, 9)]))
        .await;
    server.post(&json!([tick(2, past(), 0, 5)])).await;
    let mut client = Client::connect(&server).await;
    let answer = candles_of(&mut client, &[1], None).await;
    assert_eq!(answer["basis"], "trade", "{answer}");
    assert_eq!(client.message().await["basis"], "trade");
    let answer = candles_of(&mut client, &[1, 2, 3], None).await;
    assert_eq!(answer["basis"], Value::Null, "{answer}");
    let candle = client.message().await;
    assert_eq!(
        (&candle["symbol_id"], &candle["basis"]),
        (&json!(2), &json!("bid"))
    );
    let request =
        json!({"op": "unsubscribe", "channel": "candles", "symbols": [1, 2], "timeframe": "1m"});
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    server.post_to(TRADES, &json!([trade(1, 1, 9)])).await;
    server
        .post(&json!([tick(2, past(), 1, 5), tick(3, past(), 1, 5)]))
        .await;
    // symbol 3, which had neither, has candles of ticks
    let candle = client.message().await;
    assert_eq!(
        (&candle["symbol_id"], &candle["basis"]),
        (&json!(3), &json!("bid"))
    );
    // no candle of the others comes meanwhile
    server.post(&json!([tick(3, past(), 2, 6)])).await;
    loop {
        let candle = client.message().await;
        assert_eq!(candle["symbol_id"], 3, "{candle}");
        if candle["tick_count"] == 2 {
            break;
        }
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn corrections_are_sent_and_change_candles() {
    let server = Server::with_symbols(&[], 2).await;
    let trades = [
        trade(1, 1, 10),
        trade(1, 2, 12),
        trade(1, 61, 20),
        trade(1, 121, 30),
    ];
    server.post_to(TRADES, &json!(trades)).await;
    let mut client = Client::connect(&server).await;
    subscribe(
        &mut client,
        json!({"channel": "trades", "symbols": [1], "snapshot": false}),
    )
    .await;
    let mut watching = Client::connect(&server).await;
    candles_of(&mut watching, &[1], Some("trade")).await;
    assert_eq!(watching.message().await["close"], "30");

    let corrected = correction(1, 2, Some(99));
    let other = correction(2, 2, Some(99));
    let receipt = server
        .post_to(CORRECTIONS, &json!([other, corrected]))
        .await;
    assert_eq!(
        (&receipt["applied"], &receipt["pending"]),
        (&json!(1), &json!(1))
    );
    // the one of the other symbol is not followed
    let message = client.message().await;
    assert_eq!(message["type"], "correction");
    assert_eq!(body(message), corrected);
    let changed = watching.message().await;
    assert_eq!(
        (&changed["open_time"], &changed["high"]),
        (&json!(text(past())), &json!("99"))
    );
    assert_eq!(changed["volume"], "6.5");

    // nothing new, so nothing is sent
    server.post_to(CORRECTIONS, &json!([corrected])).await;
    let cancelled = correction(1, 61, None);
    let receipt = server.post_to(CORRECTIONS, &json!([cancelled])).await;
    assert_eq!(receipt["applied"], 1, "{receipt}");
    assert_eq!(body(client.message().await), cancelled);
    let emptied = loop {
        let message = watching.message().await;
        if message["filled"] == true {
            break message;
        }
    };
    assert_eq!(emptied["open_time"], text(past() + TimeDelta::minutes(1)));
    let found = (
        &emptied["filled"],
        &emptied["tick_count"],
        &emptied["close"],
    );
    assert_eq!(found, (&json!(true), &json!(0), &Value::Null), "{emptied}");
    assert!(server.stop().await);
}

/// A trade of the present day, whose candle is open: it is not read because it closes.
fn today(mut trade: Value) -> Value {
    trade["trade_time"] = json!(text(suite::now()));
    trade
}

async fn candles_of_days(client: &mut Client) {
    let request =
        json!({"channel": "candles", "symbols": [1], "timeframe": "1d", "basis": "trade"});
    subscribe(client, request).await;
}

#[tokio::test]
async fn open_candle_of_trades_equals_that_of_rest() {
    let server = Server::with_symbols(&[], 1).await;
    server
        .post_to(TRADES, &json!([today(trade(1, 1, 9))]))
        .await;
    let mut client = Client::connect(&server).await;
    candles_of_days(&mut client).await;
    let mut seen = Seen::new();
    until_equal(&server, &mut client, "1d", &mut seen).await;
    for number in 2..9_i64 {
        let trades = [number, number + 100].map(|it| today(trade(1, it, it % 5)));
        server.post_to(TRADES, &json!(trades)).await;
        until_equal(&server, &mut client, "1d", &mut seen).await;
    }
    assert!(server.stop().await);
}

/// The store corrects a trade when it arrives, after it was published as its sender sent it.
#[tokio::test]
async fn correction_before_its_trade_changes_candles() {
    let server = Server::with_symbols(&[], 1).await;
    server
        .post_to(TRADES, &json!([today(trade(1, 1, 10))]))
        .await;
    let late: Vec<_> = (5..10).map(|it| today(trade(1, it, 11))).collect();
    let corrected = (5..10).zip(&late).map(|(it, trade)| {
        let mut corrected = correction(1, it, Some(90 + it));
        corrected["trade_time"] = trade["trade_time"].clone();
        corrected
    });
    let corrected: Vec<_> = corrected.collect();
    let receipt = server.post_to(CORRECTIONS, &json!(corrected)).await;
    assert_eq!(receipt["pending"], 5, "{receipt}");
    // the client comes after the corrections
    let mut client = Client::connect(&server).await;
    candles_of_days(&mut client).await;
    let mut seen = Seen::new();
    until_equal(&server, &mut client, "1d", &mut seen).await;
    // a new series is read again after its first trade
    for trade in late {
        server.post_to(TRADES, &json!([trade])).await;
        until_equal(&server, &mut client, "1d", &mut seen).await;
    }
    let candle = seen.values().next().expect("a candle");
    assert_eq!(
        (&candle["close"], &candle["tick_count"]),
        (&json!("99"), &json!(6))
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn gap_of_trades_names_their_candles() {
    let server = Server::with_symbols(&[], 1).await;
    server.post_to(TRADES, &json!([trade(1, 1, 10)])).await;
    let mut client = Client::connect(&server).await;
    candles_of(&mut client, &[1], Some("trade")).await;
    assert_eq!(client.message().await["type"], "candle");
    // the receipt does not say which of the two is new
    server
        .post_to(TRADES, &json!([trade(1, 1, 10), trade(1, 2, 11)]))
        .await;
    let gap = client.message().await;
    let found = (&gap["type"], &gap["channel"], &gap["basis"]);
    assert_eq!(
        found,
        (&json!("gap"), &json!("candles"), &json!("trade")),
        "{gap}"
    );
    let end = text(past() + TimeDelta::minutes(1));
    assert_eq!(
        (&gap["from"], &gap["to"]),
        (&json!(text(past())), &json!(end))
    );
    assert_eq!(client.message().await["close"], "11");
    assert!(server.stop().await);
}
