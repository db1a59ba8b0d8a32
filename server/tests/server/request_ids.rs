//! Tests of the ids of requests.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::binary::Program;
use crate::support::{Answer, Mocks, send};

const HEADER: &str = "x-request-id";

async fn get_with(path: &str, id: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(id) = id {
        request = request.header(HEADER, id);
    }
    let request = request.body(Body::empty()).expect("a request");
    send(&Mocks::with_symbols().app(), request).await
}

#[tokio::test]
async fn given_request_id_is_echoed() {
    for path in ["/health/live", "/no/such/path", "/api/v1/ticks/1?limit=0"] {
        let answer = get_with(path, Some("order-17")).await;
        assert_eq!(answer.header(HEADER), "order-17", "{path}");
        if answer.status != 200 {
            let status = answer.status.as_u16();
            answer.problem(status);
            assert_eq!(answer.json()["request_id"], "order-17", "{path}");
        }
    }
}

#[tokio::test]
async fn requests_without_a_valid_id_get_one() {
    let mut seen = Vec::new();
    for id in [None, Some("two words"), Some(""), Some(&*"x".repeat(65))] {
        let answer = get_with("/api/v1/ticks/1?limit=0", id).await;
        answer.problem(400);
        let made = answer.header(HEADER).to_owned();
        assert_eq!(answer.json()["request_id"], *made);
        assert!(made.len() == 32 && !seen.contains(&made), "{made}");
        seen.push(made);
    }
}

#[test]
fn log_lines_of_a_request_have_its_id() {
    let program = Program::start(&["--store", "memory", "--feed", "simulated"], &[]);
    let url = format!("http://{}/api/v1/symbols/1", program.address());
    let change = json!({"description": "changed"});
    let changed = ureq::patch(url)
        .header(HEADER, "change-1")
        .send_json(change);
    let changed = changed.expect("an answer");
    assert_eq!(changed.headers()[HEADER], "change-1");
    let (_, log) = program.stop("TERM");
    let line = log
        .lines()
        .find(|line| line.contains("a symbol was changed"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("request{id=change-1}"), "{line}");
}
