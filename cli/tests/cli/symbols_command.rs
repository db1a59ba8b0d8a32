//! Tests of `tickbook symbols`.

use serde_json::{Value, json};
use tickbook::Database;
use tickbook::domain::ExchangeFacts;

use crate::support::{Cli, Run, psql, psql_in};

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

const TABLE: &str = "\
market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size
oanda,EURUSD,forex,Euro,USD,1,0.00001,1
oanda,EURGBP,forex,Euro,GBP,1,0.00001,1
oanda,XAUUSD,cfd,Gold,USD,1,0.001,1
fxcm,EURUSD,forex,Euro,USD,1,0.00001,1
";

/// oanda has the symbols 1 to 3, fxcm has 4; 1 has two ticks.
fn prepared() -> Cli {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    for market in ["oanda", "fxcm"] {
        run(
            &cli,
            &format!("import symbols table.csv --format lean --market {market}"),
        )
        .expect_code(0);
    }
    cli.file("20140501_quote.csv", "1,1.1,1.2\n86399999,1.1,1.2\n");
    run(
        &cli,
        "import ticks 20140501_quote.csv --symbol 1 --format lean",
    )
    .expect_code(0);
    cli
}

fn json_lines(run: Run) -> Vec<Value> {
    let lines = run.expect_code(0).stdout;
    let parse = |line| serde_json::from_str(line).expect("JSON");
    lines.lines().map(parse).collect()
}

#[test]
fn list_prints_a_table_of_matching_symbols() {
    let cli = prepared();
    run(&cli, "symbols deactivate oanda:XAUUSD").expect_code(0);
    let all = run(&cli, "symbols list").expect_code(0);
    let lines: Vec<_> = all.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "ID  EXCHANGE  NAME    TYPE   DIGITS  ACTIVE  DESCRIPTION"
    );
    assert_eq!(
        lines[1],
        "1   oanda     EURUSD  forex  5       yes     Euro"
    );
    assert_eq!(
        lines[3],
        "3   oanda     XAUUSD  cfd    3       no      Gold"
    );
    assert_eq!(lines.len(), 5);
    for (filter, expected) in [
        ("--exchange fxcm", &[4][..]),
        ("--active", &[1, 2, 4]),
        ("--inactive", &[3]),
        ("--name eur*", &[1, 2, 4]),
        ("--name *USD --exchange oanda", &[1, 3]),
        ("--name EUR", &[]),
    ] {
        let found = json_lines(run(&cli, &format!("symbols list --json {filter}")));
        let ids = found.iter().map(|symbol| symbol["symbol_id"].as_i64());
        let expected = expected.iter().copied().map(Some);
        assert!(ids.eq(expected), "{filter}: {found:?}");
    }
    let none = run(&cli, "symbols list --name EUR").expect_code(0);
    assert_eq!(
        (none.stdout.as_str(), none.stderr.as_str()),
        ("", "no symbol matches\n")
    );
    run(&cli, "symbols list --active --inactive").expect_code(2);
}

#[test]
fn list_prints_more_symbols_than_one_page() {
    let cli = Cli::migrated();
    psql_in(
        &cli,
        Database::Metadata,
        "INSERT INTO exchanges (name) VALUES ('many'); \
         INSERT INTO symbols (symbol_id, exchange, name, digits) \
         SELECT number, 'many', 'S' || number, 5 FROM generate_series(1, 10001) AS number",
    );
    let found = json_lines(run(&cli, "symbols list --json --name *1"));
    let ids: Vec<_> = found.iter().map(|it| it["symbol_id"].as_i64()).collect();
    assert_eq!(ids.len(), 1_001);
    assert_eq!(ids.last(), Some(&Some(10_001)));
}

