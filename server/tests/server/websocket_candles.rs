//! Tests of candles and heartbeats with an injected clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde_json::{Value, json};
use tickbook::Clock;
use tokio::time::timeout;

use crate::websocket::{Client, Next, tick};
use crate::whole_server::{DEADLINE, Server};

/// A clock that runs from `start`.
fn running_from(start: DateTime<Utc>) -> Clock {
    let begun = Instant::now();
    Clock::new(move || start + begun.elapsed())
}

#[tokio::test]
async fn heartbeats_have_the_time_of_the_clock() {
    for now in suite::instants() {
        let settings = [("TICKBOOK__WEBSOCKET__HEARTBEAT_MS", "300")];
        let server = Server::start_at(&settings, &Clock::standing_at(now)).await;
        let mut client = Client::connect(&server).await;
        let Next::Message(beat) = client.next().await else {
            panic!("it lives");
        };
        let time = beat["time"].as_str().expect("a text");
        assert_eq!(time.parse(), Ok(now), "{beat}");
        drop(client);
        assert!(server.stop().await);
    }
}

#[tokio::test]
async fn candles_equal_those_of_rest() {
    for start in suite::instants() {
        candles_equal_rest(start).await;
    }
}

/// A candle without further ticks closes when its minute ends.
#[tokio::test]
async fn candles_close_by_the_clock() {
    for now in suite::instants() {
        let minute = TimeDelta::minutes(1);
        let open_time = now.duration_trunc(minute).expect("a whole minute");
        let time = Arc::new(Mutex::new(now));
        let reported = Arc::clone(&time);
        let clock = Clock::new(move || *reported.lock().expect("no panic"));
        let server = Server::start_at(&[], &clock).await;
        let receipt = server.post(&json!([tick(1, open_time, 0, 5)])).await;
        assert_eq!(receipt["inserted"], 1, "{receipt}");
        let mut client = Client::connect(&server).await;
        let request = json!({
            "op": "subscribe", "channel": "candles", "symbols": [1],
            "timeframe": "1m", "basis": "bid"
        });
        assert_eq!(client.request(request).await["type"], "subscribed");
        let forming = client.message().await;
        assert_eq!(forming["closed"], false, "{now} {forming}");
        *time.lock().expect("no panic") = open_time + minute;
        let closed = client.message().await;
        assert_eq!(closed["closed"], true, "{now} {closed}");
        assert_eq!(closed["open_time"], forming["open_time"]);
        drop(client);
        assert!(server.stop().await);
    }
}

/// Timeframes and bases, and the number of the newest candles that are compared.
const SUBSCRIBED: [(&str, &str, usize); 5] = [
    ("1d", "mid", 1),
    ("1m", "bid", 2),
    ("3m", "ask", 1),
    ("1w", "bid", 1),
    ("10s", "mid", 2),
];

async fn candles_equal_rest(now: DateTime<Utc>) {
    // a bucket of today, which may end meanwhile, and one of long ago
    let past = now - TimeDelta::days(4_000);
    let server = Server::start_at(&[], &running_from(now)).await;
    server
        .post(&json!([tick(1, past, 0, 5), tick(1, now, 0, 20)]))
        .await;
    let mut client = Client::connect(&server).await;
    let mut seen = Seen::new();
    for (timeframe, basis, _) in SUBSCRIBED {
        let request = json!({
            "op": "subscribe", "channel": "candles", "symbols": [1],
            "timeframe": timeframe, "basis": basis
        });
        client.send(request).await;
        loop {
            let message = client.message().await;
            if message["type"] == "subscribed" {
                break;
            }
            see(&mut seen, message);
        }
    }
    let late = now - TimeDelta::minutes(2);
    let mut batches = vec![json!([tick(1, late, 0, 3)])];
    for index in 1..40 {
        let at = now + TimeDelta::milliseconds(index * 37);
        batches.push(json!([tick(1, at, 0, 20 + index % 7)]));
    }
    batches.reverse();
    let settled = async {
        loop {
            if let Some(batch) = batches.pop() {
                assert_eq!(server.post(&batch).await["inserted"], 1);
            }
            let message = match timeout(Duration::from_millis(20), client.message()).await {
                Ok(message) => Some(message),
                Err(_) if !batches.is_empty() => None,
                Err(_) => Some(client.message().await),
            };
            let Some(message) = message else { continue };
            see(&mut seen, message);
            if batches.is_empty() && equal_to_rest(&server, &seen).await {
                return;
            }
        }
    };
    let in_time = timeout(DEADLINE, settled).await;
    assert!(in_time.is_ok(), "the candles differ from REST: {seen:#?}");
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(server.stop().await);
}

