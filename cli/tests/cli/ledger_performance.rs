//! Tests of `tickbook ledger equity` and `tickbook ledger performance`.

use serde_json::json;

use crate::ledger::{CREATE, lines, run};
use crate::support::Cli;

const POINTS: &str = r#"{"as_of":"2024-05-01T20:00:00Z","equity":"10000","cash":"2500","source":"broker"}
{"as_of":"2024-05-02T20:00:00Z","equity":"10100","cash":"2500","source":"broker"}

{"as_of":"2024-05-03T20:00:00Z","equity":"10600","cash":"2500","flows":"500","source":"broker"}
"#;

/// An order of 2, bought at 100 and sold at 110.
const EVENTS: &str = r#"{"order_id":"o1","kind":{"created":{"symbol_id":1,"side":"buy","order_type":"market","time_in_force":"day","quantity":"2"}}}
{"order_id":"o2","kind":{"created":{"symbol_id":1,"side":"sell","order_type":"market","time_in_force":"day","quantity":"2"}}}
{"order_id":"o1","exec_id":"E1","venue_time":"2024-05-02T12:00:00.000000Z","kind":{"filled":{"quantity":"2","price":"100"}}}
{"order_id":"o2","exec_id":"E2","venue_time":"2024-05-02T13:00:00.000000Z","kind":{"filled":{"quantity":"2","price":"110"}}}
"#;

fn with_account() -> Cli {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    cli.file("points.jsonl", POINTS);
    cli
}

#[test]
fn recorded_equity_is_listed() {
    let cli = with_account();
    let record = "ledger equity --account main --record points.jsonl";
    let first = run(&cli, record).expect_code(0);
    assert_eq!(
        first.stdout,
        "read 3, recorded 3, duplicates 0, conflicts 0\n"
    );
    let again = run(&cli, &format!("{record} --json")).expect_code(0).json();
    assert_eq!(
        again,
        json!({"read": 3, "inserted": 0, "duplicates": 3, "conflicts": 0})
    );
    let table = run(&cli, "ledger equity --account main --from 2024-05-02").expect_code(0);
    let table: Vec<_> = table.stdout.lines().map(str::to_owned).collect();
    assert_eq!(
        table,
        [
            "TIME                         EQUITY  CASH  FLOWS  SOURCE",
            "2024-05-02T20:00:00.000000Z  10100   2500  0      broker",
            "2024-05-03T20:00:00.000000Z  10600   2500  500    broker",
        ]
    );
    let listed = run(&cli, "ledger equity --account 1 --to 2024-05-02 --json").expect_code(0);
    let expected = json!({
        "as_of": "2024-05-01T20:00:00.000000Z", "equity": "10000", "cash": "2500", "flows": "0", "source": "broker"
    });
    assert_eq!(lines(&listed), [expected]);
    cli.file("other.jsonl", POINTS.replace("10100", "10200"));
    let other = run(&cli, "ledger equity --account main --record other.jsonl").expect_code(1);
    assert_eq!(
        other.stdout,
        "read 3, recorded 0, duplicates 2, conflicts 1\n"
    );
    assert!(
        other.stderr.contains("2024-05-02T20:00:00.000000Z"),
        "{other:?}"
    );
}

#[test]
fn bad_line_records_nothing() {
    let cli = with_account();
    for (line, words) in [
        ("{}", "missing field"),
        (
            r#"{"as_of":"today","equity":"1","cash":"1","source":"a"}"#,
            "as_of",
        ),
        (
            r#"{"as_of":"2024-05-04T20:00:00Z","equity":"x","cash":"1","source":"a"}"#,
            "equity",
        ),
        (
            r#"{"as_of":"2024-05-04T20:00:00Z","equity":"1","cash":"1","source":""}"#,
            "source",
        ),
    ] {
        cli.file("bad.jsonl", format!("{POINTS}{line}\n"));
        let refused = run(&cli, "ledger equity --account main --record bad.jsonl");
        let error = refused.error();
        assert!(error.contains(words) && error.contains("line 5"), "{error}");
    }
    let listed = run(&cli, "ledger equity --account main").expect_code(0);
    assert_eq!(listed.stdout, "");
    assert!(
        listed.stderr.contains("no equity is recorded"),
        "{listed:?}"
    );
}

#[test]
fn performance_of_days_and_trades_is_printed() {
    let cli = with_account();
    run(&cli, "ledger equity --account main --record points.jsonl").expect_code(0);
    cli.file("events.jsonl", EVENTS);
    run(
        &cli,
        "ledger import events.jsonl --account main --format jsonl",
    )
    .expect_code(0);
    run(&cli, "ledger relay").expect_code(0);
    let command = "ledger performance --account main --from 2024-05-01 --to 2024-06-01";
    let shown = run(&cli, command).expect_code(0).stdout;
    let shown: Vec<_> = shown.lines().collect();
    assert_eq!(
        shown[..4],
        [
            "DAY         EQUITY  FLOWS  PROFIT  RETURN                 FILLS",
            "2024-05-01  10000   0      -       - (no_opening_equity)  0",
            "2024-05-02  10100   0      100     0.010000               2",
            "2024-05-03  10600   500    0       0.000000               0",
        ]
    );
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("sharpe/sample_sd_252  ")),
        "{shown:?}"
    );
    let json = format!("{command} --round-trips flat_to_flat --json");
    let found = run(&cli, &json).expect_code(0).json();
    assert_eq!(
        (&found["profit"], &found["flows"]),
        (&json!("100"), &json!("500"))
    );
    assert_eq!(found["days"][1]["fills"], 2);
    let trades = &found["trades"];
    assert_eq!(
        (&trades["count"], &trades["net_profit"]),
        (&json!(1), &json!("20"))
    );
    assert_eq!(trades["metrics"][0]["reason"], "no_losses");
    // another zone: 20:00 UTC is the next day in Tokyo
    let tokyo = run(&cli, &format!("{command} --time-zone Asia/Tokyo --json")).expect_code(0);
    assert_eq!(tokyo.json()["days"][0]["date"], "2024-05-02");
    let empty = "ledger performance --account main --from 2020-01-01 --to 2020-02-01";
    let empty = run(&cli, empty).expect_code(0);
    assert!(empty.stderr.contains("no equity and no fills"), "{empty:?}");
    for bad in ["--to 2024-04-01", "--to 2044-06-01"] {
        let refused = run(&cli, &command.replace("--to 2024-06-01", bad));
        assert!(!refused.error().is_empty());
    }
}
