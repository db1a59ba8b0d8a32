//! Tests of `/ws` with a real client and a whole server in memory.

use std::net::SocketAddr;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::whole_server::{DEADLINE, Server};

/// A client that checks the sequence number of each message and its own subscriptions.
pub(crate) struct Client<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
    seq: u64,
}

/// The next message or event.
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
        Self::of(socket)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn of(socket: WebSocketStream<S>) -> Self {
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
                assert_eq!(message["seq"], self.seq, "no message is missing: {message}");
                Next::Message(message)
            }
            Ok(Message::Close(Some(close))) => {
                Next::Closed(close.code.into(), close.reason.as_str().to_owned())
            }
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The next message that is not a heartbeat.
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
        let request = json!({
            "op": "subscribe", "channel": "ticks", "symbols": symbols, "snapshot": false
        });
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

/// A server with the symbols 1 to 4, without a feed.
async fn server(settings: &[(&str, &str)]) -> Server {
    Server::with_symbols(settings, 4).await
}

pub(crate) fn tick(symbol: i64, time: DateTime<Utc>, sequence: i64, bid: i64) -> Value {
    json!({
        "symbol_id": symbol, "sequence": sequence,
        "tick_time": time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "bid_price": bid.to_string(), "ask_price": (bid + 1).to_string(),
        "bid_volume": "1", "ask_volume": "2", "received_at": null
    })
}

/// The tick of a message, without the fields of the message itself.
fn body(mut message: Value) -> Value {
    assert_eq!(message["type"], "tick", "{message}");
    let fields = message.as_object_mut().expect("an object");
    for name in ["type", "seq", "number"] {
        fields.remove(name);
    }
    message
}

fn past() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

#[tokio::test]
async fn subscribers_get_every_tick_in_order_as_rest_does() {
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
async fn duplicates_and_conflicts_are_not_published() {
    let server = server(&[]).await;
    let mut client = Client::connect(&server).await;
    client.ticks(&[1]).await;
    let (first, second) = (tick(1, past(), 0, 1), tick(1, past(), 1, 2));
    server.post(&json!([first, first])).await;
    assert_eq!(body(client.message().await), first);
    // neither a duplicate nor a conflict is published
    server.post(&json!([first])).await;
    server.post(&json!([tick(1, past(), 0, 9)])).await;
    // the receipt does not say which of the two is new, so a gap is announced
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
        ("{", "invalid message"),
        ("[]", "invalid message"),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1],"depth":5}"#,
            "depth",
        ),
        (r#"{"op":"dance"}"#, "dance"),
        (
            r#"{"op":"subscribe","channel":"quotes","symbols":[1]}"#,
            "quotes",
        ),
        (r#"{"op":"subscribe","symbols":[1]}"#, "channel"),
        (r#"{"op":"subscribe","channel":"ticks"}"#, "symbols"),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[0]}"#,
            "invalid id 0",
        ),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1,99]}"#,
            "unknown symbol 99",
        ),
        (
            r#"{"op":"subscribe","channel":"ticks","symbols":[1],"basis":"bid"}"#,
            "basis",
        ),
        (
            r#"{"op":"subscribe","channel":"candles","symbols":[1],"timeframe":"7x"}"#,
            "7x",
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
    // the request with symbol 99 subscribed to nothing
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

#[tokio::test]
async fn silent_connection_gets_heartbeats_until_the_stop() {
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
async fn request_without_a_handshake_is_a_problem() {
    let server = server(&[]).await;
    let (status, problem) = server.get_any("/ws").await;
    assert_eq!((status, &problem["status"]), (400, &json!(400)));
    assert!(server.stop().await);
}
