//! Tests of `tickbook ledger`: accounts, journals as JSON lines, verify, rebuild, relay.

use serde_json::{Value, json};
use tickbook::Database;

use crate::support::{Cli, Run, psql, psql_in};

pub(crate) const CREATE: &str =
    "ledger accounts create main --venue V --environment live --currency USD";

pub(crate) fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

/// The objects of the lines of standard output.
pub(crate) fn lines(run: &Run) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("JSON");
    run.stdout.lines().map(parse).collect()
}

/// An order of 2 with a fill of 1.
const EVENTS: &str = r#"{"order_id":"o1","kind":{"created":{"symbol_id":1,"side":"buy","order_type":"market","time_in_force":"day","quantity":"2"}}}
{"order_id":"o1","exec_id":"E1","venue_time":"2024-05-01T12:00:00.000000Z","kind":{"filled":{"quantity":"1","price":"100.5"}}}
"#;

/// Databases with the account 1, `main`, and the events.
fn with_events() -> Cli {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    cli.file("events.jsonl", EVENTS);
    let command = "ledger import events.jsonl --account main --format jsonl";
    run(&cli, command).expect_code(0);
    cli
}

#[test]
fn accounts_are_created_listed_and_changed() {
    let cli = Cli::migrated();
    let none = run(&cli, "ledger accounts").expect_code(0);
    assert_eq!(
        (&*none.stdout, &*none.stderr),
        ("", "there is no such account\n")
    );
    let created = run(&cli, CREATE).expect_code(0);
    assert_eq!(created.stdout, "created main (1)\n");
    let command = "ledger accounts create test --venue V --environment backtest --currency EUR \
                   --tenant 2 --time-zone America/Sao_Paulo --cost-method fifo --position-mode hedging --json";
    let created = run(&cli, command).expect_code(0).json();
    assert_eq!(created["account_id"], 2);
    assert_eq!(created["time_zone"], "America/Sao_Paulo");
    let table = run(&cli, "ledger accounts").expect_code(0).stdout;
    let table: Vec<_> = table.lines().collect();
    assert_eq!(
        table,
        [
            "ID  TENANT  NAME  VENUE  ENVIRONMENT  CURRENCY  COSTS    POSITIONS  CLOSED",
            "1   1       main  V      live         USD       average  netting",
            "2   2       test  V      backtest     EUR       fifo     hedging",
        ]
    );
    let renamed = run(&cli, "ledger accounts rename 1 first").expect_code(0);
    assert_eq!(renamed.stdout, "renamed first (1)\n");
    let closed = run(&cli, "ledger accounts close first --json").expect_code(0);
    assert!(closed.json()["closed_at"].is_string(), "{closed:?}");
    let open = run(&cli, "ledger accounts --open --json").expect_code(0);
    assert_eq!(lines(&open), [created]);
    let live = run(&cli, "ledger accounts --environment live --json").expect_code(0);
    assert_eq!(lines(&live)[0]["name"], "first");
}

#[test]
fn account_that_cannot_be_is_refused() {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    for (command, error) in [
        (CREATE, "account \"main\" already exists"),
        ("ledger export --account other", "there is no account other"),
        ("ledger accounts rename 7 x", "there is no account 7"),
        (
            "ledger accounts create x --venue V --environment live --currency USD --time-zone Mars",
            "IANA",
        ),
    ] {
        let refused = run(&cli, command);
        assert!(refused.error().contains(error), "{command}: {refused:?}");
    }
    let command = "ledger accounts create x --venue V --environment real --currency USD";
    let refused = run(&cli, command).expect_code(2);
    assert!(
        refused.stderr.contains("expected one of live"),
        "{refused:?}"
    );
    // two tenants may use one name
    run(&cli, &format!("{CREATE} --tenant 2")).expect_code(0);
    let refused = run(&cli, "ledger rebuild --account main");
    assert!(refused.error().contains("several tenants"), "{refused:?}");
}

#[test]
fn journal_is_exported_and_imported_into_a_copy() {
    let cli = with_events();
    let exported = run(&cli, "ledger export --account main").expect_code(0);
    assert_eq!(exported.stdout, EVENTS);
    let command = "ledger export --account 1 --output main.jsonl --json";
    let summary = run(&cli, command).expect_code(0).json();
    assert_eq!(
        summary,
        json!({"account_id": 1, "name": "main", "events": 2, "output": "main.jsonl"})
    );
    run(&cli, &CREATE.replace("main", "copy")).expect_code(0);
    let import = "ledger import main.jsonl --account copy --format jsonl --json";
    let counts = |appended: u64, duplicates: u64| {
        json!({
            "read": 2, "appended": appended, "duplicates": duplicates, "conflicts": 0, "refused": 0,
            "bad_lines": 0, "is_booked": true
        })
    };
    assert_eq!(run(&cli, import).expect_code(0).json(), counts(2, 0));
    assert_eq!(run(&cli, import).expect_code(0).json(), counts(0, 2));
    let copied = run(&cli, "ledger export --account copy").expect_code(0);
    assert_eq!(copied.stdout, EVENTS);
}

