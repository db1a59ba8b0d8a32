//! `/ws`, by a real client of a whole server over memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tickbook::Clock;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::whole_server::{DEADLINE, Server};

/// A client that looks at each message's place and at its own subscriptions.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    seq: u64,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Message(Value),
    Closed(u16, String),
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        Self::connect_to(server.address).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/ws");
        let (socket, answer) = connect_async(url).await.expect("a WebSocket");
        assert_eq!(answer.status(), 101);
        Self { socket, seq: 0 }
    }

    pub(crate) async fn send(&mut self, message: impl ToString) {
        let message = Message::text(message.to_string());
        self.socket.send(message).await.expect("sent");
    }

    /// The next message, heartbeats included.
    pub(crate) async fn next(&mut self) -> Next {
        let next = timeout(DEADLINE, self.socket.next()).await;
        match next.expect("in time").expect("no end without a close") {
            Ok(Message::Text(text)) => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                self.seq += 1;
                assert_eq!(message["seq"], self.seq, "no hole: {message}");
                Next::Message(message)
            }
            Ok(Message::Close(Some(close))) => {
                Next::Closed(close.code.into(), close.reason.as_str().to_owned())
            }
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The next message but heartbeats, which never end.
    pub(crate) async fn message(&mut self) -> Value {
        let waiting = async {
            loop {
                match self.next().await {
                    Next::Message(message) if message["type"] == "heartbeat" => {}
                    Next::Message(message) => return message,
                    Next::Closed(code, reason) => panic!("closed: {code} {reason}"),
                }
            }
        };
        let message = timeout(DEADLINE, waiting).await;
        message.expect("a message besides heartbeats, in time")
    }

    pub(crate) async fn request(&mut self, request: Value) -> Value {
        self.send(request).await;
        self.message().await
    }

    pub(crate) async fn ticks(&mut self, symbols: &[i64]) {
        let request = json!({"op": "subscribe", "channel": "ticks", "symbols": symbols});
        let answer = self.request(request).await;
        assert_eq!(answer["type"], "subscribed", "{answer}");
    }

    pub(crate) async fn error(&mut self, request: impl ToString) -> String {
        self.send(request).await;
        let answer = self.message().await;
        assert_eq!(answer["type"], "error", "{answer}");
        answer["reason"].as_str().expect("a text").to_owned()
    }
}

/// A server with the symbols 1 to 4, which no feed quotes.
async fn server(settings: &[(&str, &str)]) -> Server {
    Server::with_symbols(settings, 4).await
}

fn tick(symbol: i64, time: DateTime<Utc>, sequence: i32, bid: i64) -> Value {
    json!({
        "symbol_id": symbol, "sequence": sequence,
        "tick_time": time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "bid_price": bid.to_string(), "ask_price": (bid + 1).to_string(),
        "bid_volume": "1", "ask_volume": "2", "received_at": null
    })
}

/// A tick message without what the message adds.
fn body(mut message: Value) -> Value {
    assert_eq!(message["type"], "tick", "{message}");
    let fields = message.as_object_mut().expect("an object");
    fields.remove("type");
    fields.remove("seq");
    message
}

fn past() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

#[tokio::test]
async fn subscribers_get_every_tick_of_their_symbols_in_order_as_rest_shows_it() {
    let server = server(&[]).await;
    let mut both = Client::connect(&server).await;
    let mut one = Client::connect(&server).await;
    both.ticks(&[1, 2]).await;
    one.ticks(&[2]).await;
    let mut sent = Vec::new();
    for batch in 0..20_i64 {
        let batch: Vec<_> = (0..50_i64)
            .map(|index| {
                let symbol = 1 + index % 3;
                let time = past() + TimeDelta::milliseconds(batch * 50 + index);
                tick(symbol, time, 0, batch * 50 + index)
            })
            .collect();
        assert_eq!(server.post(&json!(batch)).await["inserted"], 50);
        sent.extend(batch);
    }
    let of = |symbols: &[i64]| -> Vec<Value> {
        let is_of = |tick: &&Value| symbols.iter().any(|symbol| tick["symbol_id"] == *symbol);
        sent.iter().filter(is_of).cloned().collect()
    };
    for (client, symbols) in [(&mut both, &[1, 2][..]), (&mut one, &[2])] {
        for expected in of(symbols) {
            assert_eq!(body(client.message().await), expected);
        }
    }
    let stored = server.all("/api/v1/ticks/2?order=asc", 1_000).await;
    assert_eq!(stored, of(&[2]));

    let request = json!({"op": "unsubscribe", "channel": "ticks", "symbols": [1]});
    assert_eq!(both.request(request).await["type"], "unsubscribed");
    let time = past() + TimeDelta::days(1);
    server
        .post(&json!([tick(1, time, 0, 7), tick(2, time, 0, 8)]))
        .await;
    assert_eq!(body(both.message().await), tick(2, time, 0, 8));
    assert!(server.stop().await);
}

#[tokio::test]
async fn only_what_was_stored_anew_is_published() {
    let server = server(&[]).await;
    let mut client = Client::connect(&server).await;
    client.ticks(&[1]).await;
    let (first, second) = (tick(1, past(), 0, 1), tick(1, past(), 1, 2));
    server.post(&json!([first, first])).await;
    assert_eq!(body(client.message().await), first);
    // nothing of these is news: a duplicate, and a conflict
    server.post(&json!([first])).await;
    server.post(&json!([tick(1, past(), 0, 9)])).await;
    // which of two is news the receipt does not say, so that a gap tells where to look
    let receipt = server.post(&json!([first, second])).await;
    assert_eq!(
        (&receipt["inserted"], &receipt["duplicates"]),
        (&json!(1), &json!(1))
    );
    let gap = client.message().await;
    assert_eq!(
        (&gap["type"], &gap["channel"]),
        (&json!("gap"), &json!("ticks"))
    );
    let (from, to) = (
        gap["from"].as_str().expect("a time"),
        gap["to"].as_str().expect("a time"),
    );
    let path = format!("/api/v1/ticks/1?from={from}&to={to}");
    assert_eq!(server.all(&path, 10).await, [first, second]);
    assert!(server.stop().await);
}

