//! Tests of TLS: whole servers with certificates that are made for the test.

use chrono::TimeDelta;
use futures_util::{SinkExt as _, StreamExt as _};
use orderbook_server::tls::{CertificateState, InvalidCertificate, ServerTls};
use serde_json::{Value, json};
use tickbook::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::binary::{Program, fails};
use crate::certificates::{BOTH, Pair, connect, end, made};
use crate::whole_server::{DEADLINE, eventually};

const HTTP1: &[u8] = b"http/1.1";

/// Status and body of a GET.
async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = timeout(DEADLINE, reading).await.expect("in time");
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

/// Everything that the server sends until it closes the connection.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // a reset also counts as closed
    let reading = stream.read_to_end(&mut bytes);
    let _ = timeout(DEADLINE, reading).await.expect("it is closed");
    bytes
}

#[tokio::test]
async fn requests_are_answered_over_both_versions() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    for version in BOTH {
        let connected = connect(server.address, &pair.certificate(), HTTP1, &[version]).await;
        let mut stream = connected.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(HTTP1));
        let (status, body) = get(&mut stream, "/health/live").await;
        assert_eq!((status, body.as_str()), (200, r#"{"status":"live"}"#));
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn errors_of_the_head_have_bodies_over_tls() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut stream = pair.connect(server.address, HTTP1).await.expect("TLS");
    stream.write_all(b"\0\0\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("urn:tickbook:invalid-request"), "{answer}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn plain_http_gets_a_clear_answer() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    let answer = String::from_utf8(rest(stream).await).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("accepts only TLS"), "{answer}");
    assert!(server.stop().await);
}

/// A `ClientHello` of TLS 1.1, with one cipher suite and no extensions.
fn hello_of_tls11() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let mut message = vec![1, 0, 0, u8::try_from(body.len()).expect("short")];
    message.extend(body);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).expect("short")];
    record.extend(message);
    record
}

