//! Tests of `tickbook exchanges`.

use serde_json::{Value, json};

use crate::support::{Cli, Run};

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

fn listed(cli: &Cli) -> Vec<Value> {
    let lines = run(cli, "exchanges list --json").expect_code(0).stdout;
    let parse = |line| serde_json::from_str(line).expect("JSON");
    lines.lines().map(parse).collect()
}

fn exchange(name: &str, description: &str, code: Option<&str>, time_zone: Option<&str>) -> Value {
    json!({
        "name": name, "description": description, "code": code, "time_zone": time_zone,
        "sessions": []
    })
}

const NYSE: &str = "exchanges create Nyse --code XNYS --time-zone America/New_York";

#[test]
fn exchange_is_created_listed_and_described() {
    let cli = Cli::migrated();
    let none = run(&cli, "exchanges list").expect_code(0);
    assert_eq!(none.stdout, "");
    assert_eq!(none.stderr, "there is no exchange yet\n");
    let created = run(&cli, NYSE).expect_code(0);
    assert_eq!(created.stdout, "created Nyse\n");
    let nyse = |description| {
        let zone = Some("America/New_York");
        exchange("Nyse", description, Some("XNYS"), zone)
    };
    assert_eq!(listed(&cli), [nyse("")]);
    // names are case-insensitive, and omitted properties are unchanged
    let described = run(&cli, "exchanges describe NYSE --description NYC --json");
    let field = json!({"field": "description", "old": null, "new": "NYC"});
    assert_eq!(
        described.expect_code(0).json(),
        json!({"exchange": nyse("NYC"), "changes": [field]})
    );
    assert_eq!(listed(&cli), [nyse("NYC")]);
    let again = run(&cli, "exchanges describe nyse --description NYC").expect_code(0);
    assert_eq!(again.stdout, "Nyse: nothing to change\n");
    let other = run(&cli, "exchanges create oanda --json").expect_code(0);
    assert_eq!(other.json(), exchange("oanda", "", None, None));
    let table = run(&cli, "exchanges list").expect_code(0).stdout;
    assert_eq!(
        table.lines().collect::<Vec<_>>(),
        [
            "NAME   CODE  TIME ZONE         DESCRIPTION",
            "Nyse   XNYS  America/New_York  NYC",
            "oanda",
        ]
    );
}

#[test]
fn exchange_of_a_symbol_gets_code_and_time_zone() {
    let cli = Cli::migrated();
    let command = "import ticks a.csv --format csv --symbol oanda:EURUSD --create-symbol";
    cli.file("a.csv", "tick_time,bid,ask\n2014-05-01T00:00:00Z,1.1,1.2\n");
    run(&cli, command).expect_code(0);
    assert_eq!(listed(&cli), [exchange("oanda", "", None, None)]);
    let command = "exchanges describe OANDA --code XOAN --time-zone America/New_York";
    let described = run(&cli, command).expect_code(0);
    assert_eq!(
        described.stdout,
        "oanda: code none -> XOAN\noanda: time_zone none -> America/New_York\n"
    );
    let zone = Some("America/New_York");
    assert_eq!(listed(&cli), [exchange("oanda", "", Some("XOAN"), zone)]);
    let emptied = cli.run(&["exchanges", "describe", "oanda", "--code", ""]);
    assert_eq!(emptied.expect_code(0).stdout, "oanda: code XOAN -> none\n");
    assert_eq!(listed(&cli), [exchange("oanda", "", None, zone)]);
}

#[test]
fn exchange_that_cannot_be_is_refused() {
    let cli = Cli::migrated();
    run(&cli, NYSE).expect_code(0);
    let before = listed(&cli);
    for (command, error) in [
        ("create NYSE", "exchange Nyse already exists"),
        ("create a:b", "\"a:b\""),
        ("create a --time-zone Mars/Phobos", "IANA"),
        ("describe nyse --time-zone new_york", "IANA"),
        ("describe nowhere --code X", "no exchange nowhere"),
    ] {
        let refused = run(&cli, &format!("exchanges {command}"));
        assert!(refused.error().contains(error), "{command}: {refused:?}");
    }
    // without any property
    run(&cli, "exchanges describe nyse").expect_code(2);
    assert_eq!(listed(&cli), before);
}

#[test]
fn sessions_are_stored_shown_and_replaced() {
    let cli = Cli::migrated();
    let sessions = ["--session", "mon-fri 09:30-16:00", "--session"];
    let zone = ["--time-zone", "America/New_York"];
    let weekend = ["2026-01-05 sat-sun 22:00-24:00"];
    let create = [
        &["exchanges", "create", "nyse"][..],
        &zone,
        &sessions,
        &weekend,
    ]
    .concat();
    let refused = [&create[..3], &sessions[..2]].concat();
    let refused = cli.run(&refused);
    assert!(
        refused.error().contains("time_zone is missing"),
        "{refused:?}"
    );
    cli.run(&create).expect_code(0);
    let shown = run(&cli, "exchanges show NYSE").expect_code(0).stdout;
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            "name         nyse",
            "time zone    America/New_York",
            "session      mon-fri 09:30-16:00",
            "session      2026-01-05 sat-sun 22:00-24:00",
        ]
    );
    let json = run(&cli, "exchanges show nyse --json")
        .expect_code(0)
        .json();
    assert_eq!(listed(&cli), std::slice::from_ref(&json));
    let of_friday = json!({
        "valid_from": "1970-01-01", "weekday": "fri", "open": "09:30", "close": "16:00"
    });
    let of_sunday = json!({
        "valid_from": "2026-01-05", "weekday": "sun", "open": "22:00", "close": "24:00"
    });
    let stored = json["sessions"].as_array().expect("a list");
    assert_eq!(
        (stored.len(), &stored[4], &stored[6]),
        (7, &of_friday, &of_sunday)
    );
    let describe = ["exchanges", "describe", "nyse", "--session"];
    let replaced = cli.run(&[&describe[..], &["sun-thu 17:00-17:00"]].concat());
    assert_eq!(
        replaced.expect_code(0).stdout,
        "nyse: sessions \"mon-fri 09:30-16:00, 2026-01-05 sat-sun 22:00-24:00\" -> \
         \"sun-thu 17:00-17:00\"\n"
    );
    let removed = cli.run(&[&describe[..], &[""]].concat()).expect_code(0);
    assert_eq!(
        removed.stdout,
        "nyse: sessions \"sun-thu 17:00-17:00\" -> none\n"
    );
    for (text, error) in [
        ("mon 9:30-16:00", "invalid time \"9:30\""),
        ("monday 09:30-16:00", "invalid weekday"),
        ("09:30-16:00", "invalid session"),
    ] {
        let refused = cli.run(&[&describe[..], &[text]].concat()).expect_code(2);
        assert!(refused.stderr.contains(error), "{text}: {refused:?}");
    }
}
