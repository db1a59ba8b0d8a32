//! Adds a body to the error responses that hyper itself sends for unreadable heads. Hyper sends only a
//! status; with the body these responses have the same form as all other errors.

use super::connection::{FIELDS, HEAD_BUFFER};
use super::request_id::RequestId;
use crate::access::SECURITY_HEADERS;
use crate::problem::Problem;

/// Upper bound of the length of a head that hyper writes itself.
const MAX_BYTES: usize = 512;

/// Finds where such a response begins, if `bytes` end with one. The handlers send no response with these
/// statuses and an empty body, and none of their bodies contains the end of a head.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    let end = bytes.strip_suffix(b"\r\n\r\n")?;
    let tail = &end[end.len().saturating_sub(MAX_BYTES)..];
    let begins = b"HTTP/1.1 4";
    let place = tail
        .windows(begins.len())
        .rposition(|some| some == begins)?;
    let head = std::str::from_utf8(&tail[place..]).ok()?;
    let is_empty = |line: &str| line.eq_ignore_ascii_case("content-length: 0");
    let is_one = problem(head).is_some() && head.split("\r\n").any(is_empty);
    is_one.then(|| end.len() - tail.len() + place)
}

/// Returns the same response with a body.
pub(super) fn with_body(answer: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(answer.strip_suffix(b"\r\n\r\n")?).ok()?;
    let id = RequestId::random();
    let body = problem(head)?.to_json(&id);
    let mut text = String::new();
    for line in head.split("\r\n") {
        let is_length = line
            .split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !is_length {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    for (name, value) in SECURITY_HEADERS {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    text.push_str("content-type: application/problem+json\r\n");
    text.push_str(&format!("x-request-id: {id}\r\n"));
    text.push_str(&format!("content-length: {length}\r\n\r\n{body}"));
    Some(text.into_bytes())
}

/// The response to a request without TLS to a server with TLS.
pub(super) fn plain_http() -> String {
    let id = RequestId::random();
    let body = Problem::needs_tls().to_json(&id);
    let length = body.len();
    let security: String = SECURITY_HEADERS
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n{security}content-type: application/problem+json\r\n\
         x-request-id: {id}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn problem(head: &str) -> Option<Problem> {
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    match status {
        "400" => Some(Problem::invalid_head()),
        "414" | "431" => Some(Problem::head_too_large(status, HEAD_BUFFER, FIELDS)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
        content-length: 0\r\ndate: Thu, 01 May 2014 00:00:00 GMT\r\n\r\n";

    #[test]
    fn answers_of_handlers_stay_as_they_are() {
        let whole = "HTTP/1.1 431 Too Large\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(find(whole.as_bytes()), None);
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
        assert_eq!(find(upgrade.as_bytes()), None);
        let empty = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(find(empty.as_bytes()), None);
        assert_eq!(find(b""), None);
    }

    #[test]
    fn bare_answer_after_another_one_is_found() {
        assert_eq!(find(BARE.as_bytes()), Some(0));
        let first = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{}",
            "x".repeat(900)
        );
        let both = format!("{first}{BARE}");
        assert_eq!(find(both.as_bytes()), Some(first.len()));
        let text = with_body(BARE.as_bytes()).expect("one of them");
        let text = String::from_utf8(text).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff\r\n"),
            "{head}"
        );
        assert!(head.contains("connection: close") && !head.contains("length: 0\r\n"));
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(problem["status"], 431);
        let id = problem["request_id"].as_str().expect("an id");
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
    }
}
