//! Tests of HTTP/2: requests, and the limits of hostile clients.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request};
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::certificates::Pair;
use crate::whole_server::{DEADLINE, Server, eventually};

const HTTP2: &[u8] = b"h2";

/// A connection, and the task that runs it.
struct Client {
    requests: SendRequest<Bytes>,
    running: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    async fn connect(pair: &Pair, server: &Server) -> Self {
        let stream = pair.connect(server.address, HTTP2).await.expect("TLS");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(HTTP2));
        // a response that is not read leaves room for others
        let handshake = h2::client::Builder::new()
            .initial_connection_window_size(1 << 20)
            .handshake(stream);
        let (requests, connection) = handshake.await.expect("HTTP/2");
        let running = tokio::spawn(connection);
        let requests = requests.ready().await.expect("room");
        Self { requests, running }
    }

    /// Sends a request; its response comes later.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> h2::client::ResponseFuture {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"))
            .header("content-type", "application/json")
            .body(())
            .expect("a request");
        let mut requests = self.requests.clone().ready().await.expect("room");
        let (response, mut stream) = requests.send_request(request, false).expect("sent");
        // the server may refuse the request before its body
        let _ = stream.send_data(body.into(), true);
        response
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        let response = self.send(Method::GET, path, "").await;
        answer(response).await
    }
}

/// Status and body of a response.
async fn answer(response: h2::client::ResponseFuture) -> (u16, String) {
    let response = timeout(DEADLINE, response).await.expect("in time");
    let response = response.expect("a response");
    let status = response.status().as_u16();
    (status, body(response.into_body()).await)
}

