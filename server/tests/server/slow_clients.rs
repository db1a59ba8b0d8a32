//! Tests of `/ws` clients that read slowly or not at all.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::websocket::{Client, Next};
use crate::whole_server::{DEADLINE, Server};

/// Serializes tests that drop clients: the counter is shared by the process.
static DROPPING: Mutex<()> = Mutex::const_new(());

/// A client without a task or a buffer: unread data stays in the socket, whose buffer holds almost nothing.
pub(crate) struct RawClient {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl RawClient {
    /// Connects and subscribes to the ticks of the symbol 1.
    async fn subscribe(server: &Server) -> Self {
        Self::subscribe_to(server, "ticks").await
    }

    /// Connects and subscribes to a channel of the symbol 1.
    pub(crate) async fn subscribe_to(server: &Server, channel: &str) -> Self {
        let request = format!(r#"{{"op":"subscribe","channel":"{channel}","symbols":[1]}}"#);
        Self::subscribe_with(server, &request).await
    }

    /// Connects and subscribes with a request of less than 126 bytes.
    pub(crate) async fn subscribe_with(server: &Server, request: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(2_048).expect("a small buffer");
        let stream = socket.connect(server.address).await.expect("it listens");
        let unread = Vec::new();
        let mut client = Self { stream, unread };
        let handshake = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
                         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.write(handshake.as_bytes()).await;
        let head = loop {
            if let Some(end) = client
                .unread
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                break client.unread.drain(..end + 4).collect::<Vec<u8>>();
            }
            assert!(client.read_some().await, "an answer");
        };
        assert!(head.starts_with(b"HTTP/1.1 101"));
        let request = request.as_bytes();
        // a text frame of less than 126 bytes, with a mask of zeros
        let mut frame = vec![0x81, 0x80 | u8::try_from(request.len()).expect("short")];
        frame.extend([0; 4]);
        frame.extend(request);
        client.write(&frame).await;
        let Next::Message(answer) = client.next().await else {
            panic!("an answer");
        };
        assert_eq!(answer["type"], "subscribed");
        client
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// Reads available data, at most 4 KiB; returns `false` at the end of the connection.
    async fn read_some(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let read = timeout(DEADLINE, self.stream.read(&mut bytes)).await;
        let read = read.expect("in time").expect("no broken connection");
        self.unread.extend(&bytes[..read]);
        read > 0
    }

    /// Takes a completely read message.
    fn take(&mut self) -> Option<Next> {
        let [first, short, ..] = *self.unread else {
            return None;
        };
        let (head, length) = match short {
            126 => {
                let long = self.unread.get(2..4)?;
                (4, usize::from(u16::from_be_bytes([long[0], long[1]])))
            }
            127 => panic!("no message is that long"),
            short => (2, usize::from(short)),
        };
        if self.unread.len() < head + length {
            return None;
        }
        let payload: Vec<u8> = self.unread.drain(..head + length).skip(head).collect();
        Some(match first {
            0x81 => Next::Message(serde_json::from_slice(&payload).expect("JSON")),
            0x88 => Next::Closed(
                u16::from_be_bytes([payload[0], payload[1]]),
                String::from_utf8(payload[2..].to_vec()).expect("UTF-8"),
            ),
            other => panic!("unexpected: {other:#x}"),
        })
    }

    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            assert!(self.read_some().await, "no end without a close");
        }
    }
}

fn start() -> DateTime<Utc> {
    "2014-05-01T00:00:00Z".parse().expect("a time")
}

/// `count` ticks from `first` on, one microsecond apart.
fn ticks(first: i64, count: i64) -> Value {
    let tick = |index| {
        let time = start() + TimeDelta::microseconds(index);
        json!({
            "symbol_id": 1, "tick_time": time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "sequence": 0, "bid_price": "1", "ask_price": "2",
            "bid_volume": "0", "ask_volume": "0", "received_at": null
        })
    };
    (first..first + count).map(tick).collect()
}

async fn post(server: &Server, first: i64, count: i64) {
    let receipt = server.post(&ticks(first, count)).await;
    assert_eq!(receipt["inserted"], count);
}

/// The ticks a client knows about: every tick from 0 to `until` was in a message or in a gap.
#[derive(Default)]
struct Received {
    until: i64,
    gaps: u32,
    missed: i64,
}

impl Received {
    fn take(&mut self, message: &Value) {
        let index = |name: &str| {
            let text = message[name].as_str().expect("a text");
            let time: DateTime<Utc> = text.parse().expect("a time");
            (time - start()).num_microseconds().expect("small")
        };
        let (from, to) = match message["type"].as_str() {
            Some("tick") => (index("tick_time"), index("tick_time") + 1),
            Some("gap") => {
                let (from, to) = (index("from"), index("to"));
                assert_eq!(message["missed"], to - from);
                self.gaps += 1;
                self.missed += to - from;
                (from, to)
            }
            Some("heartbeat") => return,
            _ => panic!("unexpected: {message}"),
        };
        assert_eq!(from, self.until, "no tick is omitted: {message}");
        self.until = to;
    }
}

