//! Tests of requests that pages in browsers send: origins, preflight requests, hosts, and header fields.

use tickbook_access::Scope;

use crate::access::{Asked, Tokens, ask};
use crate::whole_server::Server;

const ORIGINS: (&str, &str) = ("TICKBOOK__ACCESS__ORIGINS", "https://app.example");

const SYMBOLS: &str = "GET /api/v1/symbols";

/// Header fields of a page of `origin`.
fn page(origin: &str) -> String {
    format!("Host: localhost\r\nOrigin: {origin}\r\n")
}

fn preflight(origin: &str) -> String {
    let wanted = "Access-Control-Request-Method: POST\r\n\
                  Access-Control-Request-Headers: authorization,content-type\r\n";
    format!("{}{wanted}", page(origin))
}

#[tokio::test]
async fn page_of_an_allowed_origin_may_read_answers() {
    let tokens = Tokens::new();
    let token = tokens.add("page", Scope::Write);
    let server = tokens.server(&[ORIGINS]).await;
    let fields = format!(
        "{}Authorization: Bearer {token}\r\n",
        page("https://app.example")
    );
    let asked = ask(server.address, SYMBOLS, &fields, "").await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let origin = |asked: &Asked| {
        let field = asked.field("access-control-allow-origin");
        field.map(str::to_owned)
    };
    assert_eq!(origin(&asked).as_deref(), Some("https://app.example"));
    assert!(asked.head.contains("vary: Origin"), "{asked:?}");
    assert!(
        asked
            .field("access-control-expose-headers")
            .expect("a field")
            .contains("ETag")
    );
    assert_eq!(asked.field("access-control-allow-credentials"), None);
    let asked = ask(server.address, "POST /api/v1/ticks", &fields, "[]").await;
    assert_eq!((asked.status, origin(&asked).is_some()), (200, true));
    // the page can also read a refusal
    let asked = ask(server.address, SYMBOLS, &page("https://app.example"), "").await;
    assert_eq!((asked.status, origin(&asked).is_some()), (401, true));

    let foreign = fields.replace("app.example", "evil.example");
    let asked = ask(server.address, SYMBOLS, &foreign, "").await;
    assert_eq!((asked.status, origin(&asked)), (200, None));
    assert!(asked.head.contains("vary: Origin"), "{asked:?}");
    let asked = ask(server.address, "POST /api/v1/ticks", &foreign, "[]").await;
    assert_eq!(asked.problem(403), "foreign-origin");
    assert_eq!(origin(&asked), None);
    assert!(server.stop().await);
}

#[tokio::test]
async fn preflight_request_needs_no_token() {
    let tokens = Tokens::new();
    let server = tokens.server(&[ORIGINS]).await;
    let line = "OPTIONS /api/v1/ticks";
    let asked = ask(server.address, line, &preflight("https://app.example"), "").await;
    assert_eq!((asked.status, asked.body.as_str()), (204, ""), "{asked:?}");
    let field = |name: &str| asked.field(name).expect("a field").to_lowercase();
    assert_eq!(field("access-control-allow-origin"), "https://app.example");
    assert!(field("access-control-allow-methods").contains("post"));
    let allowed = field("access-control-allow-headers");
    assert!(allowed.contains("authorization") && allowed.contains("content-type"));
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
    ] {
        let asked = ask(server.address, line, &preflight(origin), "").await;
        assert_eq!(asked.problem(403), "foreign-origin");
        assert_eq!(asked.field("access-control-allow-origin"), None);
    }
    // not a preflight request
    let asked = ask(server.address, line, &page("https://app.example"), "").await;
    assert_eq!(asked.status, 401);
    assert!(server.stop().await);
}

#[tokio::test]
async fn page_of_this_server_may_write() {
    let server = Server::with_symbols(&[], 1).await;
    let port = server.address.port();
    for (host, origin, status) in [
        ("127.0.0.1", "http://127.0.0.1", 200),
        ("localhost", "http://localhost", 200),
        ("127.0.0.1", "http://localhost", 403),
    ] {
        let fields = format!("Host: {host}:{port}\r\nOrigin: {origin}:{port}\r\n");
        let asked = ask(server.address, "POST /api/v1/ticks", &fields, "[]").await;
        assert_eq!(asked.status, status, "{fields}");
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn other_hosts_are_refused_on_loopback() {
    let server = Server::with_symbols(&[("TICKBOOK__ACCESS__HOSTS", "Quotes.example")], 1).await;
    for host in [
        "localhost",
        "127.0.0.1:3000",
        "[::1]:3000",
        "quotes.example:80",
    ] {
        let asked = ask(server.address, SYMBOLS, &format!("Host: {host}\r\n"), "").await;
        assert_eq!(asked.status, 200, "{host}: {asked:?}");
    }
    for path in ["/api/v1/symbols", "/health/live", "/metrics", "/nowhere"] {
        for host in ["evil.example", "evil.example:3000", "192.0.2.1"] {
            let line = format!("GET {path}");
            let asked = ask(server.address, &line, &format!("Host: {host}\r\n"), "").await;
            assert_eq!(asked.problem(421), "other-host");
        }
    }
    for fields in [
        "",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: user@localhost\r\n",
    ] {
        let asked = ask(server.address, SYMBOLS, fields, "").await;
        assert_eq!(asked.problem(400), "invalid-request", "{fields}");
    }
    let absolute = "GET http://evil.example/api/v1/symbols";
    let asked = ask(server.address, absolute, "Host: localhost\r\n", "").await;
    assert_eq!(asked.problem(421), "other-host");
    assert!(server.stop().await);
}

#[tokio::test]
async fn every_answer_has_the_security_fields() {
    let server = Server::with_symbols(&[], 1).await;
    let long = "x".repeat(300_000);
    for (line, fields, status) in [
        (SYMBOLS, "Host: localhost\r\n", 200),
        ("GET /metrics", "Host: localhost\r\n", 200),
        ("GET /nowhere", "Host: localhost\r\n", 404),
        (SYMBOLS, "Host: evil.example\r\n", 421),
        // answers of the library for HTTP
        (SYMBOLS, &format!("Host: localhost\r\nX: {long}\r\n"), 431),
        (SYMBOLS, "Host: localhost\r\n: x\r\n", 400),
    ] {
        let asked = ask(server.address, line, fields, "").await;
        assert_eq!(asked.status, status, "{line}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(asked.field(name), Some(value), "{line} {status}");
        }
        // only over TLS
        assert_eq!(asked.field("strict-transport-security"), None);
    }
    assert!(server.stop().await);
}
