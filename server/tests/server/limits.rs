//! Tests of the limits of connections, requests, bodies and responses, with whole servers.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::whole_server::{DEADLINE, Server, eventually};

/// Sends bytes over a new connection, which stays open.
async fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    // the server may already have refused the rest
    let _ = stream.write_all(bytes).await;
    stream
}

/// Reads until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // a reset also counts as closed
    let reading = stream.read_to_end(&mut bytes);
    let _ = timeout(DEADLINE, reading).await.expect("it is closed");
    String::from_utf8(bytes).expect("UTF-8")
}

/// Status and body of an answer.
fn parts(answer: &str) -> (u16, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body)
}

/// The problem of an answer.
fn problem(answer: &str, status: u16) -> String {
    let (seen, body) = parts(answer);
    assert_eq!(seen, status, "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let problem: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(problem["status"], status);
    problem["detail"].as_str().expect("a text").to_owned()
}

async fn get(server: &Server, path: &str, fields: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{fields}\r\n");
    rest(send(server, request.as_bytes()).await).await
}

/// A complete `POST` of ticks, and its head only.
fn posting(body: &str, fields: &str) -> (String, String) {
    let length = body.len();
    let head = format!(
        "POST /api/v1/ticks HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{fields}\r\n"
    );
    (format!("{head}{body}"), head)
}

/// JSON of `count` ticks of symbol 1, padded to at least `bytes` bytes.
fn ticks(count: usize, bytes: usize) -> String {
    let tick = |index: usize| {
        json!({
            "symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": index,
            "bid_price": "1", "ask_price": "2", "bid_volume": "0", "ask_volume": "0",
            "received_at": null
        })
    };
    let mut text = Value::from((0..count).map(tick).collect::<Vec<_>>()).to_string();
    let padding = bytes.saturating_sub(text.len());
    text.push_str(&" ".repeat(padding));
    text
}

#[tokio::test]
async fn oversized_heads_and_bodies_are_problems() {
    let server = Server::with_symbols(&[], 1).await;
    let long = "x".repeat(10_000);
    let detail = problem(&get(&server, &format!("/{long}"), "").await, 414);
    assert!(detail.contains("8192"), "{detail}");
    let fields = format!("X-Long: {long}\r\nX-Longer: {long}\r\n");
    let detail = problem(&get(&server, "/health/live", &fields).await, 431);
    assert!(detail.contains("16384"), "{detail}");
    let many: String = (0..101).map(|index| format!("X-{index}: 1\r\n")).collect();
    problem(&get(&server, "/api/v1/symbols", &many).await, 431);
    // more than the server reads
    let fields = format!("X-Long: {}\r\n", "x".repeat(300_000));
    let detail = problem(&get(&server, "/health/live", &fields).await, 431);
    assert!(detail.contains("65536"), "{detail}");
    let longest = "x".repeat(300_000);
    problem(&get(&server, &format!("/{longest}"), "").await, 431);
    let many: String = (0..201).map(|index| format!("X-{index}: 1\r\n")).collect();
    let detail = problem(&get(&server, "/api/v1/symbols", &many).await, 431);
    assert!(detail.contains("200 fields"), "{detail}");
    // after a request that is answered
    let first = "GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n";
    let both = format!("{first}GET / HTTP/1.1\r\n{many}\r\n");
    let answers = rest(send(&server, both.as_bytes()).await).await;
    let (_, second) = answers
        .split_once("}HTTP/1.1 431")
        .expect("both are answered");
    problem(&format!("HTTP/1.1 431{second}"), 431);
    let detail = problem(&rest(send(&server, b"no request\r\n\r\n").await).await, 400);
    assert!(detail.contains("HTTP/1.1"), "{detail}");
    // with a declared length, and chunked
    let head = "POST /api/v1/ticks HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    let declared = format!("{head}Content-Length: 104857600\r\n\r\n");
    problem(&rest(send(&server, declared.as_bytes()).await).await, 413);
    let chunk = " ".repeat(5 * 1024 * 1024);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n500000\r\n{chunk}");
    problem(&rest(send(&server, chunked.as_bytes()).await).await, 413);
    {
        let fields = "Content-Encoding: br\r\n";
        let (whole, _) = posting("[]", fields);
        problem(&rest(send(&server, whole.as_bytes()).await).await, 415);
    }
    for kind in ["text/plain", "application/json; charset=latin1"] {
        let (whole, _) = posting("[]", "");
        let whole = whole.replace("application/json", kind);
        problem(&rest(send(&server, whole.as_bytes()).await).await, 415);
    }
    let (whole, _) = posting("[]", "");
    let whole = whole.replace("application/json", "application/json; charset=UTF-8");
    let answer = rest(send(&server, whole.as_bytes()).await).await;
    assert_eq!(parts(&answer).0, 200, "{answer}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn problems_repeat_little_of_a_request() {
    let server = Server::with_symbols(&[], 1).await;
    let long = "x".repeat(6_000);
    let digits = "7".repeat(6_000);
    for path in [
        format!("/{long}"),
        format!("/api/v1/symbols?{long}=1"),
        format!("/api/v1/symbols?active={long}"),
        format!("/api/v1/symbols?limit={long}"),
        format!("/api/v1/symbols?limit={digits}"),
        format!("/api/v1/symbols/{long}"),
        format!("/api/v1/ticks/1?from={long}"),
        format!("/api/v1/ticks/1?order={long}"),
        format!("/api/v1/ticks/1?cursor={long}"),
        format!("/api/v1/ticks/latest?symbols={long}"),
        format!("/api/v1/ohlc/1?timeframe={long}"),
        format!("/api/v1/ohlc/1?basis={long}"),
        format!("/api/v1/ohlc/1?fill={long}"),
    ] {
        let answer = get(&server, &path, "").await;
        let (status, body) = parts(&answer);
        assert!(status == 400 || status == 404, "{answer}");
        let repeated = body.matches(['x', '7']).count();
        assert!(repeated <= 200, "{repeated}: {body}");
    }
    let method = "X".repeat(3_000);
    let request =
        format!("{method} /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let answer = rest(send(&server, request.as_bytes()).await).await;
    assert!(
        problem(&answer, 405).matches('X').count() <= 200,
        "{answer}"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn silent_connections_are_closed_for_others() {
    let settings = [("TICKBOOK__SERVER__MAX_CONNECTIONS", "8")];
    let server = Server::with_symbols(&settings, 1).await;
    let first = send(&server, b"").await;
    let half = send(&server, b"GET /health/live HTTP/1.1\r\nHost:").await;
    let mut more = Vec::new();
    for _ in 0..30 {
        more.push(send(&server, b"").await);
        assert_eq!(server.get("/health/live").await["status"], "live");
    }
    // the oldest connections have waited the longest
    assert_eq!(rest(first).await, "");
    assert_eq!(rest(half).await, "");
    let metrics = server.get_text("/metrics").await;
    assert!(metrics.contains("http_connections_closed_total{reason=\"others_wait\"}"));
    drop(more);
    assert!(server.stop().await);
}

#[tokio::test]
async fn active_connections_leave_places_for_health() {
    let settings = [("TICKBOOK__SERVER__MAX_CONNECTIONS", "8")];
    let server = Server::with_symbols(&settings, 1).await;
    let (_, head) = posting("[]", "");
    let mut at_work = Vec::new();
    for _ in 0..8 {
        let mut stream = send(
            &server,
            head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
                .as_bytes(),
        )
        .await;
        let mut go_on = [0; 25];
        stream
            .read_exact(&mut go_on)
            .await
            .expect("the request is active");
        at_work.push(stream);
    }
    let detail = problem(&get(&server, "/api/v1/symbols", "").await, 503);
    assert!(detail.contains("connections"), "{detail}");
    assert_eq!(server.get("/health/live").await["status"], "live");
    let (status, _) = server.get_any("/health/ready").await;
    assert_eq!(status, 200);
    // active requests are still answered
    for mut stream in at_work {
        stream.write_all(b"[]").await.expect("sent");
        assert_eq!(parts(&rest(stream).await).0, 200);
    }
    eventually("the server accepts requests again", async || {
        parts(&get(&server, "/api/v1/symbols", "").await).0 == 200
    })
    .await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn clients_that_are_too_slow_are_closed() {
    let settings = [
        ("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "300"),
        ("TICKBOOK__SERVER__IDLE_TIMEOUT_MS", "300"),
        ("TICKBOOK__SERVER__BODY_TIMEOUT_MS", "300"),
    ];
    let server = Server::with_symbols(&settings, 1).await;
    let silent = send(&server, b"").await;
    let head = send(&server, b"GET /health/live HTTP/1.1\r\nHost:").await;
    let alive = send(&server, b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let (whole, _) = posting(&ticks(10, 0), "");
    let body = send(&server, &whole.as_bytes()[..whole.len() - 1]).await;
    assert_eq!(rest(silent).await, "");
    assert_eq!(rest(head).await, "");
    assert_eq!(parts(&rest(alive).await).0, 200);
    problem(&rest(body).await, 408);
    assert!(server.stop().await);
}

#[tokio::test]
async fn stop_does_not_wait_for_unfinished_requests() {
    let server = Server::with_symbols(&[], 1).await;
    let head = send(&server, b"GET /health/live HTTP/1.1\r\nHost:").await;
    let (whole, _) = posting(&ticks(10, 0), "");
    let body = send(&server, &whole.as_bytes()[..whole.len() - 1]).await;
    let more = send(&server, &whole.as_bytes()[..20]).await;
    // all connections have reached the server
    eventually("they are open", async || {
        let metrics = server.get_text("/metrics").await;
        let open = metrics
            .lines()
            .find_map(|line| line.strip_prefix("http_connections "));
        open.is_some_and(|open| open.parse::<f64>().is_ok_and(|open| open >= 4.0))
    })
    .await;
    server.stop.cancel();
    assert_eq!(rest(head).await, "");
    assert_eq!(rest(more).await, "");
    // well before active requests are aborted
    let detail = problem(&rest(body).await, 503);
    assert!(detail.contains("stops"), "{detail}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn unfinished_bodies_leave_memory_to_others() {
    let settings = [("TICKBOOK__SERVER__BUFFER_BYTES", "8388608")];
    let server = Server::with_symbols(&settings, 1).await;
    let (large, _) = posting(&ticks(10, 4_000_000), "");
    let mut unfinished = JoinSet::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        let bytes = large.as_bytes()[..large.len() - 1].to_vec();
        unfinished.spawn(async move {
            // the server stops reading when no memory is available
            let _ = stream.write_all(&bytes).await;
            rest(stream).await
        });
    }
    // it needs more than remains beside the two bodies that fill the memory
    let (other, _) = posting(&ticks(20, 2_000_000), "");
    eventually("another one is stored", async || {
        let answer = rest(send(&server, other.as_bytes()).await).await;
        let (status, body) = parts(&answer);
        assert!(status == 200 || status == 503, "{body}");
        status == 200
    })
    .await;
    // two bodies fit at the same time
    for _ in 0..4 {
        let answer = unfinished.join_next().await.expect("four of six");
        let answer = answer.expect("no panic");
        // aborted, or answered and then aborted
        assert!(
            answer.is_empty() || problem(&answer, 503).contains("memory"),
            "{answer}"
        );
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn unread_answers_leave_memory_to_others() {
    let settings = [
        ("TICKBOOK__SERVER__BUFFER_BYTES", "8388608"),
        // nothing else closes the connections
        ("TICKBOOK__SERVER__WRITE_TIMEOUT_MS", "600000"),
    ];
    let server = Server::with_small_buffers(&settings).await;
    let stored = server
        .post(&serde_json::from_str(&ticks(10_000, 0)).expect("JSON"))
        .await;
    assert_eq!(stored["inserted"], 10_000);
    let request = "GET /api/v1/ticks/1?limit=10000 HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut unread = Vec::new();
    for _ in 0..10 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(2_048).expect("a small buffer");
        let mut stream = socket.connect(server.address).await.expect("it listens");
        // pipelined
        stream
            .write_all(request.repeat(3).as_bytes())
            .await
            .expect("sent");
        unread.push(stream);
    }
    eventually("a client that reads gets its page", async || {
        let (status, page) = server.get_any("/api/v1/ticks/1?limit=10000").await;
        status == 200
            && page["data"]
                .as_array()
                .is_some_and(|data| data.len() == 10_000)
    })
    .await;
    drop(unread);
    assert!(server.stop().await);
}

#[tokio::test]
async fn pipelined_requests_are_all_answered() {
    let server = Server::with_symbols(&[], 1).await;
    let one = "GET /api/v1/symbols/1 HTTP/1.1\r\nHost: test\r\n\r\n";
    let last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let many = format!("{}{last}", one.repeat(200));
    let answers = rest(send(&server, many.as_bytes()).await).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 201);
    assert!(server.stop().await);
}