/// The newest message of each candle, by timeframe and open time.
type Seen = BTreeMap<(String, String), Value>;

fn see(seen: &mut Seen, mut message: Value) {
    assert_eq!(message["type"], "candle", "{message}");
    let fields = message.as_object_mut().expect("an object");
    for name in ["type", "seq", "snapshot"] {
        fields.remove(name);
    }
    let text = |name: &str| message[name].as_str().expect("a text").to_owned();
    seen.insert((text("timeframe"), text("open_time")), message);
}

/// Whether the newest candle of each timeframe, and the candle of the late tick, equal the candles of REST.
async fn equal_to_rest(server: &Server, seen: &Seen) -> bool {
    for (timeframe, basis, newest) in SUBSCRIBED {
        let path = format!("/api/v1/ohlc/1?timeframe={timeframe}&basis={basis}&order=desc");
        let candles = server.get(&format!("{path}&limit={newest}")).await;
        for candle in candles["data"].as_array().expect("a list") {
            let open_time = candle["open_time"].as_str().expect("a text").to_owned();
            if seen.get(&(timeframe.to_owned(), open_time)) != Some(candle) {
                return false;
            }
        }
    }
    true
}

/// A client that connects again names the last candle that it has.
#[tokio::test]
async fn candles_continue_at_a_time() {
    let server = Server::with_symbols(&[], 1).await;
    let first: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
    let ticks: Vec<_> = (0..10)
        .map(|minute| tick(1, first + TimeDelta::minutes(minute), 0, 5 + minute))
        .collect();
    assert_eq!(server.post(&json!(ticks)).await["inserted"], 10);
    // within the seventh minute
    for from in ["2014-05-01T00:06:30Z", "1398902790000"] {
        let mut client = Client::connect(&server).await;
        let request = json!({
            "op": "subscribe", "channel": "candles", "symbols": [1], "timeframe": "1m", "basis": "bid", "from": from
        });
        assert_eq!(client.request(request).await["type"], "subscribed");
        let mut candles = Vec::new();
        while candles.len() < 4 {
            let candle = client.message().await;
            assert_eq!(candle["type"], "candle", "{candle}");
            let is_newest = candle.get("snapshot").is_some();
            candles.push((
                candle["open"].as_str().expect("a price").to_owned(),
                is_newest,
            ));
        }
        let expected = [("11", false), ("12", false), ("13", false), ("14", true)];
        assert_eq!(
            candles,
            expected.map(|(open, newest)| (open.to_owned(), newest))
        );
    }
    let mut client = Client::connect(&server).await;
    let ticks =
        json!({"op": "subscribe", "channel": "ticks", "symbols": [1], "from": "2014-05-01"});
    let reason = client.error(ticks).await;
    assert!(
        reason.contains("only subscriptions to candles have from"),
        "{reason}"
    );
    let invalid = json!({
        "op": "subscribe", "channel": "candles", "symbols": [1], "basis": "bid", "from": "yesterday"
    });
    let reason = client.error(invalid).await;
    assert!(reason.contains("from: invalid time"), "{reason}");
    assert!(server.stop().await);
}
