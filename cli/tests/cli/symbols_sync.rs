//! Tests of `tickbook symbols sync`.

use serde_json::{Value, json};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::support::{Cli, Run};

/// Coinbase with products, each `id tick_size`.
struct Coinbase(Vec<&'static str>);

impl Play for Coinbase {
    fn open(&mut self, _: &str) -> bool {
        false
    }

    fn text(&mut self, _: &str) {}

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn get(&mut self, _: &str) -> Option<Answer> {
        let products = self.0.iter().map(|product| {
            let (id, tick_size) = product.split_once(' ').expect("an id and a tick size");
            json!({
                "id": id, "base_currency": "BTC", "quote_currency": "USD", "status": "online",
                "quote_increment": tick_size, "base_increment": "0.001"
            })
        });
        Some(Answer::ok(Value::from_iter(products).to_string()))
    }
}

fn sync(cli: &Cli, venue: &VenueServer<Coinbase>, more: &[&str]) -> Run {
    let (websocket, http) = (venue.websocket(), venue.http());
    let addresses = ["--websocket", &websocket, "--http", &http];
    let arguments = [&["symbols", "sync", "coinbase"][..], &addresses, more].concat();
    cli.run(&arguments)
}

#[test]
fn sync_prints_what_it_stored() {
    let cli = Cli::migrated();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let products = Coinbase(vec!["A-B 0.1", "C-D 0.01", "X-Y 0"]);
    let venue = runtime.block_on(VenueServer::start(products));
    let first = sync(&cli, &venue, &[]).expect_code(0);
    let lines: Vec<_> = first.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "added: coinbase:A-B (1)",
            "added: coinbase:C-D (2)",
            "coinbase: listed 3, added 2, changed 0, reappeared 0, missing 0, kept active 0, refused 1",
        ]
    );
    assert!(
        first.stderr.contains("refused: X-Y (X-Y): tick size 0"),
        "{}",
        first.stderr
    );
    let again = sync(&cli, &venue, &[]).expect_code(0);
    assert_eq!(again.stdout.lines().count(), 1, "{}", again.stdout);
    venue.play().0 = vec!["A-B 0.001"];
    let kept = sync(&cli, &venue, &["--json"]).expect_code(1);
    let report: Value = serde_json::from_str(&kept.stdout).expect("JSON");
    assert_eq!(report["feed"], "coinbase");
    assert_eq!(report["changed"][0]["changes"][0]["field"], "digits");
    assert_eq!(report["kept_active"][0]["name"], "C-D");
    let lost = sync(&cli, &venue, &["--accept-loss"]).expect_code(0);
    assert!(
        lost.stdout.contains("missing: coinbase:C-D (2)"),
        "{}",
        lost.stdout
    );
    let existing = ["--feed", "second", "--existing"];
    let none = sync(&cli, &venue, &existing).expect_code(0);
    assert_eq!(
        none.stdout,
        "second: listed 1, added 0, changed 0, reappeared 0, missing 0, kept active 0, refused 0, left out 1\n"
    );
    let other = sync(&cli, &venue, &["--feed", "second"]).expect_code(0);
    assert!(
        other.stdout.contains("added: second:A-B (3)"),
        "{}",
        other.stdout
    );
}

#[test]
fn venue_without_a_list_is_an_error() {
    let cli = Cli::migrated();
    let port = suite::free_port();
    let (websocket, http) = (
        format!("ws://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let arguments = [
        "symbols",
        "sync",
        "okx",
        "--websocket",
        &websocket,
        "--http",
        &http,
    ];
    let failed = cli.run(&arguments).expect_code(2);
    assert!(
        failed.stderr.contains("check that the network allows"),
        "{}",
        failed.stderr
    );
}