async fn body(mut stream: RecvStream) -> String {
    let mut bytes = Vec::new();
    while let Some(data) = timeout(DEADLINE, stream.data()).await.expect("in time") {
        let data = data.expect("bytes");
        bytes.extend_from_slice(&data);
        let released = stream.flow_control().release_capacity(data.len());
        released.expect("its own bytes");
    }
    String::from_utf8(bytes).expect("UTF-8")
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

/// The value of a line of the metrics.
async fn metric(pair: &Pair, server: &Server, line: &str) -> u64 {
    let (status, text) = Client::connect(pair, server).await.get("/metrics").await;
    assert_eq!(status, 200);
    let value = text.lines().find_map(|found| found.strip_prefix(line));
    value.map_or(0, |value| value.trim().parse().expect("a number"))
}

#[tokio::test]
async fn requests_of_one_connection_are_all_answered() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut client = Client::connect(&pair, &server).await;
    let posted = client
        .send(Method::POST, "/api/v1/ticks", ticks(10_000))
        .await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(client.send(Method::GET, "/health/live", "").await);
    }
    for other in others {
        assert_eq!(answer(other).await.0, 200);
    }
    let (status, receipt) = answer(posted).await;
    assert_eq!(status, 200, "{receipt}");
    assert!(receipt.contains(r#""inserted":10000"#), "{receipt}");
    // longer than the window of the client and a part of the server
    let (status, page) = client.get("/api/v1/ticks/1?limit=10000").await;
    let page: Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!(
        (status, page["data"].as_array().map(Vec::len)),
        (200, Some(10_000))
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn requests_at_the_same_time_are_bounded() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut client = Client::connect(&pair, &server).await;
    assert_eq!(client.get("/health/live").await.0, 200);
    assert_eq!(client.requests.current_max_send_streams(), 32);
    assert!(server.stop().await);
}

#[tokio::test]
async fn limits_of_requests_apply() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut client = Client::connect(&pair, &server).await;
    let long = "x".repeat(9_000);
    let (status, problem) = client.get(&format!("/api/v1/symbols?name={long}")).await;
    assert_eq!(status, 414, "{problem}");
    assert!(problem.contains("urn:tickbook:uri-too-long"), "{problem}");
    let huge = " ".repeat(5 << 20);
    let posted = client.send(Method::POST, "/api/v1/ticks", huge).await;
    let (status, problem) = answer(posted).await;
    assert_eq!(status, 413, "{problem}");
    let (status, problem) = client.get("/ws").await;
    assert_eq!(status, 400, "{problem}");
    assert!(problem.contains("WebSocket handshake"), "{problem}");
    let (status, problem) = client.get("/nothing").await;
    assert_eq!(status, 404, "{problem}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn cancelled_requests_end_the_connection() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut stream = pair.connect(server.address, HTTP2).await.expect("TLS");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // an empty SETTINGS frame
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    for index in 0..2_000_u32 {
        let id = (2 * index + 1).to_be_bytes();
        // HEADERS: GET, https and / of the static table
        bytes.extend([0, 0, 3, 1, 5]);
        bytes.extend(id);
        bytes.extend([0x82, 0x87, 0x84]);
        // RST_STREAM: CANCEL
        bytes.extend([0, 0, 4, 3, 0]);
        bytes.extend(id);
        bytes.extend([0, 0, 0, 8]);
    }
    // the server may end the connection before it has read all of them
    let _ = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = timeout(DEADLINE, reading).await.expect("it is closed");
    let calm = Reason::ENHANCE_YOUR_CALM;
    let goaway = answer
        .windows(4)
        .any(|bytes| bytes == u32::from(calm).to_be_bytes());
    assert!(goaway, "{answer:?}");
    let (status, _) = Client::connect(&pair, &server)
        .await
        .get("/health/live")
        .await;
    assert_eq!(status, 200);
    assert!(server.stop().await);
}

#[tokio::test]
async fn malformed_frames_end_the_connection() {
    let pair = Pair::new();
    // no timeout ends the connections
    let settings = [
        ("TICKBOOK__SERVER__IDLE_TIMEOUT_MS", "600000"),
        ("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "600000"),
    ];
    let server = pair.serve(&settings).await;
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // a length above the maximum, a frame of stream 0, a preface of another protocol
    let oversized = [preface, &settings, &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat();
    let of_no_stream = [preface, &settings, &[0, 0, 1, 1, 5, 0, 0, 0, 0, 0x82]].concat();
    for bytes in [oversized, of_no_stream, b"GET / HTTP/1.1\r\n\r\n".repeat(3)] {
        let mut stream = pair.connect(server.address, HTTP2).await.expect("TLS");
        let _ = stream.write_all(&bytes).await;
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _ = timeout(DEADLINE, reading).await.expect("it is closed");
    }
    let (status, _) = Client::connect(&pair, &server)
        .await
        .get("/health/live")
        .await;
    assert_eq!(status, 200);
    assert!(server.stop().await);
}

#[tokio::test]
async fn response_that_is_not_read_ends_the_connection() {
    let pair = Pair::new();
    let settings = [("TICKBOOK__SERVER__WRITE_TIMEOUT_MS", "300")];
    let server = pair.serve(&settings).await;
    let mut client = Client::connect(&pair, &server).await;
    let posted = client
        .send(Method::POST, "/api/v1/ticks", ticks(10_000))
        .await;
    assert_eq!(answer(posted).await.0, 200);
    let page = "/api/v1/ticks/1?limit=10000";
    let unread = client.send(Method::GET, page, "").await;
    let unread = timeout(DEADLINE, unread).await.expect("in time");
    let unread = unread.expect("a response");
    // other requests of the connection are read meanwhile
    let reading = async {
        let mut count = 0;
        loop {
            let Ok(mut requests) = client.requests.clone().ready().await else {
                return count;
            };
            let request = Request::get("https://localhost/health/live").body(());
            let request = request.expect("a request");
            let Ok((response, _)) = requests.send_request(request, true) else {
                return count;
            };
            let Ok(response) = response.await else {
                return count;
            };
            let mut stream = response.into_body();
            while let Some(Ok(data)) = stream.data().await {
                let _ = stream.flow_control().release_capacity(data.len());
            }
            count += 1;
            sleep(Duration::from_millis(10)).await;
        }
    };
    let count = timeout(DEADLINE, reading).await.expect("it is closed");
    assert!(count > 0);
    drop(unread);
    let _ = timeout(DEADLINE, client.running)
        .await
        .expect("it is closed");
    let line = "http_connections_closed_total{reason=\"reads_nothing\"} ";
    eventually("the closed connection is counted", async || {
        metric(&pair, &server, line).await > 0
    })
    .await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn idle_connection_ends_despite_pings() {
    let pair = Pair::new();
    let settings = [
        ("TICKBOOK__SERVER__IDLE_TIMEOUT_MS", "500"),
        ("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "600000"),
    ];
    let server = pair.serve(&settings).await;
    let stream = pair.connect(server.address, HTTP2).await.expect("TLS");
    let (requests, mut connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let mut pings = connection.ping_pong().expect("once");
    let running = tokio::spawn(connection);
    let requests = requests.ready().await.expect("room");
    let mut client = Client { requests, running };
    assert_eq!(client.get("/health/live").await.0, 200);
    let pinging = async { while pings.ping(h2::Ping::opaque()).await.is_ok() {} };
    timeout(DEADLINE, pinging).await.expect("it is closed");
    assert!(server.stop().await);
}

#[tokio::test]
async fn started_request_is_answered_during_a_stop() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut client = Client::connect(&pair, &server).await;
    let request = Request::post("https://localhost/api/v1/ticks")
        .header("content-type", "application/json")
        .body(())
        .expect("a request");
    let mut requests = client.requests.clone().ready().await.expect("room");
    let (response, mut stream) = requests.send_request(request, false).expect("sent");
    // the request before this one has been answered, so it has begun
    assert_eq!(client.get("/health/live").await.0, 200);
    server.stop.cancel();
    eventually("the server says that it stops", async || {
        client.requests.clone().ready().await.is_err()
    })
    .await;
    stream
        .send_data("[]".into(), true)
        .expect("the request goes on");
    let (status, receipt) = answer(response).await;
    assert_eq!(status, 200, "{receipt}");
    let _ = timeout(DEADLINE, client.running)
        .await
        .expect("it is closed");
    assert!(server.stop().await);
}
