//! Tests of the start of subscriptions of `/ws`: symbols by name, all symbols, and the newest values.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tickbook::domain::{NewSymbol, SymbolId, Tick};

use crate::websocket::{Client, tick};
use crate::whole_server::Server;

fn past() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

fn second(index: i64) -> DateTime<Utc> {
    past() + TimeDelta::seconds(index)
}

fn subscribe(channel: &str, symbols: &Value) -> Value {
    json!({"op": "subscribe", "channel": channel, "symbols": symbols})
}

/// Symbol, bid, and whether the tick is a snapshot.
async fn next_tick(client: &mut Client) -> (i64, String, bool) {
    let message = client.message().await;
    assert_eq!(message["type"], "tick", "{message}");
    let bid = message["bid_price"].as_str().expect("a text").to_owned();
    let symbol = message["symbol_id"].as_i64().expect("a number");
    (symbol, bid, message["snapshot"] == true)
}

fn expected(symbol: i64, bid: i64, is_snapshot: bool) -> (i64, String, bool) {
    (symbol, bid.to_string(), is_snapshot)
}

#[tokio::test]
async fn names_and_ids_select_symbols() {
    let server = Server::with_symbols(&[], 4).await;
    let mut client = Client::connect(&server).await;
    let mut request = subscribe("ticks", &json!(["oanda:s2", 3, "S1", "4"]));
    request["snapshot"] = json!(false);
    let answer = client.request(request).await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    assert_eq!(answer["symbols"], json!([2, 3, 1, 4]));
    server.post(&json!([tick(2, past(), 0, 7)])).await;
    assert_eq!(next_tick(&mut client).await, expected(2, 7, false));
    let leave = json!({"op": "unsubscribe", "channel": "ticks", "symbols": ["oanda:S2"]});
    let answer = client.request(leave).await;
    assert_eq!(
        (&answer["type"], &answer["symbols"]),
        (&json!("unsubscribed"), &json!([2]))
    );
    server
        .post(&json!([tick(2, second(1), 0, 8), tick(1, past(), 0, 9)]))
        .await;
    assert_eq!(next_tick(&mut client).await, expected(1, 9, false));
    assert!(server.stop().await);
}

#[tokio::test]
async fn unknown_names_subscribe_to_nothing() {
    let server = Server::with_symbols(&[], 1).await;
    let mut client = Client::connect(&server).await;
    let reason = client
        .error(subscribe("ticks", &json!(["oanda:S1", "oanda:S9"])))
        .await;
    assert!(reason.contains("unknown symbol \"oanda:S9\""), "{reason}");
    for (symbols, words) in [
        (json!(["oanda:"]), "symbols:"),
        (json!("every"), "expected an array or \"all\""),
        (json!([1.5]), "a symbol id or name"),
        (json!([]), "give ids or names"),
    ] {
        let reason = client.error(subscribe("ticks", &symbols)).await;
        assert!(reason.contains(words), "{symbols}: {reason}");
    }
    server.post(&json!([tick(1, past(), 0, 1)])).await;
    client.ticks(&[1]).await;
    server.post(&json!([tick(1, second(1), 0, 2)])).await;
    assert_eq!(next_tick(&mut client).await, expected(1, 2, false));
    assert!(server.stop().await);
}

#[tokio::test]
async fn names_work_for_books_and_candles() {
    let server = Server::with_symbols(&[], 2).await;
    server.post(&json!([tick(2, past(), 0, 5)])).await;
    let mut client = Client::connect(&server).await;
    let answer = client.request(subscribe("candles", &json!(["S2"]))).await;
    assert_eq!(answer["symbols"], json!([2]), "{answer}");
    let candle = client.message().await;
    assert_eq!(
        (&candle["type"], &candle["symbol_id"], &candle["snapshot"]),
        (&json!("candle"), &json!(2), &json!(true))
    );
    server.post(&json!([tick(2, second(1), 0, 6)])).await;
    let candle = client.message().await;
    assert_eq!(candle["close"], "6", "{candle}");
    assert_eq!(candle.get("snapshot"), None, "{candle}");
    let answer = client.request(subscribe("book", &json!(["S1"]))).await;
    assert_eq!(answer["symbols"], json!([1]), "{answer}");
    assert_eq!(client.message().await["type"], "resync");
    assert!(server.stop().await);
}

#[tokio::test]
async fn newest_tick_comes_first_and_once() {
    let server = Server::with_symbols(&[], 3).await;
    server
        .post(&json!([tick(1, second(1), 0, 1), tick(1, past(), 0, 2)]))
        .await;
    let stored = tick(2, past(), 0, 3);
    let ticks = [Tick::quote(SymbolId::new(2), past(), 3.into(), 4.into())];
    // as an import does: nothing is published
    let receipt = server.repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(receipt.expect("stored").inserted, 1);
    let mut client = Client::connect(&server).await;
    let answer = client.request(subscribe("ticks", &json!([1, 2, 3]))).await;
    assert_eq!(answer["number"], 2, "{answer}");
    // a late tick is not the newest
    assert_eq!(next_tick(&mut client).await, expected(1, 1, true));
    let of_store = client.message().await;
    assert_eq!(
        (&of_store["bid_price"], &of_store["snapshot"]),
        (&stored["bid_price"], &json!(true))
    );
    assert_eq!(of_store.get("number"), None, "{of_store}");
    server
        .post(&json!([tick(1, second(2), 0, 5), tick(3, past(), 0, 6)]))
        .await;
    assert_eq!(next_tick(&mut client).await, expected(1, 5, false));
    assert_eq!(next_tick(&mut client).await, expected(3, 6, false));
    // subscribing again repeats nothing
    let answer = client.request(subscribe("ticks", &json!([1]))).await;
    assert_eq!(answer["type"], "subscribed");
    server.post(&json!([tick(1, second(3), 0, 7)])).await;
    assert_eq!(next_tick(&mut client).await, expected(1, 7, false));
    assert!(server.stop().await);
}