#[test]
fn bad_lines_are_listed_and_nothing_is_booked() {
    let cli = Cli::migrated();
    run(&cli, CREATE).expect_code(0);
    let lines: Vec<_> = EVENTS.lines().collect();
    let bad = format!(
        "{}\n\nnot JSON\n{}\n{{\"kind\":\"paused\"}}\n",
        lines[0], lines[1]
    );
    cli.file("bad.jsonl", bad);
    let import = "ledger import bad.jsonl --account main --format jsonl";
    let refused = run(&cli, import).expect_code(1);
    assert!(
        refused.stderr.contains("bad.jsonl: line 3: "),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("bad.jsonl: line 5: "),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("nothing was booked"), "{refused:?}");
    assert!(
        refused.stdout.starts_with(
            "read 4, appended 0, duplicates 0, conflicts 0, refused 0, bad lines 2 in "
        ),
        "{refused:?}"
    );
    let count = "SELECT count(*) FROM order_events";
    assert_eq!(psql_in(&cli, Database::Metadata, count), "0");
    let booked = run(&cli, &format!("{import} --skip-bad-lines")).expect_code(1);
    assert!(
        booked.stdout.starts_with("read 4, appended 2,"),
        "{booked:?}"
    );
    assert_eq!(psql_in(&cli, Database::Metadata, count), "2");
}

#[test]
fn conflicts_and_refused_events_are_listed() {
    let cli = with_events();
    let fill = "\"o1\",\"exec_id\":\"E1\"";
    let other = EVENTS.replace(fill, &fill.replace('1', "2"));
    let both = format!("{}{other}", EVENTS.replace("100.5", "99"));
    cli.file("other.jsonl", both);
    let command = "ledger import other.jsonl --account main --format jsonl";
    let found = run(&cli, command).expect_code(1);
    assert!(
        found
            .stderr
            .contains("other.jsonl: line 2: event 2 has the same id and other content"),
        "{found:?}"
    );
    assert!(
        found.stderr.contains("other.jsonl: line 4: unknown order"),
        "{found:?}"
    );
    assert!(
        found
            .stdout
            .starts_with("read 4, appended 0, duplicates 2, conflicts 1, refused 1,"),
        "{found:?}"
    );
}

#[test]
fn events_are_relayed_and_verified() {
    let cli = with_events();
    let verify = "ledger verify --json";
    let before = lines(&run(&cli, verify).expect_code(0));
    assert_eq!(
        (&before[0]["copied"], &before[0]["not_copied"]),
        (&json!(0), &json!(2))
    );
    let relay = "ledger relay --json";
    let copied = json!({"copied": 2, "duplicates": 0, "accounts_ahead": []});
    assert_eq!(run(&cli, relay).expect_code(0).json(), copied);
    let after = run(&cli, verify).expect_code(0).json();
    assert_eq!(after["name"], "main");
    assert_eq!(
        (&after["sequence"], &after["is_equal"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(
        (&after["copied"], &after["not_copied"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(after["surplus"], json!([]));
    let table = run(&cli, "ledger verify").expect_code(0).stdout;
    let table: Vec<_> = table.lines().collect();
    assert_eq!(
        table,
        [
            "ACCOUNT   EVENTS  DIGEST  COPIED  NOT COPIED  SURPLUS",
            "main (1)  2       equal   2       0           0",
        ]
    );
    psql(&cli, "TRUNCATE order_event_history; TRUNCATE fill_history");
    let again = run(&cli, "ledger relay --account main --again").expect_code(0);
    assert!(
        again.stdout.starts_with("copied 2, duplicates 0 in "),
        "{again:?}"
    );
    assert_eq!(psql(&cli, "SELECT count(*) FROM fill_history"), "1");
}

#[test]
fn events_of_a_restored_database_are_listed() {
    let cli = with_events();
    run(&cli, "ledger relay").expect_code(0);
    let restore = "ALTER TABLE order_events DISABLE TRIGGER USER; \
                   DELETE FROM order_events WHERE sequence = 2; \
                   ALTER TABLE order_events ENABLE TRIGGER USER; \
                   UPDATE account_heads SET sequence = 1, revision = revision + 1";
    psql_in(&cli, Database::Metadata, restore);
    run(&cli, "ledger rebuild --account main").expect_code(0);
    let found = run(&cli, "ledger verify").expect_code(1);
    assert!(
        found
            .stderr
            .contains("main (1): only the time-series database has event 2 of ")
            && found.stderr.contains(": filled E1 of order o1"),
        "{found:?}"
    );
    let relayed = run(&cli, "ledger relay").expect_code(1);
    assert!(
        relayed
            .stderr
            .contains("account 1: the time-series database has"),
        "{relayed:?}"
    );
    // the lost events can be imported
    let json = run(&cli, "ledger verify --json").expect_code(1).json();
    let event = json["surplus"][0]["event"].to_string();
    cli.file("lost.jsonl", event);
    let import = "ledger import lost.jsonl --account main --format jsonl";
    let booked = run(&cli, import).expect_code(0);
    assert!(
        booked.stdout.starts_with("read 1, appended 1,"),
        "{booked:?}"
    );
    let exported = run(&cli, "ledger export --account main").expect_code(0);
    assert_eq!(exported.stdout, EVENTS);
}

#[test]
fn wrong_projections_are_found_and_rebuilt() {
    let cli = with_events();
    psql_in(
        &cli,
        Database::Metadata,
        "UPDATE positions SET realized = 7",
    );
    let verify = "ledger verify --account main --digests-only";
    let wrong = run(&cli, verify).expect_code(1);
    assert!(
        wrong.stderr.contains("`tickbook ledger rebuild`"),
        "{wrong:?}"
    );
    assert!(wrong.stdout.contains("differs"), "{wrong:?}");
    let rebuilt = run(&cli, "ledger rebuild --all").expect_code(0);
    assert_eq!(rebuilt.stdout, "main (1): 2 events, changed\n");
    run(&cli, verify).expect_code(0);
    let again = run(&cli, "ledger rebuild --account 1 --json")
        .expect_code(0)
        .json();
    assert_eq!(again["is_changed"], false);
    assert_eq!(again["before"], again["after"]);
}