/// Number of clients of the process that were dropped as too slow.
async fn dropped(server: &Server) -> u64 {
    let metrics = server.get_text("/metrics").await;
    let line = "websocket_closed_total{code=\"1013\"} ";
    let count = metrics.lines().find_map(|text| text.strip_prefix(line));
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn client_that_reads_nothing_is_dropped_with_a_reason() {
    let _one = DROPPING.lock().await;
    let settings = [("TICKBOOK__WEBSOCKET__SEND_TIMEOUT_MS", "2000")];
    let server = Server::with_small_buffers(&settings).await;
    let before = dropped(&server).await;
    let mut client = RawClient::subscribe(&server).await;
    post(&server, 0, 2_000).await;
    let waiting = async {
        while dropped(&server).await == before {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("it is dropped");
    // the close frame follows the data in transit, and is sent for at most as long as before
    let mut reported = Received::default();
    loop {
        match client.next().await {
            Next::Message(message) => reported.take(&message),
            Next::Closed(code, reason) => {
                assert_eq!(code, 1013, "{reason}");
                assert!(
                    reason.contains("nothing was read for 2 seconds"),
                    "{reason}"
                );
                break;
            }
        }
    }
    assert!(
        reported.until < 2_000,
        "{} ticks fit in transit",
        reported.until
    );
    drop(client);
    assert!(server.stop().await);
}

#[tokio::test]
async fn client_with_the_longest_queue_is_dropped() {
    let _one = DROPPING.lock().await;
    let settings = [
        ("TICKBOOK__WEBSOCKET__QUEUE_TOTAL", "3000"),
        // nothing else closes the connection
        ("TICKBOOK__WEBSOCKET__SEND_TIMEOUT_MS", "600000"),
    ];
    let server = Server::with_small_buffers(&settings).await;
    let before = dropped(&server).await;
    let mut slow = RawClient::subscribe(&server).await;
    let mut quick = Client::connect(&server).await;
    quick.ticks(&[1]).await;
    let mut reported = Received::default();
    for round in 0..10 {
        post(&server, round * 500, 500).await;
        while reported.until < (round + 1) * 500 {
            reported.take(&quick.message().await);
        }
    }
    assert_eq!(reported.gaps, 0);
    assert_eq!(dropped(&server).await, before + 1);
    let mut reported = Received::default();
    let reason = loop {
        match slow.next().await {
            Next::Message(message) => reported.take(&message),
            Next::Closed(code, reason) => {
                assert_eq!(code, 1013, "{reason}");
                break reason;
            }
        }
    };
    assert!(reason.contains("more than 3000 ticks"), "{reason}");
    assert!(
        reported.until < 3_000,
        "{} ticks fit in transit",
        reported.until
    );
    drop((slow, quick));
    assert!(server.stop().await);
}

#[tokio::test]
async fn client_that_stays_behind_is_dropped_with_a_reason() {
    let _one = DROPPING.lock().await;
    let settings = [
        ("TICKBOOK__WEBSOCKET__QUEUE", "100"),
        ("TICKBOOK__WEBSOCKET__MAX_GAPS", "3"),
    ];
    let server = Server::with_small_buffers(&settings).await;
    let mut client = RawClient::subscribe(&server).await;
    let mut reported = Received::default();
    let mut sent = 0;
    let reason = 'reading: loop {
        // each round overflows the queue, because a delivery takes several reads of the client
        if reported.gaps < 3 {
            post(&server, sent, 500).await;
            sent += 500;
        }
        assert!(client.read_some().await, "no end without a close");
        while let Some(next) = client.take() {
            match next {
                Next::Message(message) => reported.take(&message),
                Next::Closed(code, reason) => {
                    assert_eq!(code, 1013, "{reason}");
                    break 'reading reason;
                }
            }
        }
    };
    let expected = format!("{} ticks were missed in 3 gaps", reported.missed);
    assert!(reason.contains(&expected), "{reason}, not {expected}");
    assert_eq!(reported.gaps, 3);
    drop(client);
    assert!(server.stop().await);
}

#[tokio::test]
async fn queued_ticks_reach_a_client_before_the_server_ends() {
    let server = Server::with_small_buffers(&[]).await;
    let mut client = RawClient::subscribe(&server).await;
    post(&server, 0, 500).await;
    let stopping = tokio::spawn(server.stop());
    let mut reported = Received::default();
    loop {
        match client.next().await {
            Next::Message(message) => reported.take(&message),
            Next::Closed(code, reason) => {
                assert_eq!(code, 1001, "{reason}");
                assert!(reason.contains("stops"), "{reason}");
                break;
            }
        }
    }
    assert_eq!((reported.until, reported.gaps), (500, 0));
    drop(client);
    assert!(stopping.await.expect("no panic"));
}

#[tokio::test]
async fn client_that_reads_nothing_does_not_delay_the_stop() {
    let server = Server::with_small_buffers(&[]).await;
    let client = RawClient::subscribe(&server).await;
    post(&server, 0, 2_000).await;
    let begun = Instant::now();
    assert!(server.stop().await);
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    drop(client);
}
