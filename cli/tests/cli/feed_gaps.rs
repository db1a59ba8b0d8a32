//! Tests of `tickbook feed gaps` and `tickbook feed fill`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use venue_server::{Answer, Play, Step, VenueServer};

use crate::support::{Cli, psql};

/// The trades of the venue.
const TRADES: u32 = 9;

fn trade(id: u32) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{},"qty":0.5,"trade_id":{id},"timestamp":"2024-01-01T00:00:00.{id:06}Z"}}]}}"#,
        1_000 + id
    )
}

/// Answers requests for the trades from `begins` on.
#[derive(Debug)]
struct History {
    begins: u32,
}

impl Play for History {
    fn open(&mut self, _: &str) -> bool {
        false
    }

    fn next(&mut self) -> Step {
        Step::Idle
    }

    fn text(&mut self, _: &str) {}

    fn get(&mut self, path: &str) -> Option<Answer> {
        assert!(
            path.starts_with("/0/public/Trades?pair=XBTUSD&since="),
            "{path}"
        );
        let trades = (self.begins..=TRADES).map(|id| {
            let time: serde_json::Number = format!("1704067200.{id:06}").parse().expect("it");
            json!([(1_000 + id).to_string(), "0.5", time, "b", "m", "", id])
        });
        let body =
            json!({"error": [], "result": {"XXBTZUSD": trades.collect::<Value>(), "last": "1"}});
        Some(Answer::ok(body.to_string()))
    }
}

/// Databases with the trades 1, 2, 6, 7 and 9, and the gaps between them; a gap that lasts, and one of quotes.
fn with_gaps() -> Cli {
    let cli = Cli::migrated();
    let mut text = "wss://a.example <-> 0.25\n".to_owned();
    for id in [1, 2, 6, 7, 9] {
        writeln!(text, "{id}.5: {}", trade(id)).expect("written");
    }
    cli.file("session.ws", text);
    cli.run(&["feed", "replay", "kraken", "session.ws", "--store"])
        .expect_code(0);
    let id = psql(&cli, "SELECT DISTINCT symbol_id FROM trades");
    for (channel, from, to, last, next) in [
        ("trades", 0, Some(1), Some(2), Some(6)),
        ("trades", 2, Some(3), Some(7), Some(9)),
        ("trades", 4, None, Some(9), None),
        ("quotes", 0, Some(1), None, None),
    ] {
        let time = |second: Option<u32>| {
            let time = |second| format!("'2024-01-01 00:01:{second:02}Z'");
            second.map_or("NULL".to_owned(), time)
        };
        let edge = |number: Option<u32>| match number {
            Some(number) => format!("'2024-01-01 00:00:00.{number:06}Z', {number}"),
            None => "NULL, NULL".to_owned(),
        };
        let (from, to, last, next) = (time(Some(from)), time(to), edge(last), edge(next));
        psql(
            &cli,
            &format!(
                "INSERT INTO feed_gaps (feed, symbol_id, channel, gap_from, gap_to, reason, last_time, \
                 last_sequence, next_time, next_sequence) VALUES ('kraken', {id}, '{channel}', {from}, \
                 {to}, 'silence', {last}, {next})"
            ),
        );
    }
    cli
}

fn sequences(cli: &Cli) -> String {
    psql(
        cli,
        "SELECT string_agg(sequence::text, ' ' ORDER BY sequence) FROM trades",
    )
}

#[test]
fn fill_stores_lost_trades_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(History { begins: 1 }));
    let http = server.http();
    let cli = with_gaps();
    assert_eq!(sequences(&cli), "1 2 6 7 9");
    let fill = ["feed", "fill", "kraken", "--http", &http];
    let found = cli.run(&fill).expect_code(0);
    let expected = "\
kraken kraken:BTC/USD trades 2024-01-01T00:01:00.000000Z to 2024-01-01T00:01:01.000000Z (silence): 3 stored, 0 stored before
kraken kraken:BTC/USD trades 2024-01-01T00:01:02.000000Z to 2024-01-01T00:01:03.000000Z (silence): 1 stored, 0 stored before
2 gaps filled with 4 trades, 0 not filled
";
    assert_eq!(found.stdout, expected);
    assert_eq!(sequences(&cli), "1 2 3 4 5 6 7 8 9");
    let prices = psql(
        &cli,
        "SELECT count(*) FROM trades WHERE price = 1000 + sequence",
    );
    assert_eq!(prices, "9");
    let again = cli.run(&fill).expect_code(0);
    assert_eq!(again.stdout, "0 gaps filled with 0 trades, 0 not filled\n");
    let gaps = ["feed", "gaps", "--channel", "trades", "--json"];
    let found = cli.run(&gaps).expect_code(1).stdout;
    let lines: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let filled = |line: &Value| line["filled_at"] != Value::Null;
    assert_eq!(
        lines.iter().map(filled).collect::<Vec<_>>(),
        [true, true, false]
    );
    assert_eq!(lines[0]["symbol"], "kraken:BTC/USD");
    assert_eq!(
        lines[0]["last"],
        json!({"time": "2024-01-01T00:00:00.000002Z", "sequence": 2})
    );
}

#[test]
fn gap_before_the_history_is_reported() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(VenueServer::start(History { begins: 4 }));
    let http = server.http();
    let cli = with_gaps();
    let fill = ["feed", "fill", "kraken", "--http", &http, "--json"];
    let found = cli.run(&fill).expect_code(1).stdout;
    let lines: Vec<Value> = found
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{found}");
    let error = lines[0]["error"].as_str().expect("a reason");
    assert!(
        error.starts_with("the history of the venue begins with trade 4"),
        "{error}"
    );
    assert_eq!(
        (&lines[0]["stored"], &lines[1]["stored"]),
        (&Value::Null, &json!(1))
    );
    // what the history has is stored
    assert_eq!(sequences(&cli), "1 2 4 5 6 7 8 9");
    let unfilled = ["feed", "gaps", "--unfilled", "--feed", "kraken"];
    let found = cli.run(&unfilled).expect_code(1).stdout;
    let lines: Vec<_> = found.lines().collect();
    assert_eq!(lines.len(), 4, "{found}");
    assert!(lines[0].ends_with("(silence): open"), "{found}");
    assert!(
        lines[1].contains(&format!("(silence): open: {error}")),
        "{found}"
    );
    assert!(lines[2].ends_with("(silence): lasts"), "{found}");
    assert_eq!(lines[3], "listed 3, 3 of them not filled");
    let lasting = [&unfilled[..], &["--open"]].concat();
    let found = cli.run(&lasting).expect_code(1).stdout;
    assert_eq!(found.lines().count(), 2, "{found}");
    let none = cli.run(&["feed", "gaps", "--feed", "okx"]).expect_code(0);
    assert_eq!(none.stdout, "listed 0, 0 of them not filled\n");
}

#[test]
fn venue_without_a_history_is_a_clear_error() {
    let cli = Cli::new();
    let account = [
        ("CTRADER_SENDER_COMP_ID", "demo.broker.7"),
        ("CTRADER_PASSWORD", "swordfish"),
        ("CTRADER_ADDRESS", "tls://broker.example:5211"),
    ];
    let failed = cli.run_with(&["feed", "fill", "ctrader"], &account);
    let failed = failed.expect_code(2);
    assert_eq!(failed.error(), "ctrader has no history of trades");
}
