//! The attacks of hostile clients.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::target::{Stream, Target};

/// Connections and tasks of an attack, ended on drop.
#[derive(Default)]
pub(crate) struct Held {
    pub(super) streams: Vec<Stream>,
    pub(super) tasks: JoinSet<()>,
}

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

async fn connect(to: &Target) -> Option<Stream> {
    let connected = timeout(PATIENCE, to.connect()).await;
    connected.ok()?.ok()
}

/// Connects and sends bytes; `None` if the server does not accept the connection.
pub(super) async fn say(to: &Target, bytes: &[u8]) -> Option<Stream> {
    let mut stream = connect(to).await?;
    let _ = timeout(PATIENCE, write(&mut stream, bytes)).await;
    Some(stream)
}

/// Sends bytes, also those that TLS holds back.
pub(super) async fn write(stream: &mut Stream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn ticks(count: usize) -> String {
    let tick = |index: usize| {
        json!({
            "symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": index,
            "bid_price": "1", "ask_price": "2", "bid_volume": "0", "ask_volume": "0",
        })
    };
    Value::from((0..count).map(tick).collect::<Vec<_>>()).to_string()
}

async fn answer(to: &Target, request: &str) -> String {
    let mut stream = say(to, request.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    let read = timeout(PATIENCE * 3, stream.read_to_end(&mut answer)).await;
    // the server may leave out the end of TLS
    let _ = read.expect("in time");
    String::from_utf8(answer).expect("UTF-8")
}

/// Stores 10,000 ticks of symbol 1.
pub(super) async fn fill(to: Target) {
    let whole = to
        .post(&ticks(10_000))
        .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = answer(&to, &whole).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Reads them in one page.
pub(super) async fn page(to: Target) {
    let request = to
        .page()
        .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = answer(&to, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.len() > 1_000_000);
}

pub(super) async fn silent(to: Target) -> Held {
    let mut held = Held::default();
    for index in 0..1_100 {
        let said: &[u8] = if index % 2 == 0 { b"" } else { b"GET /he" };
        held.streams.extend(say(&to, said).await);
    }
    held
}

pub(super) async fn slow_heads(to: Target) -> Held {
    let mut held = Held::default();
    for _ in 0..300 {
        let to = to.clone();
        held.tasks.spawn(async move {
            loop {
                let Some(mut stream) = say(&to, b"GET /health/live HTTP/1.1\r\nX: ").await else {
                    continue;
                };
                while write(&mut stream, b"x").await.is_ok() {
                    sleep(Duration::from_millis(500)).await;
                }
            }
        });
    }
    held
}

pub(super) async fn unread(to: Target) -> Held {
    let mut held = Held::default();
    let requests = to.page().repeat(6);
    for _ in 0..300 {
        held.streams.extend(unread_answers(&to, &requests).await);
    }
    held
}

async fn unread_answers(to: &Target, requests: &str) -> Option<Stream> {
    let mut stream = small(to, b"http/1.1").await?;
    let _ = timeout(PATIENCE, write(&mut stream, requests.as_bytes())).await;
    Some(stream)
}

/// A connection for a protocol, with a small buffer.
pub(super) async fn small(to: &Target, protocol: &[u8]) -> Option<Stream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2_048).expect("a small buffer");
    let stream = socket.connect(to.address).await.ok()?;
    let secured = timeout(PATIENCE, to.secure(stream, protocol)).await;
    secured.ok()?.ok()
}

pub(super) async fn unfinished(to: Target) -> Held {
    let mut body = ticks(10);
    body.push_str(&" ".repeat(4 * 1024 * 1024 - body.len()));
    let mut whole = to.post(&body);
    whole.pop();
    let whole: std::sync::Arc<str> = whole.into();
    let mut held = Held::default();
    for _ in 0..150 {
        let (to, whole) = (to.clone(), std::sync::Arc::clone(&whole));
        held.tasks.spawn(async move {
            if let Some(mut stream) = connect(&to).await {
                let _ = write(&mut stream, whole.as_bytes()).await;
                // until the server closes the connection
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        });
    }
    held
}

/// Posts bodies of which every two bytes produce about a hundred bytes of the receipt, and does not read it.
pub(super) async fn receipts(to: Target) -> Held {
    let request = to.post(&format!("[{}1]", "1,".repeat(9_999)));
    let mut held = Held::default();
    for _ in 0..300 {
        held.streams.extend(unread_answers(&to, &request).await);
    }
    held
}

/// Sends the same request repeatedly, from `clients` clients.
fn again(to: &Target, clients: usize, request: String) -> Held {
    let request: std::sync::Arc<str> = request.into();
    let mut held = Held::default();
    for _ in 0..clients {
        let (to, request) = (to.clone(), std::sync::Arc::clone(&request));
        held.tasks.spawn(async move {
            loop {
                if let Some(mut stream) = say(&to, request.as_bytes()).await {
                    // the response, or its beginning
                    let mut some = [0; 4_096];
                    let _ = timeout(PATIENCE, stream.read(&mut some)).await;
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    held
}

pub(super) async fn deep(to: Target) -> Held {
    again(&to, 2, to.post(&"[".repeat(200_000)))
}

pub(super) async fn elements(to: Target) -> Held {
    let body = format!("[{}1]", "1,".repeat(999_999));
    again(&to, 2, to.post(&body))
}

pub(super) async fn pipelines(to: Target) -> Held {
    let one = to.get("/api/v1/symbols");
    again(&to, 2, one.repeat(1_000))
}

pub(super) async fn large(to: Target) -> Held {
    let mut held = Held::default();
    for is_chunked in [true, false] {
        let to = to.clone();
        held.tasks.spawn(async move {
            let fields = &to.fields;
            let length = if is_chunked {
                "Transfer-Encoding: chunked"
            } else {
                "Content-Length: 104857600"
            };
            let head = format!(
                "POST /api/v1/ticks HTTP/1.1\r\n{fields}\
                 Content-Type: application/json\r\n{length}\r\n\r\n"
            );
            let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
            loop {
                let Some(mut stream) = say(&to, head.as_bytes()).await else {
                    continue;
                };
                for _ in 0..100 {
                    if write(&mut stream, chunk.as_bytes()).await.is_err() {
                        break;
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    held
}

/// Repeatedly posts ten thousand ticks and disconnects.
pub(super) async fn left_posts(to: Target) -> Held {
    let request: std::sync::Arc<str> = to.post(&ticks(10_000)).into();
    let mut held = Held::default();
    for _ in 0..2 {
        let (to, request) = (to.clone(), std::sync::Arc::clone(&request));
        held.tasks.spawn(async move {
            loop {
                drop(say(&to, request.as_bytes()).await);
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    held
}

/// A WebSocket without protocol checks on the client side.
async fn websocket(to: &Target) -> Option<Stream> {
    let mut stream = say(to, to.handshake().as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.ok()?.ok()?);
    }
    head.starts_with(b"HTTP/1.1 101").then_some(stream)
}

/// A frame with a mask of zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Endless messages of small fragments.
pub(super) async fn fragments(to: Target) -> Held {
    let mut held = Held::default();
    for _ in 0..150 {
        let to = to.clone();
        held.tasks.spawn(async move {
            let Some(mut stream) = websocket(&to).await else {
                return;
            };
            let mut piece = frame(0x01, b"x");
            while write(&mut stream, &piece).await.is_ok() {
                piece = frame(0x00, &[b'x'; 4_000]).repeat(2);
                sleep(Duration::from_millis(200)).await;
            }
        });
    }
    held
}

/// Ten thousand subscriptions, and messages with as many ids as fit.
pub(super) async fn subscriptions(to: Target) -> Held {
    let subscribe: Vec<_> = ["1m", "5m", "15m", "30m", "1h", "4h", "1d"]
        .iter()
        .flat_map(|timeframe| {
            ["bid", "ask", "mid"].map(|basis| {
                json!({
                    "op": "subscribe", "channel": "candles", "symbols": [1, 2, 3, 4],
                    "timeframe": timeframe, "basis": basis,
                })
            })
        })
        .flat_map(|request| frame(0x81, request.to_string().as_bytes()))
        .collect();
    let many = |count: usize| {
        let ids = vec![1; count];
        let request = json!({"op": "unsubscribe", "channel": "ticks", "symbols": ids});
        frame(0x81, request.to_string().as_bytes())
    };
    let unsubscribe = [many(31_000), many(1_000)].concat();
    let mut held = Held::default();
    for index in 0..122 {
        let (subscribe, unsubscribe) = (subscribe.clone(), unsubscribe.clone());
        let to = to.clone();
        held.tasks.spawn(async move {
            let Some(mut stream) = websocket(&to).await else {
                return;
            };
            let _ = write(&mut stream, &subscribe).await;
            let (mut input, mut output) = tokio::io::split(stream);
            let reading = async { tokio::io::copy(&mut input, &mut tokio::io::sink()).await };
            let writing = async {
                // two clients send requests without pause
                while index < 2 && output.write_all(&unsubscribe).await.is_ok() {}
                std::future::pending::<()>().await;
            };
            tokio::select! {
                _ = reading => {}
                () = writing => {}
            }
        });
    }
    held
}

/// Requests with tokens that nobody has.
pub(super) async fn guesses(to: Target) -> Held {
    let guess = format!("tb_{}", "A".repeat(43));
    let guessing = to.with_token(Some(&guess));
    let one = guessing.get("/api/v1/symbols") + &guessing.post("[]");
    again(&to, 2, one.repeat(500))
}

/// WebSocket clients that send requests and no token.
pub(super) async fn silent_clients(to: Target) -> Held {
    let without = to.with_token(None);
    let request = json!({"op": "subscribe", "channel": "ticks", "symbols": [1]});
    let requests = frame(0x81, request.to_string().as_bytes()).repeat(100);
    let mut held = Held::default();
    for index in 0..150 {
        let (without, requests) = (without.clone(), requests.clone());
        held.tasks.spawn(async move {
            loop {
                if let Some(mut stream) = websocket(&without).await {
                    // two clients send requests, the others nothing
                    let said: &[u8] = if index < 2 { &requests } else { b"" };
                    let _ = write(&mut stream, said).await;
                    // until the server closes the connection
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    held
}