#[tokio::test]
async fn snapshot_is_not_sent_if_unwanted() {
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!([tick(1, past(), 0, 1)])).await;
    let mut client = Client::connect(&server).await;
    let mut request = subscribe("ticks", &json!([1]));
    request["snapshot"] = json!(false);
    assert_eq!(client.request(request).await["type"], "subscribed");
    server.post(&json!([tick(1, second(1), 0, 2)])).await;
    assert_eq!(next_tick(&mut client).await, expected(1, 2, false));
    let mut request = subscribe("candles", &json!([1]));
    request["snapshot"] = json!(false);
    let reason = client.error(request).await;
    assert!(reason.contains("only subscriptions to ticks"), "{reason}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn all_symbols_include_later_ones() {
    let server = Server::with_symbols(&[], 2).await;
    server.post(&json!([tick(2, past(), 0, 1)])).await;
    let mut client = Client::connect(&server).await;
    let answer = client.request(subscribe("ticks", &json!("all"))).await;
    assert_eq!(answer["symbols"], "all", "{answer}");
    assert_eq!(next_tick(&mut client).await, expected(2, 1, true));
    let new = NewSymbol::named("oanda", "S3");
    server
        .repositories
        .symbols
        .create(new)
        .await
        .expect("created");
    server
        .post(&json!([tick(3, past(), 0, 2), tick(1, past(), 0, 3)]))
        .await;
    assert_eq!(next_tick(&mut client).await, expected(3, 2, false));
    assert_eq!(next_tick(&mut client).await, expected(1, 3, false));
    // one by one besides: each tick comes once
    client.ticks(&[1]).await;
    let leave = json!({"op": "unsubscribe", "channel": "ticks", "symbols": "all"});
    server.post(&json!([tick(1, second(1), 0, 4)])).await;
    assert_eq!(next_tick(&mut client).await, expected(1, 4, false));
    assert_eq!(client.request(leave).await["symbols"], "all");
    server.post(&json!([tick(1, second(2), 0, 5)])).await;
    client.ticks(&[2]).await;
    server.post(&json!([tick(2, second(2), 0, 6)])).await;
    assert_eq!(next_tick(&mut client).await, expected(2, 6, false));
    assert!(server.stop().await);
}

#[tokio::test]
async fn candles_of_all_symbols_include_later_ones() {
    let server = Server::with_symbols(&[], 1).await;
    server.post(&json!([tick(1, past(), 0, 1)])).await;
    let mut client = Client::connect(&server).await;
    let reason = client.error(subscribe("candles", &json!("all"))).await;
    assert!(reason.contains("basis is missing"), "{reason}");
    let mut request = subscribe("candles", &json!("all"));
    request["basis"] = json!("bid");
    assert_eq!(client.request(request.clone()).await["symbols"], "all");
    let candle = client.message().await;
    assert_eq!(
        (&candle["symbol_id"], &candle["close"]),
        (&json!(1), &json!("1"))
    );
    let new = NewSymbol::named("oanda", "S2");
    server
        .repositories
        .symbols
        .create(new)
        .await
        .expect("created");
    server.post(&json!([tick(2, past(), 0, 7)])).await;
    let candle = client.message().await;
    assert_eq!(
        (&candle["symbol_id"], &candle["close"]),
        (&json!(2), &json!("7"))
    );
    request["op"] = json!("unsubscribe");
    assert_eq!(client.request(request).await["type"], "unsubscribed");
    server.post(&json!([tick(2, second(1), 0, 8)])).await;
    client.ticks(&[1]).await;
    server.post(&json!([tick(1, second(1), 0, 9)])).await;
    assert_eq!(next_tick(&mut client).await, expected(1, 9, false));
    assert!(server.stop().await);
}

#[tokio::test]
async fn all_books_include_later_ones() {
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &[]).await;
    let mut client = Client::connect(&server).await;
    let mut request = subscribe("book", &json!("all"));
    request["depth"] = json!(3);
    let answer = client.request(request).await;
    assert_eq!(
        (&answer["symbols"], &answer["depth"]),
        (&json!("all"), &json!(3))
    );
    let mut left = vec![1, 2, 3, 4];
    while !left.is_empty() {
        let message = client.message().await;
        if message["type"] == "book" {
            left.retain(|id| message["symbol_id"] != *id);
        }
    }
    assert!(server.stop().await);
}
