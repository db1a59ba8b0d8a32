//! Tests of the program: when it starts without tokens, and what its log has of tokens.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tickbook_access::{Scope, Token};

use crate::access::{Tokens, ask, bearer};
use crate::binary::{Program, fails, fails_on};
use crate::websocket::{Client, Next};

const MEMORY: [&str; 2] = ["--store", "memory"];

const TICKS: &str = "POST /api/v1/ticks";

#[test]
fn other_addresses_need_tokens_or_a_flag() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let (output, line) = fails_on(address, &MEMORY, &[]);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.starts_with("error: cannot listen on"), "{line}");
        for words in ["tickbook tokens add", "--tokens", "--allow-anonymous"] {
            assert!(line.contains(words), "{words}: {line}");
        }
    }
    let missing = [&MEMORY[..], &["--tokens", "no-such-file"]].concat();
    let (_, line) = fails_on("0.0.0.0:0", &missing, &[]);
    assert!(
        line.contains("there is no tokens file no-such-file"),
        "{line}"
    );
    let tokens = Tokens::new();
    let variables = [("TICKBOOK__ACCESS__TOKENS_FILE", tokens.path())];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let both = [&MEMORY[..], &["--allow-anonymous"]].concat();
    let (_, line) = fails(&both, &variables);
    assert!(line.contains("--allow-anonymous contradicts"), "{line}");
    let permissions = fs::Permissions::from_mode(0o644);
    fs::set_permissions(tokens.path(), permissions).expect("changed");
    let (_, line) = fails(&MEMORY, &variables);
    assert!(
        line.contains("mode 0644") && line.contains("chmod 600"),
        "{line}"
    );
}

#[tokio::test]
async fn other_addresses_are_served_with_tokens_or_the_flag() {
    let tokens = Tokens::new();
    let token = tokens.add("reader", Scope::Read);
    let path = tokens.path();
    let with_tokens = ["--tokens", path.as_str()];
    for (arguments, without, with) in [
        (&with_tokens[..], 401, 200),
        (&["--allow-anonymous"], 200, 200),
    ] {
        let arguments = [&MEMORY[..], arguments].concat();
        let program = Program::listening("0.0.0.0:0", &arguments, &[]);
        let port = program.address().rsplit_once(':').expect("a port").1;
        let address = format!("127.0.0.1:{port}").parse().expect("an address");
        let line = "GET /api/v1/symbols";
        // any host is right
        let asked = ask(address, line, "Host: quotes.example\r\n", "").await;
        assert_eq!(asked.status, without, "{arguments:?}");
        let asked = ask(address, line, &bearer(&token), "").await;
        assert_eq!(asked.status, with, "{arguments:?}");
        let (status, log) = program.stop("TERM");
        assert!(status.success(), "{log}");
        let warns = log.contains("every client may read, store and delete data");
        assert_eq!(warns, without == 200, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_has_each_write_with_its_token_name() {
    let tokens = Tokens::new();
    let reader = tokens.add("reader", Scope::Read);
    let writer = tokens.add("feeder@desk", Scope::Write);
    let unknown = Token::generate().expect("random").expose().to_owned();
    let path = tokens.path();
    let arguments = [&MEMORY[..], &["--tokens", &path]].concat();
    // everything that the server can log
    let program = Program::start(&arguments, &[("RUST_LOG", "trace")]);
    let address = program.address().parse().expect("an address");
    for (line, token, status) in [
        (TICKS, &writer, 200),
        (TICKS, &reader, 403),
        (TICKS, &unknown, 401),
        ("PATCH /api/v1/symbols/1", &writer, 403),
        ("DELETE /api/v1/trades/1?from=x%0Ay", &reader, 403),
        ("GET /api/v1/symbols", &writer, 200),
    ] {
        let asked = ask(address, line, &bearer(token), "[]").await;
        assert_eq!(asked.status, status, "{line}");
    }
    let query = format!("POST /api/v1/ticks?token={unknown}");
    let asked = ask(address, &query, "Host: localhost\r\n", "[]").await;
    assert_eq!(asked.status, 401);
    // tokens of WebSocket clients, also in messages that cannot be accepted
    for message in [
        format!(r#"{{"op":"authenticate","token":"{reader}"}}"#),
        format!(r#"{{"op":"authenticate","token":"{unknown}"}}"#),
        format!(r#"{{"op":"authenticate","token":["{reader}"]}}"#),
        format!(r#"{{"op":"{reader}"}}"#),
        format!("{{{reader}"),
    ] {
        let mut client = Client::connect_to(address).await;
        client.send(message).await;
        let answered = client.next().await;
        assert!(!matches!(&answered, Next::Message(it) if it["type"] == "heartbeat"));
    }
    let (status, log) = program.stop("TERM");
    assert!(status.success(), "{log}");
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("answered a writing request"))
        .collect();
    let has = |words: &[&str]| {
        let is_found = |line: &&&str| words.iter().all(|word| line.contains(word));
        lines.iter().filter(is_found).count()
    };
    assert_eq!(lines.len(), 6, "{lines:#?}");
    let post = ["method=POST", "path=/api/v1/ticks", "peer=\"127.0.0.1:"];
    for (status, token) in [
        ("status=200", "token=feeder@desk"),
        ("status=403", "token=reader"),
    ] {
        assert_eq!(
            has(&[&post[..], &[status, token]].concat()),
            1,
            "{lines:#?}"
        );
    }
    assert_eq!(
        has(&[&post[..], &["status=401", "token=none"]].concat()),
        2,
        "{lines:#?}"
    );
    assert_eq!(
        has(&[
            "method=PATCH",
            "path=/api/v1/symbols/1",
            "token=feeder@desk"
        ]),
        1
    );
    assert_eq!(
        has(&["method=DELETE", "path=/api/v1/trades/1 ", "status=403"]),
        1
    );
    for secret in [&reader, &writer, &unknown] {
        assert!(!log.contains(&secret[3..]), "a token is in the log");
    }
}

#[tokio::test]
async fn write_of_a_server_without_tokens_is_logged() {
    let program = Program::start(&MEMORY, &[]);
    let address = program.address().parse().expect("an address");
    let asked = ask(address, TICKS, "Host: localhost\r\n", "[]").await;
    assert_eq!(asked.status, 200);
    let (_, log) = program.stop("TERM");
    let mut lines = log
        .lines()
        .filter(|line| line.contains("a writing request"));
    let line = lines.next().expect("a line");
    assert!(
        line.contains("token=anonymous") && line.contains("INFO"),
        "{line}"
    );
    assert_eq!(lines.next(), None);
}
