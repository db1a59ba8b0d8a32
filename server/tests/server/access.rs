//! Tests of tokens over REST: valid, invalid and expired ones, scopes, changes of the file, and rates.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use chrono::TimeDelta;
use serde_json::Value;
use tickbook_access::{Scope, Token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::whole_server::{Server, eventually};

pub(crate) use crate::access_tokens::{SetClock, TOKENS_FILE, Tokens, noon};

/// A response as it was sent.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// The value of a header field; its name is in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(field, _)| *field == name);
        values.next().map(|(_, value)| value)
    }

    /// The type of a problem with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        let problem: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(problem["status"], status);
        let kind = problem["type"].as_str().expect("a text");
        kind.trim_start_matches("urn:tickbook:").to_owned()
    }
}

/// Sends a request; `fields` end with a line break.
pub(crate) async fn ask(address: SocketAddr, line: &str, fields: &str, body: &str) -> Asked {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    Asked {
        status: status.parse().expect("a number"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// The header fields of a client with a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n")
}

const NO_TOKEN: &str = "Host: localhost\r\n";

const SYMBOLS: &str = "GET /api/v1/symbols";

const TICK: &str = r#"[{"symbol_id":1,"tick_time":"2014-05-01T00:00:00Z","bid_price":"1","ask_price":"2","bid_volume":"0","ask_volume":"0"}]"#;

#[tokio::test]
async fn request_needs_a_valid_token() {
    let tokens = Tokens::new();
    let reader = tokens.add("reader", Scope::Read);
    let server = tokens.server(&[]).await;
    let found = ask(server.address, SYMBOLS, &bearer(&reader), "").await;
    assert_eq!(found.status, 200, "{found:?}");
    let lower = bearer(&reader).replace("Authorization: Bearer", "AUTHORIZATION: bearer");
    assert_eq!(ask(server.address, SYMBOLS, &lower, "").await.status, 200);

    let none = ask(server.address, SYMBOLS, NO_TOKEN, "").await;
    assert_eq!(none.problem(401), "unauthorized");
    assert_eq!(
        none.field("www-authenticate"),
        Some("Bearer realm=\"tickbook\"")
    );
    let other = Token::generate().expect("random");
    for token in [
        other.expose(),
        &format!("{reader}x"),
        &reader[..45],
        &reader[3..],
        &reader.to_lowercase(),
        "",
        "x",
        "é",
        &"x".repeat(12_000),
    ] {
        let refused = ask(server.address, SYMBOLS, &bearer(token), "").await;
        assert_eq!(refused.problem(401), "unauthorized");
        let challenge = refused.field("www-authenticate");
        assert_eq!(
            challenge,
            Some("Bearer error=\"invalid_token\""),
            "{token:.60}"
        );
        assert!(
            token.len() < 9 || !refused.body.contains(token),
            "{refused:?}"
        );
    }
    let twice = format!("{}Authorization: Bearer {reader}\r\n", bearer(&reader));
    let twice = ask(server.address, SYMBOLS, &twice, "").await;
    assert_eq!(twice.problem(400), "invalid-request");
    let basic = format!("{NO_TOKEN}Authorization: Basic dTpw\r\n");
    assert_eq!(ask(server.address, SYMBOLS, &basic, "").await.status, 401);
    let long = bearer(&"x".repeat(20_000));
    assert_eq!(
        ask(server.address, SYMBOLS, &long, "").await.problem(431),
        "headers-too-large"
    );
    // a token in the query is not one
    let query = format!("GET /api/v1/symbols?access_token={reader}");
    assert_eq!(ask(server.address, &query, NO_TOKEN, "").await.status, 401);
    assert!(server.stop().await);
}

#[tokio::test]
async fn health_and_page_need_no_token() {
    let tokens = Tokens::new();
    let reader = tokens.add("reader", Scope::Read);
    let server = tokens.server(&[]).await;
    for (path, without, with) in [
        ("/health/live", 200, 200),
        ("/health/ready", 200, 200),
        ("/", 200, 200),
        ("/page/js/main.js", 200, 200),
        ("/page/no-such-file", 404, 404),
        ("/metrics", 401, 200),
        ("/openapi.json", 401, 200),
        ("/no/such/path", 401, 404),
    ] {
        let line = format!("GET {path}");
        let status = ask(server.address, &line, NO_TOKEN, "").await.status;
        assert_eq!(status, without, "{path}");
        let status = ask(server.address, &line, &bearer(&reader), "")
            .await
            .status;
        assert_eq!(status, with, "{path}");
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn scope_decides_what_a_token_may_do() {
    let tokens = Tokens::new();
    let all = [Scope::Read, Scope::Write, Scope::Admin];
    let all = all.map(|scope| tokens.add(scope.as_str(), scope));
    let server = tokens.server(&[]).await;
    let change = r#"{"description":"x"}"#;
    let alias = "DELETE /api/v1/symbols/1/aliases?feed=a&key=b";
    let range = "from=2014-05-01T00:00:00Z&to=2014-05-02T00:00:00Z";
    let delete = format!("DELETE /api/v1/trades/1?{range}");
    for (line, body, needed, statuses) in [
        (SYMBOLS, "", "read", [200, 200, 200]),
        ("HEAD /api/v1/symbols", "", "read", [200, 200, 200]),
        ("POST /api/v1/ticks", TICK, "write", [403, 200, 200]),
        ("POST /api/v1/trades", "[]", "write", [403, 200, 200]),
        ("PATCH /api/v1/symbols/1", change, "admin", [403, 403, 200]),
        (alias, "", "admin", [403, 403, 404]),
        (&delete, "", "admin", [403, 403, 200]),
        (
            "POST /api/v1/trades/corrections",
            "[]",
            "admin",
            [403, 403, 200],
        ),
        (
            "PATCH /api/v1/exchanges/oanda",
            change,
            "admin",
            [403, 403, 200],
        ),
        ("PUT /api/v1/symbols/1", "", "admin", [403, 403, 405]),
        ("BREW /api/v1/symbols/1", "", "admin", [403, 403, 405]),
    ] {
        for (token, status) in all.iter().zip(statuses) {
            let asked = ask(server.address, line, &bearer(token), body).await;
            assert_eq!(asked.status, status, "{line}: {asked:?}");
            if status == 403 {
                assert_eq!(asked.problem(403), "insufficient-scope");
                let challenge = asked.field("www-authenticate").expect("a challenge");
                let expected = format!("error=\"insufficient_scope\", scope=\"{needed}\"");
                assert!(challenge.ends_with(&expected), "{line}: {challenge}");
            }
        }
    }
    let page = server
        .repositories
        .symbols
        .get(tickbook::domain::SymbolId::new(1))
        .await;
    assert_eq!(page.expect("memory").expect("stored").description, "x");
    assert!(server.stop().await);
}

#[tokio::test]
async fn expired_token_is_refused() {
    let tokens = Tokens::new();
    let clock = SetClock::new();
    let end = noon() + TimeDelta::hours(1);
    let token = tokens.add_with("brief", Scope::Read, |it| it.expires_at(end));
    let settings = [(TOKENS_FILE, tokens.path())];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let server = Server::start_at(&settings, &clock.clock()).await;
    clock.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    let asked = ask(server.address, SYMBOLS, &bearer(&token), "").await;
    assert_eq!(asked.status, 200, "{asked:?}");
    clock.advance(TimeDelta::microseconds(1));
    let asked = ask(server.address, SYMBOLS, &bearer(&token), "").await;
    assert_eq!(asked.problem(401), "unauthorized");
    assert!(asked.body.contains("has expired"), "{asked:?}");
    let challenge = asked.field("www-authenticate");
    assert_eq!(challenge, Some("Bearer error=\"invalid_token\""));
    assert!(server.stop().await);
}

#[tokio::test]
async fn changed_file_counts_without_a_restart() {
    let tokens = Tokens::new();
    let server = tokens.server(&[]).await;
    let token = tokens.add("later", Scope::Read);
    let is = async |status: u16| {
        ask(server.address, SYMBOLS, &bearer(&token), "")
            .await
            .status
            == status
    };
    eventually("the added token is valid", async || is(200).await).await;
    // a file that others can read changes nothing
    let mode = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(tokens.path(), permissions).expect("changed");
    };
    let failures = async || {
        let metrics = ask(server.address, "GET /metrics", &bearer(&token), "")
            .await
            .body;
        let line = metrics
            .lines()
            .find_map(|it| it.strip_prefix("access_reload_failures_total "));
        line.expect("a counter").parse::<u64>().expect("a number")
    };
    let before = failures().await;
    fs::write(tokens.path(), "damaged\n").expect("written");
    eventually("the damage is counted", async || failures().await > before).await;
    assert!(is(200).await, "the last tokens stay valid");
    fs::write(tokens.path(), "").expect("written");
    mode(0o644);
    eventually("the permissions are counted", async || {
        failures().await > before + 1
    })
    .await;
    assert!(is(200).await, "the last tokens stay valid");
    mode(0o600);
    fs::remove_file(tokens.path()).expect("removed");
    let other = tokens.add("other", Scope::Read);
    eventually("the token is revoked", async || is(401).await).await;
    let asked = ask(server.address, SYMBOLS, &bearer(&other), "").await;
    assert_eq!(asked.status, 200);
    tokens.file().revoke("other").expect("revoked");
    eventually("the other token is revoked", async || {
        ask(server.address, SYMBOLS, &bearer(&other), "")
            .await
            .status
            == 401
    })
    .await;
    assert!(server.stop().await);
}

#[tokio::test]
async fn rate_is_of_the_token() {
    let tokens = Tokens::new();
    let clock = SetClock::new();
    let limited = tokens.add_with("limited", Scope::Read, |it| it.requests_per_second(2));
    let usual = tokens.add("usual", Scope::Read);
    let path = tokens.path();
    let settings = [
        (TOKENS_FILE, path.as_str()),
        ("TICKBOOK__ACCESS__REQUESTS_PER_SECOND", "3"),
        ("TICKBOOK__ACCESS__ANONYMOUS_REQUESTS_PER_SECOND", "1"),
    ];
    let server = Server::start_at(&settings, &clock.clock()).await;
    let statuses = async |fields: &str, count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let asked = ask(server.address, SYMBOLS, fields, "").await;
            if asked.status == 429 {
                assert_eq!(asked.problem(429), "too-many-requests");
                assert_eq!(asked.field("retry-after"), Some("1"));
            }
            statuses.push(asked.status);
        }
        statuses
    };
    assert_eq!(statuses(&bearer(&limited), 3).await, [200, 200, 429]);
    assert_eq!(statuses(&bearer(&usual), 4).await, [200, 200, 200, 429]);
    assert_eq!(statuses(NO_TOKEN, 2).await, [401, 429]);
    clock.advance(TimeDelta::milliseconds(500));
    assert_eq!(statuses(&bearer(&limited), 2).await, [200, 429]);
    assert_eq!(statuses(NO_TOKEN, 1).await, [429]);
    let live = ask(server.address, "GET /health/live", NO_TOKEN, "").await;
    assert_eq!(live.status, 200);
    clock.advance(TimeDelta::milliseconds(500));
    assert_eq!(statuses(&bearer("x"), 2).await, [401, 429]);
    assert!(server.stop().await);
}

#[tokio::test]
async fn server_without_tokens_ignores_them() {
    let server = Server::with_symbols(&[], 1).await;
    for fields in [NO_TOKEN, &bearer("anything")] {
        let asked = ask(server.address, "POST /api/v1/ticks", fields, TICK).await;
        assert_eq!(asked.status, 200, "{asked:?}");
    }
    assert!(server.stop().await);
}
