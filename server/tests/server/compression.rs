//! Tests of compressed answers and bodies.

use std::io::{Read as _, Write as _};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Answer, app, post, send, with_symbols};

const PATH: &str = "/api/v1/ticks";

fn ticks(count: i64) -> String {
    let tick = |sequence| {
        json!({
            "symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "sequence": sequence,
            "bid_price": "1.38676", "ask_price": "1.38682"
        })
    };
    json!((0..count).map(tick).collect::<Vec<_>>()).to_string()
}

async fn stored(count: i64) -> Router {
    let app = app(with_symbols().await, Vec::new());
    let receipt = post(&app, PATH, ticks(count)).await;
    assert_eq!(receipt.json()["inserted"], count);
    app
}

/// The headers and the bytes of the answer to a request that accepts these codings.
async fn get_coded(app: &Router, path: &str, accept: &str) -> (HeaderMap, Vec<u8>) {
    let request = Request::get(path).header(header::ACCEPT_ENCODING, accept);
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 200);
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    (parts.headers, bytes.to_vec())
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).expect("memory")
}

/// A frame that does not state the size of its content.
fn zstd_of_unknown_size(plain: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(plain, 3).expect("memory")
}

fn unpack(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip"),
        _ => zstd::Decoder::new(bytes)
            .and_then(|mut decoder| decoder.read_to_end(&mut plain))
            .expect("zstd"),
    };
    plain
}

#[tokio::test]
async fn answers_are_compressed_as_accepted() {
    let app = stored(10_000).await;
    let path = format!("{PATH}/1?limit=10000");
    let (headers, plain) = get_coded(&app, &path, "identity").await;
    assert!(!headers.contains_key(header::CONTENT_ENCODING));
    let plain_tag = headers[header::ETAG].clone();
    assert!(plain.len() > 1_000_000, "{}", plain.len());
    let mut tags = vec![plain_tag];
    for (accept, coding) in [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
    ] {
        let (headers, bytes) = get_coded(&app, &path, accept).await;
        assert_eq!(headers[header::CONTENT_ENCODING], coding, "{accept}");
        assert!(bytes.len() * 15 < plain.len(), "{coding}: {}", bytes.len());
        assert!(unpack(coding, &bytes) == plain, "{coding}");
        let vary: Vec<_> = headers.get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["accept", "accept-encoding"]);
        tags.push(headers[header::ETAG].clone());
    }
    assert_eq!(tags[1], tags[3]);
    tags.pop();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "{tags:?}");
}

#[tokio::test]
async fn small_and_unaccepted_answers_stay_plain() {
    let app = stored(100).await;
    for (path, accept) in [("/health/live", "gzip"), (PATH, "br"), (PATH, "gzip;q=0")] {
        let path = if path == PATH {
            "/api/v1/ticks/1"
        } else {
            path
        };
        let (headers, bytes) = get_coded(&app, path, accept).await;
        assert!(!headers.contains_key(header::CONTENT_ENCODING), "{path}");
        let vary = headers.get_all(header::VARY).iter();
        assert!(vary.into_iter().any(|vary| vary == "accept-encoding"));
        serde_json::from_slice::<Value>(&bytes).expect("JSON");
    }
    let (headers, bytes) = get_coded(&app, "/openapi.json", "gzip").await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    serde_json::from_slice::<Value>(&unpack("gzip", &bytes)).expect("JSON");
}

async fn post_coded(app: &Router, coding: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(PATH)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_ENCODING, coding);
    send(app, request.body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn compressed_bodies_are_stored() {
    let app = app(with_symbols().await, Vec::new());
    let plain = ticks(5_000);
    let bodies = [
        ("gzip", gzip(plain.as_bytes())),
        ("X-GZIP", gzip(plain.as_bytes())),
        ("zstd", zstd(plain.as_bytes())),
        ("zstd", zstd_of_unknown_size(plain.as_bytes())),
        ("identity", plain.into_bytes()),
    ];
    for (index, (coding, body)) in bodies.into_iter().enumerate() {
        let receipt = post_coded(&app, coding, body).await;
        assert_eq!(receipt.status, 200, "{coding}: {}", receipt.text);
        let receipt = receipt.json();
        let counts = [&receipt["inserted"], &receipt["duplicates"]];
        let expected = if index == 0 { [5_000, 0] } else { [0, 5_000] };
        assert_eq!(
            counts,
            expected.map(|count| json!(count)).each_ref(),
            "{coding}"
        );
    }
}

#[tokio::test]
async fn limit_counts_decompressed_bytes() {
    let app = app(with_symbols().await, Vec::new());
    let limit = 4 << 20;
    let blank = |bytes: usize| format!("[{}]", " ".repeat(bytes - 2)).into_bytes();
    for (coding, compress) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("zstd", zstd),
        ("zstd", zstd_of_unknown_size),
    ] {
        let largest = post_coded(&app, coding, compress(&blank(limit))).await;
        assert_eq!(largest.status, 200, "{coding}: {}", largest.text);
        for bytes in [limit + 1, 32 << 20] {
            let bomb = compress(&blank(bytes));
            assert!(bomb.len() < 1 << 20, "{}", bomb.len());
            let detail = post_coded(&app, coding, bomb).await.problem(413);
            assert!(detail.contains("4194304 bytes"), "{detail}");
        }
    }
}

#[tokio::test]
async fn damaged_bodies_and_other_codings_are_refused() {
    let app = app(with_symbols().await, Vec::new());
    let (packed, frame) = (gzip(b"[]"), zstd(b"[]"));
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 3].to_vec();
    for (coding, body) in [
        ("gzip", b"[]".to_vec()),
        ("gzip", Vec::new()),
        ("gzip", cut(&packed)),
        ("gzip", [&packed[..], &packed[..]].concat()),
        ("zstd", b"[]".to_vec()),
        ("zstd", cut(&frame)),
        ("zstd", [&frame[..], b"x"].concat()),
        ("zstd", packed.clone()),
    ] {
        let detail = post_coded(&app, coding, body).await.problem(400);
        assert!(detail.contains(&format!("not valid {coding}")), "{detail}");
    }
    for coding in ["br", "deflate", "gzip, zstd", ""] {
        let detail = post_coded(&app, coding, packed.clone()).await.problem(415);
        assert!(detail.contains("gzip or zstd"), "{detail}");
    }
}