#[tokio::test]
async fn old_and_malformed_handshakes_are_refused() {
    let pair = Pair::new();
    // no timeout ends the connections
    let settings = [("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "600000")];
    let server = pair.serve(&settings).await;
    let failed = async || {
        let mut stream = pair.connect(server.address, HTTP1).await.expect("TLS");
        let (_, metrics) = get(&mut stream, "/metrics").await;
        let line = "tls_handshakes_total{outcome=\"failed\"} ";
        let count = metrics.lines().find_map(|found| found.strip_prefix(line));
        count
            .expect("it is counted")
            .parse::<u64>()
            .expect("a number")
    };
    let before = failed().await;
    let mut garbage = vec![22, 3, 1, 0, 100];
    garbage.extend([0xff; 100]);
    let mut oversized = vec![22, 3, 1, 0xff, 0xff];
    oversized.extend([0; 70_000]);
    for (what, bytes, is_old) in [
        ("TLS 1.1", hello_of_tls11(), true),
        ("garbage", garbage, false),
        ("an oversized record", oversized, false),
    ] {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        // the server may already have refused the rest
        let _ = stream.write_all(&bytes).await;
        let answer = rest(stream).await;
        if is_old {
            // a fatal alert: handshake_failure or protocol_version
            assert_eq!(answer[..1], [21], "{what}: {answer:?}");
            assert!(matches!(answer[5..], [2, 40 | 70]), "{what}: {answer:?}");
        }
        assert!(!answer.starts_with(b"HTTP"), "{what}");
    }
    assert!(failed().await >= before + 3);
    assert!(server.stop().await);
}

#[tokio::test]
async fn unfinished_handshake_ends_at_the_header_timeout() {
    let pair = Pair::new();
    let settings = [("TICKBOOK__SERVER__HEADER_TIMEOUT_MS", "2000")];
    let server = pair.serve(&settings).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    stream
        .write_all(&hello_of_tls11()[..20])
        .await
        .expect("sent");
    assert_eq!(rest(stream).await, b"");
    // the same time counts for the first head after the handshake
    let mut stream = pair.connect(server.address, HTTP1).await.expect("TLS");
    stream.write_all(b"GET /hea").await.expect("sent");
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = timeout(DEADLINE, reading).await.expect("it is closed");
    assert!(server.stop().await);
}

#[tokio::test]
async fn websocket_works_over_tls() {
    let pair = Pair::new();
    let server = pair.serve(&[]).await;
    let stream = pair.connect(server.address, HTTP1).await.expect("TLS");
    let url = "wss://localhost/ws";
    let upgraded = tokio_tungstenite::client_async(url, stream).await;
    let (mut socket, answer) = upgraded.expect("a WebSocket");
    assert_eq!(answer.status(), 101);
    let request = json!({"op": "subscribe", "channel": "ticks", "symbols": ["oanda:S1"]});
    let request = Message::text(request.to_string());
    socket.send(request).await.expect("sent");
    let answer = timeout(DEADLINE, socket.next()).await.expect("in time");
    let answer = answer.expect("open").expect("a message");
    let answer: Value = serde_json::from_str(answer.to_text().expect("text")).expect("JSON");
    assert_eq!(answer["type"], "subscribed", "{answer}");
    drop(socket);
    assert!(server.stop().await);
}

#[tokio::test]
async fn renewed_certificate_is_used_and_a_bad_one_is_not() {
    let pair = Pair::new();
    let settings = [("TICKBOOK__SERVER__TLS__CHECK_EVERY_MS", "20")];
    let server = pair.serve(&settings).await;
    let mut old = pair.connect(server.address, HTTP1).await.expect("TLS");
    pair.renew();
    eventually("the renewed certificate is in use", async || {
        pair.connect(server.address, HTTP1).await.is_ok()
    })
    .await;
    // a connection with the certificate before goes on
    assert_eq!(get(&mut old, "/health/live").await.0, 200);

    let kept = Pair::new();
    std::fs::copy(pair.certificate(), kept.certificate()).expect("copied");
    let certificate_of_another_key = made().0;
    pair.write("certificate.pem", &certificate_of_another_key, 0o644);
    let health = async || {
        let mut stream = kept
            .connect(server.address, HTTP1)
            .await
            .expect("the one before");
        let (status, body) = get(&mut stream, "/health/ready").await;
        assert_eq!(status, 200);
        serde_json::from_str::<Value>(&body).expect("JSON")
    };
    eventually("the health names the bad pair", async || {
        let health = health().await;
        health["certificate"]["problem"].as_str().is_some()
    })
    .await;
    let health = health().await;
    assert_eq!(health["status"], "degraded", "{health}");
    let fault = &health["faults"][0];
    assert_eq!(fault["part"], "certificate", "{health}");
    let problem = fault["problem"].as_str().expect("a text");
    assert!(problem.contains("does not fit"), "{problem}");
    pair.renew();
    eventually("the next pair is in use", async || {
        pair.connect(server.address, HTTP1).await.is_ok()
    })
    .await;
    assert!(server.stop().await);
}

#[test]
fn invalid_pairs_are_refused_by_name() {
    let pair = Pair::new();
    let refused = || ServerTls::load(pair.config(), Clock::system()).expect_err("invalid");
    let key = std::fs::read_to_string(pair.key()).expect("read");
    pair.write("key.pem", &key, 0o644);
    let error = refused();
    assert!(
        matches!(error, InvalidCertificate::PublicKeyFile { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("chmod o="), "{error}");
    pair.write("key.pem", "-----BEGIN NOTHING-----", 0o600);
    assert!(matches!(refused(), InvalidCertificate::NoKey { .. }));
    pair.write("key.pem", &made().1, 0o600);
    assert!(matches!(refused(), InvalidCertificate::Mismatch { .. }));
    pair.write("certificate.pem", "", 0o600);
    assert!(matches!(
        refused(),
        InvalidCertificate::NoCertificate { .. }
    ));
    std::fs::remove_file(pair.certificate()).expect("removed");
    assert!(matches!(refused(), InvalidCertificate::Unreadable { .. }));
    let long = "x".repeat((1 << 20) + 1);
    pair.write("certificate.pem", &long, 0o600);
    assert!(refused().to_string().contains("cannot read"));
}

#[test]
fn certificate_state_follows_the_clock() {
    let pair = Pair::new();
    for (before_end, expected) in [
        (TimeDelta::days(32), CertificateState::NotYetValid),
        (TimeDelta::days(30), CertificateState::Valid),
        (TimeDelta::days(14), CertificateState::ExpiresSoon),
        (TimeDelta::zero(), CertificateState::ExpiresSoon),
        (TimeDelta::seconds(-1), CertificateState::Expired),
    ] {
        let clock = Clock::standing_at(end() - before_end);
        let tls = ServerTls::load(pair.config(), clock).expect("valid");
        let certificate = tls.certificate();
        assert_eq!(
            (certificate.state, certificate.not_after),
            (expected, end())
        );
    }
}

#[test]
fn hangup_reads_the_certificate_again() {
    let pair = Pair::new();
    let mut variables = pair.settings();
    variables.push((
        "TICKBOOK__SERVER__TLS__CHECK_EVERY_MS",
        "86400000".to_owned(),
    ));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let program = Program::start(&["--store", "memory"], &variables);
    let address = program.address().parse().expect("an address");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let is_in_use = async || pair.connect(address, HTTP1).await.is_ok();
    assert!(runtime.block_on(is_in_use()));
    let secret = "c2VjcmV0IGtleSBvZiB0aGUgdGVzdA==";
    let key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    pair.write("key.pem", &key, 0o600);
    program.signal("HUP");
    pair.renew();
    program.signal("HUP");
    runtime.block_on(eventually("the renewed certificate is in use", is_in_use));
    let (status, log) = program.stop("TERM");
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("the renewed certificate is in use"), "{log}");
    assert!(
        !log.contains(secret) && !log.contains("PRIVATE KEY"),
        "{log}"
    );
}

#[test]
fn certificate_without_a_key_is_a_clear_error() {
    let pair = Pair::new();
    let certificate = pair.certificate();
    let variables = [("TICKBOOK__SERVER__TLS__CERTIFICATE", certificate.as_str())];
    let (_, line) = fails(&["--store", "memory"], &variables);
    assert!(line.contains("needs certificate and private_key"), "{line}");
    let key = pair.path("missing.pem");
    let variables = [variables[0], ("TICKBOOK__SERVER__TLS__PRIVATE_KEY", &key)];
    let (output, line) = fails(&["--store", "memory"], &variables);
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("cannot use the certificate"), "{line}");
    assert!(line.contains("missing.pem"), "{line}");
}
