//! Tests of `/ws` clients that connect again and continue after the last record that they received.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::websocket::{Client, Next, tick};
use crate::whole_server::Server;

fn tick_at(index: i64) -> Value {
    let past: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
    tick(1 + index % 2, past + TimeDelta::seconds(index), 0, index)
}

async fn post(server: &Server, indices: std::ops::Range<i64>) {
    for index in indices {
        assert_eq!(server.post(&json!([tick_at(index)])).await["inserted"], 1);
    }
}

fn subscribe(symbols: &Value, resume: Option<(&str, u64)>) -> Value {
    let mut request =
        json!({"op": "subscribe", "channel": "ticks", "symbols": symbols, "snapshot": false});
    if let Some((epoch, after)) = resume {
        request["resume"] = json!({"epoch": epoch, "after": after});
    }
    request
}

/// The bids of the next ticks, and the number of the last one.
async fn bids(client: &mut Client, count: usize) -> (Vec<i64>, u64) {
    let (mut bids, mut number) = (Vec::new(), 0);
    for _ in 0..count {
        let message = client.message().await;
        assert_eq!(message["type"], "tick", "{message}");
        assert_eq!(message.get("snapshot"), None, "{message}");
        number = message["number"].as_u64().expect("a number");
        let bid = message["bid_price"].as_str().expect("a text");
        bids.push(bid.parse().expect("a number"));
    }
    (bids, number)
}

fn epoch(subscribed: &Value) -> String {
    assert_eq!(subscribed["type"], "subscribed", "{subscribed}");
    subscribed["epoch"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn resumed_client_misses_and_repeats_nothing() {
    for symbols in [json!([1, 2]), json!(["S1", "S2"]), json!("all")] {
        let server = Server::with_symbols(&[], 2).await;
        let mut first = Client::connect(&server).await;
        let epoch = epoch(&first.request(subscribe(&symbols, None)).await);
        post(&server, 0..5).await;
        let (seen, last) = bids(&mut first, 5).await;
        assert_eq!((seen, last), (vec![0, 1, 2, 3, 4], 5));
        drop(first);
        post(&server, 5..9).await;
        let mut again = Client::connect(&server).await;
        let answer = again
            .request(subscribe(&symbols, Some((&epoch, last))))
            .await;
        assert_eq!(
            (&answer["type"], &answer["number"]),
            (&json!("subscribed"), &json!(9))
        );
        post(&server, 9..11).await;
        assert_eq!(bids(&mut again, 6).await.0, [5, 6, 7, 8, 9, 10]);
        assert!(server.stop().await);
    }
}

#[tokio::test]
async fn forgotten_ticks_are_reported_as_a_gap() {
    let server = Server::with_symbols(&[("TICKBOOK__WEBSOCKET__RESUME", "3")], 2).await;
    let mut first = Client::connect(&server).await;
    let epoch = epoch(&first.request(subscribe(&json!([1, 2]), None)).await);
    post(&server, 0..1).await;
    let (_, last) = bids(&mut first, 1).await;
    drop(first);
    post(&server, 1..8).await;
    let mut again = Client::connect(&server).await;
    again
        .request(subscribe(&json!([1, 2]), Some((&epoch, last))))
        .await;
    let mut missed = Vec::new();
    for _ in 0..2 {
        let gap = again.message().await;
        assert_eq!(
            (&gap["type"], &gap["channel"]),
            (&json!("gap"), &json!("ticks"))
        );
        let (symbol, from, to) = (&gap["symbol_id"], &gap["from"], &gap["to"]);
        let (from, to) = (from.as_str().expect("a time"), to.as_str().expect("a time"));
        let path = format!("/api/v1/ticks/{symbol}?from={from}&to={to}");
        let stored = server.all(&path, 100).await;
        assert_eq!(gap["missed"], stored.len(), "{gap}");
        missed.extend(stored);
    }
    missed.sort_by_key(|tick| tick["tick_time"].as_str().map(str::to_owned));
    // the ticks 1 to 4 are not retained; a gap may begin before the position
    let expected: Vec<_> = (1..5).map(tick_at).collect();
    assert!(missed.ends_with(&expected), "{missed:?}");
    assert_eq!(bids(&mut again, 3).await.0, [5, 6, 7]);
    assert!(server.stop().await);
}

#[tokio::test]
async fn position_of_another_run_is_a_gap() {
    let server = Server::with_symbols(&[], 2).await;
    post(&server, 0..1).await;
    let mut client = Client::connect(&server).await;
    let mut request = subscribe(&json!([1]), Some(("0123456789abcdef", 40)));
    request["snapshot"] = json!(true);
    let answer = client.request(request).await;
    assert_ne!(epoch(&answer), "0123456789abcdef");
    let gap = client.message().await;
    assert_eq!(
        (&gap["type"], &gap["channel"], &gap["reason"]),
        (&json!("gap"), &json!("ticks"), &json!("restarted"))
    );
    assert_eq!(
        (&gap["symbol_id"], &gap["from"]),
        (&Value::Null, &Value::Null)
    );
    let newest = client.message().await;
    assert_eq!(
        (&newest["type"], &newest["snapshot"]),
        (&json!("tick"), &json!(true))
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn invalid_positions_are_errors() {
    let server = Server::with_symbols(&[], 2).await;
    post(&server, 0..1).await;
    let mut client = Client::connect(&server).await;
    let epoch = epoch(&client.request(subscribe(&json!([1]), None)).await);
    let late = subscribe(&json!([2]), Some((&epoch, 0)));
    let reason = client.error(late).await;
    assert!(reason.contains("resume comes too late"), "{reason}");
    let mut other = Client::connect(&server).await;
    let unknown = subscribe(&json!([1]), Some((&epoch, 2)));
    let reason = other.error(unknown).await;
    assert!(reason.contains("number 2 was not published"), "{reason}");
    let mut unsubscribe = subscribe(&json!([1]), Some((&epoch, 1)));
    unsubscribe["op"] = json!("unsubscribe");
    assert!(
        other
            .error(unsubscribe)
            .await
            .contains("remove these fields")
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn resumed_client_within_its_queue_gets_a_gap() {
    let settings = [("TICKBOOK__WEBSOCKET__QUEUE", "2")];
    let server = Server::with_symbols(&settings, 2).await;
    let mut first = Client::connect(&server).await;
    let epoch = epoch(&first.request(subscribe(&json!([1, 2]), None)).await);
    drop(first);
    post(&server, 0..6).await;
    let mut again = Client::connect(&server).await;
    again
        .request(subscribe(&json!([1, 2]), Some((&epoch, 0))))
        .await;
    let (mut missed, mut seen) = (0, 0);
    while missed + seen < 6 {
        let Next::Message(message) = again.next().await else {
            panic!("it is open");
        };
        match message["type"].as_str() {
            Some("gap") => missed += message["missed"].as_u64().expect("a number"),
            Some("tick") => seen += 1,
            _ => {}
        }
    }
    assert_eq!((missed, seen), (4, 2));
    assert!(server.stop().await);
}