#[test]
fn show_prints_every_known_field() {
    let cli = prepared();
    run(&cli, "symbols alias 1 ctrader 1").expect_code(0);
    let shown = run(&cli, "symbols show oanda:EURUSD --count --json").expect_code(0);
    assert_eq!(
        shown.json(),
        json!({
            "symbol_id": 1, "exchange": "oanda", "name": "EURUSD", "description": "Euro",
            "digits": 5, "active": true,
            "instrument": {
                "instrument_type": "forex", "base_currency": "EUR", "quote_currency": "USD",
                "tick_size": "0.00001", "lot_size": "1", "contract_multiplier": "1",
                "expiry": null, "strike": null
            },
            "exchange_details": {
                "name": "oanda", "description": "", "code": null, "time_zone": null,
                "sessions": []
            },
            "aliases": [{"feed": "ctrader", "feed_key": "1"}],
            "ticks": {
                "first": "2014-05-01T00:00:00.001000Z", "last": "2014-05-01T23:59:59.999000Z",
                "count": 2
            }
        })
    );
    let uncounted = run(&cli, "symbols show 1 --json").expect_code(0).json();
    assert_eq!(uncounted["ticks"]["count"], Value::Null);
    let text = run(&cli, "symbols show 1").expect_code(0).stdout;
    for words in [
        "name                 EURUSD",
        "alias                ctrader:1",
        "last tick",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let other = run(&cli, "symbols show fxcm:EURUSD").expect_code(0).stdout;
    assert!(other.contains("ticks                none"), "{other}");
    let missing = run(&cli, "symbols show 93");
    assert!(
        missing.error().contains("no symbol with the id 93"),
        "{missing:?}"
    );
    let ambiguous = run(&cli, "symbols show EURUSD");
    assert!(ambiguous.error().contains("fxcm:EURUSD"), "{ambiguous:?}");
}

#[tokio::test]
async fn exchange_details_are_shown() {
    let cli = prepared();
    let facts = ExchangeFacts::default()
        .description("a broker")
        .code("XOAN")
        .time_zone("America/New_York");
    let symbols = cli.repositories().symbols;
    let described = symbols.describe_exchange("OANDA", &facts).await;
    described.expect("it is described");
    let shown = run(&cli, "symbols show OANDA:eurusd --json").expect_code(0);
    assert_eq!(
        shown.json()["exchange_details"],
        json!({
            "name": "oanda", "description": "a broker", "code": "XOAN",
            "time_zone": "America/New_York", "sessions": []
        })
    );
    let text = run(&cli, "symbols show 1").expect_code(0).stdout;
    for words in [
        "exchange is          a broker",
        "exchange code        XOAN",
        "time zone            America/New_York",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn renamed_symbol_keeps_its_id_and_ticks() {
    let cli = prepared();
    let renamed = run(&cli, "symbols rename oanda:EURUSD EUR_USD").expect_code(0);
    assert_eq!(renamed.stdout, "oanda:EURUSD (1): name EURUSD -> EUR_USD\n");
    let rows = run(&cli, "export ticks --symbol oanda:EUR_USD").expect_code(0);
    assert_eq!(rows.stdout.lines().count(), 3);
    run(&cli, "export ticks --symbol oanda:EURUSD").expect_code(2);
    let moved = run(&cli, "symbols rename 1 new:EURUSD --json")
        .expect_code(0)
        .json();
    assert_eq!(
        (&moved["symbol"]["exchange"], &moved["symbol"]["symbol_id"]),
        (&json!("new"), &json!(1))
    );
    let fields = moved["changes"].as_array().expect("changes");
    let fields: Vec<_> = fields
        .iter()
        .map(|change| change["field"].as_str())
        .collect();
    assert_eq!(fields, [Some("exchange"), Some("name")]);
    let again = run(&cli, "symbols rename 1 EURUSD").expect_code(0);
    assert_eq!(again.stdout, "new:EURUSD (1): nothing to change\n");
}

#[test]
fn taken_name_is_refused_with_its_owner() {
    let cli = prepared();
    for (command, owner) in [
        ("rename oanda:EURUSD EURGBP", "oanda:EURGBP (symbol_id 2)"),
        (
            "rename oanda:EURUSD fxcm:EURUSD",
            "fxcm:EURUSD (symbol_id 4)",
        ),
    ] {
        let taken = run(&cli, &format!("symbols {command}"));
        assert!(taken.error().contains(owner), "{taken:?}");
        let taken = run(&cli, &format!("symbols {command} --json")).expect_code(2);
        assert!(
            taken.json()["error"].to_string().contains(owner),
            "{taken:?}"
        );
    }
    let list = run(&cli, "symbols list --name EUR_USD --json").expect_code(0);
    assert_eq!(list.stdout, "");
    let long = "x".repeat(101);
    let wrong = run(&cli, &format!("symbols rename 1 a:{long}")).expect_code(2);
    let expected = "expected 1 to 100 printable characters";
    assert!(wrong.stderr.contains(expected), "{wrong:?}");
}

#[test]
fn alias_belongs_to_one_symbol() {
    let cli = prepared();
    let added = run(&cli, "symbols alias oanda:EURUSD ctrader 1").expect_code(0);
    assert_eq!(
        added.stdout,
        "oanda:EURUSD (1): alias none -> \"ctrader:1\"\n"
    );
    let again = run(&cli, "symbols alias 1 ctrader 1").expect_code(0);
    assert!(again.stdout.contains("nothing to change"), "{again:?}");
    for option in ["", " --remove"] {
        let taken = run(&cli, &format!("symbols alias 2 ctrader 1{option}"));
        assert!(taken.error().contains("oanda:EURUSD (1)"), "{taken:?}");
    }
    let moved = run(&cli, "symbols alias 3 ctrader 1 --move").expect_code(0);
    assert_eq!(
        moved.stdout,
        "oanda:EURUSD (1): alias \"ctrader:1\" -> none\n\
         oanda:XAUUSD (3): alias none -> \"ctrader:1\"\n"
    );
    let moved = run(&cli, "symbols alias 2 ctrader 1 --move --json").expect_code(0);
    let moved = moved.json();
    assert_eq!(moved["changes"][0]["new"], "ctrader:1");
    let from = &moved["taken_from"];
    assert_eq!(
        (&from["symbol_id"], &from["exchange"], &from["name"]),
        (&json!(3), &json!("oanda"), &json!("XAUUSD"))
    );
    // no symbol has the name, or the symbol itself has it
    for (feed, id) in [("ctrader 1", 2), ("ctrader 2", 2)] {
        let own = run(&cli, &format!("symbols alias {id} {feed} --move --json"));
        assert_eq!(own.expect_code(0).json().get("taken_from"), None);
    }
    run(&cli, "symbols alias 2 ctrader 2 --remove").expect_code(0);
    let of = |id: i64| run(&cli, &format!("symbols show {id} --json")).json()["aliases"].clone();
    assert_eq!((of(1), of(3)), (json!([]), json!([])));
    assert_eq!(of(2), json!([{"feed": "ctrader", "feed_key": "1"}]));
    let removed = run(&cli, "symbols alias 2 ctrader 1 --remove").expect_code(0);
    assert!(
        removed.stdout.contains("\"ctrader:1\" -> none"),
        "{removed:?}"
    );
    assert_eq!(of(2), json!([]));
    let missing = run(&cli, "symbols alias 2 ctrader 1 --remove");
    assert!(missing.error().contains("calls no symbol"), "{missing:?}");
    let long = format!("symbols alias 2 ctrader {}", "x".repeat(101));
    assert!(run(&cli, &long).error().contains("feed_key"));
}

#[test]
fn symbols_are_activated_and_deactivated() {
    let cli = prepared();
    for (command, reported, active) in [
        (
            "deactivate",
            "oanda:EURUSD (1): active true -> false\n",
            false,
        ),
        ("deactivate", "oanda:EURUSD (1): nothing to change\n", false),
        ("activate", "oanda:EURUSD (1): active false -> true\n", true),
    ] {
        let switched = run(&cli, &format!("symbols {command} oanda:EURUSD")).expect_code(0);
        assert_eq!(switched.stdout, reported);
        let shown = run(&cli, "symbols show 1 --json").json();
        assert_eq!(shown["active"], json!(active));
    }
    let json = run(&cli, "symbols deactivate 1 --json")
        .expect_code(0)
        .json();
    assert_eq!(json["symbol"]["active"], json!(false));
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "2");
}

#[test]
fn described_symbol_keeps_unstated_values() {
    let cli = prepared();
    let described = cli.run(&[
        "symbols",
        "describe",
        "1",
        "--description",
        "the euro",
        "--tick-size",
        "0.0001",
        "--expiry",
        "2026-12-18",
        "--strike",
        "-1.5",
    ]);
    let described = described.expect_code(0);
    for line in [
        "oanda:EURUSD (1): description Euro -> \"the euro\"",
        "oanda:EURUSD (1): tick_size 0.00001 -> 0.0001",
        "oanda:EURUSD (1): expiry none -> 2026-12-18",
        "oanda:EURUSD (1): strike none -> -1.5",
    ] {
        assert!(
            described.stdout.lines().any(|it| it == line),
            "{line}: {described:?}"
        );
    }
    let shown = run(&cli, "symbols show 1 --json").json();
    assert_eq!(
        (&shown["digits"], &shown["instrument"]["lot_size"]),
        (&json!(5), &json!("1"))
    );
    let blank = cli.run(&["symbols", "describe", "1", "--description", ""]);
    assert!(blank.expect_code(0).stdout.contains("\"the euro\" -> \"\""));
    run(&cli, "symbols describe 1").expect_code(2);
    let wrong = run(&cli, "symbols describe 1 --tick-size 0");
    assert!(
        wrong.error().contains("tick_size 0 is not positive"),
        "{wrong:?}"
    );
    let digits = run(&cli, "symbols describe 1 --digits 13");
    assert!(digits.error().contains("digits 13"), "{digits:?}");
}