#[tokio::test]
async fn mistakes_are_answered_and_the_connection_lives_on() {
    let server = server(&[]).await;
    let mut client = Client::connect(&server).await;
    for (request, word) in [
        ("{", "no request"),
        ("[]", "no request"),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1],"depth":5}"#,
            "depth",
        ),
        (r#"{"op":"dance"}"#, "dance"),
        (
            r#"{"op":"subscribe","channel":"book","symbols":[1]}"#,
            "book",
        ),
        (r#"{"op":"subscribe","symbols":[1]}"#, "channel"),
        (r#"{"op":"subscribe","channel":"ticks"}"#, "symbols"),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[0]}"#,
            "0 is no symbol id",
        ),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1,99]}"#,
            "no symbol 99",
        ),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1],"basis":"bid"}"#,
            "basis",
        ),
        (
            r#"{"op":"subscribe","channel":"candles","symbols":[1],"timeframe":"2m"}"#,
            "2m",
        ),
        (
            r#"{"op":"subscribe","channel":"candles","symbols":[1],"basis":"last"}"#,
            "last",
        ),
    ] {
        let reason = client.error(request).await;
        assert!(reason.contains(word), "{request}: {reason}");
    }
    let many = json!({"op": "subscribe", "channel": "ticks", "symbols": vec![1; 1_001]});
    assert!(client.error(many).await.contains("at most 1000"));
    client
        .socket
        .send(Message::binary(vec![1]))
        .await
        .expect("sent");
    assert_eq!(client.message().await["type"], "error");
    assert_eq!(client.request(json!({"op": "ping"})).await["type"], "pong");
    // the one with symbol 99 subscribed to nothing
    server.post(&json!([tick(1, past(), 0, 1)])).await;
    client.ticks(&[1]).await;
    server.post(&json!([tick(1, past(), 1, 2)])).await;
    assert_eq!(body(client.message().await), tick(1, past(), 1, 2));

    client.send("x".repeat(70_000)).await;
    let Next::Closed(code, reason) = client.next().await else {
        panic!("too much");
    };
    assert_eq!(code, u16::from(CloseCode::Policy));
    assert!(reason.contains("65536"), "{reason}");
    assert!(server.stop().await);
}

/// A clock that goes on from `start`.
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
async fn a_silent_connection_has_heartbeats_and_ends_with_the_server() {
    let server = server(&[("TICKBOOK__WEBSOCKET__HEARTBEAT_MS", "300")]).await;
    let mut client = Client::connect(&server).await;
    for _ in 0..3 {
        let Next::Message(beat) = client.next().await else {
            panic!("it lives");
        };
        assert_eq!(beat["type"], "heartbeat");
    }
    let stopping = tokio::spawn(server.stop());
    loop {
        match client.next().await {
            Next::Message(message) => assert_eq!(message["type"], "heartbeat"),
            Next::Closed(code, reason) => {
                assert_eq!(code, u16::from(CloseCode::Away));
                assert!(reason.contains("stops"), "{reason}");
                break;
            }
        }
    }
    drop(client);
    assert!(stopping.await.expect("no panic"));
}

#[tokio::test]
async fn candles_are_those_of_rest() {
    for start in suite::instants() {
        candles_equal_rest(start).await;
    }
}

/// A candle that nobody adds to closes when its minute is over.
#[tokio::test]
async fn candles_close_by_the_clock() {
    for now in suite::instants() {
        let minute = TimeDelta::minutes(1);
        let open_time = now.duration_trunc(minute).expect("a whole minute");
        let time = Arc::new(Mutex::new(now));
        let told = Arc::clone(&time);
        let clock = Clock::new(move || *told.lock().expect("no panic"));
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

async fn candles_equal_rest(now: DateTime<Utc>) {
    // a bucket of the day, which may end meanwhile, and one of long ago
    let past = now - TimeDelta::days(4_000);
    let server = Server::start_at(&[], &running_from(now)).await;
    server
        .post(&json!([tick(1, past, 0, 5), tick(1, now, 0, 20)]))
        .await;
    let mut client = Client::connect(&server).await;
    let mut seen = Seen::new();
    for (timeframe, basis) in [("1d", "mid"), ("1m", "bid")] {
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
    assert!(in_time.is_ok(), "not those of REST: {seen:#?}");
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(server.stop().await);
}

/// The newest message of each candle, by timeframe and open time.
type Seen = BTreeMap<(String, String), Value>;

fn see(seen: &mut Seen, mut message: Value) {
    assert_eq!(message["type"], "candle", "{message}");
    let fields = message.as_object_mut().expect("an object");
    fields.remove("type");
    fields.remove("seq");
    let text = |name: &str| message[name].as_str().expect("a text").to_owned();
    seen.insert((text("timeframe"), text("open_time")), message);
}

/// Whether the newest of each timeframe was seen as REST has it now, and the one of the late tick.
async fn equal_to_rest(server: &Server, seen: &Seen) -> bool {
    for (timeframe, basis, newest) in [("1d", "mid", 1), ("1m", "bid", 2)] {
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

#[tokio::test]
async fn what_is_no_handshake_is_a_problem() {
    let server = server(&[]).await;
    let (status, problem) = server.get_any("/ws").await;
    assert_eq!((status, &problem["status"]), (400, &json!(400)));
    assert!(server.stop().await);
}
