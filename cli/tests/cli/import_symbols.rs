//! Tests of import symbols on a real database.

use crate::support::{Cli, market_data};
use serde_json::{Value, json};
use tickbook::domain::SymbolReference;

const TABLE: &str = "\
market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size
# a comment
oanda,EURUSD,forex,Euro,USD,1,0.00001,1
oanda,XAUUSD,cfd,Gold,USD,1,0.001,1
fxcm,EURUSD,forex,Euro,USD,1,0.00001,1
binance,BTCUSDT,crypto,,USDT,1,0.01,0.00001
binance,BTCUSDT,cryptofuture,,USDT,1,0.1,0.001
bad,X,cfd,,USD,1,nothing,1
bad,Y,cfd,,USD,1,1,1
";

const IMPORT: [&str; 7] = [
    "import",
    "symbols",
    "table.csv",
    "--format",
    "lean",
    "--market",
    "oanda",
];

/// Counts of read, created, changed, unchanged, kept and rejected symbols, without changes.
fn counted(counts: [usize; 6]) -> Value {
    let [read, created, changed, unchanged, kept, rejected] = counts;
    json!({
        "read": read, "created": created, "changed": changed, "unchanged": unchanged,
        "kept": kept, "rejected": rejected, "changes": [], "kept_values": []
    })
}

/// `field old new` of each change.
fn values(changes: &Value) -> Vec<String> {
    let changes = changes.as_array().expect("an array").iter();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |it: &Value| {
        assert_eq!(
            (&it["symbol"], &it["symbol_id"]),
            (&json!("oanda:EURUSD"), &json!(1))
        );
        [&it["field"], &it["old"], &it["new"]].map(text).join(" ")
    };
    changes.map(line).collect()
}

/// EURUSD, changed by a user after an import.
fn changed_here() -> Cli {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    cli.run(&IMPORT).expect_code(0);
    for command in [
        "describe EURUSD --description ours --expiry 2030-01-01",
        "deactivate EURUSD",
    ] {
        let words = ["symbols"].into_iter().chain(command.split(' '));
        cli.run(&words.collect::<Vec<_>>()).expect_code(0);
    }
    cli
}

fn shown(cli: &Cli) -> Value {
    let run = cli.run(&["symbols", "show", "oanda:EURUSD", "--json"]);
    run.expect_code(0).json()
}

#[test]
fn values_of_a_deactivated_symbol_are_kept() {
    let cli = changed_here();
    let before = shown(&cli);
    let again = cli.run(&[&IMPORT[..], &["--json"]].concat()).expect_code(0);
    let reported = again.json();
    assert_eq!(
        (&reported["unchanged"], &reported["kept"]),
        (&json!(2), &json!(1))
    );
    let kept = ["description ours Euro", "active false true"];
    assert_eq!(values(&reported["kept_values"]), kept);
    assert_eq!(reported["changes"], json!([]));
    assert_eq!(shown(&cli), before);
    let again = cli.run(&IMPORT).expect_code(0);
    let line = "oanda:EURUSD (1): description ours is kept, the file has Euro: use --overwrite";
    assert!(again.stderr.contains(line), "{again:?}");
    assert_eq!(again.stdout.lines().count(), 1, "{again:?}");
}

#[test]
fn overwrite_takes_the_values_of_the_table() {
    let cli = changed_here();
    let overwrite = [&IMPORT[..], &["--overwrite"]].concat();
    let run = cli.run(&overwrite).expect_code(0);
    for line in [
        "oanda:EURUSD (1): description ours -> Euro",
        "oanda:EURUSD (1): active false -> true",
        "read 2, created 0, changed 1, unchanged 1, kept 0, rejected 0 in",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run:?}");
    }
    let now = shown(&cli);
    assert_eq!(
        (&now["description"], &now["active"]),
        (&json!("Euro"), &json!(true))
    );
    // the table has no such column
    assert_eq!(now["instrument"]["expiry"], "2030-01-01");
    let again = cli
        .run(&[&overwrite[..], &["--json"]].concat())
        .expect_code(0);
    assert_eq!(again.json(), counted([2, 0, 0, 2, 0, 0]));
}

#[test]
fn empty_and_absent_columns_change_nothing() {
    let cli = changed_here();
    let before = shown(&cli);
    for table in [
        "market,symbol\noanda,EURUSD\n",
        "market,symbol,type,description,quote_currency,lot_size\noanda,EURUSD,,,,\n",
    ] {
        cli.file("table.csv", table);
        cli.run(&IMPORT).expect_code(0);
        assert_eq!(shown(&cli), before, "{table}");
    }
    cli.file("table.csv", "market,symbol,lot_size\noanda,EURUSD,7\n");
    cli.run(&[&IMPORT[..], &["--overwrite"]].concat())
        .expect_code(0);
    let now = shown(&cli);
    assert_eq!(now["instrument"]["lot_size"], "7");
    assert_eq!(now["description"], "ours");
}

#[test]
fn unknown_values_are_taken_from_the_table() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    cli.file("20140501_quote.csv", "1,1.1,1.2\n");
    let ticks =
        "import ticks 20140501_quote.csv --symbol oanda:XAUUSD --create-symbol --format lean";
    cli.run(&ticks.split(' ').collect::<Vec<_>>())
        .expect_code(0);
    let run = cli.run(&IMPORT).expect_code(0);
    for line in [
        "digits 5 -> 3",
        "tick_size none -> 0.001",
        "description none -> Gold",
    ] {
        let line = format!("oanda:XAUUSD (1): {line}");
        assert!(run.stdout.contains(&line), "{line}: {run:?}");
    }
    assert!(run.stdout.contains("created 1, changed 1"), "{run:?}");
    assert_eq!(run.stderr, "");
    // some properties alone are not an instrument
    cli.file("table.csv", "market,symbol,lot_size\noanda,NEW,7\n");
    let run = cli.run(&IMPORT).expect_code(1);
    assert!(
        run.stderr
            .contains("table.csv: line 2: instrument_type is missing"),
        "{run:?}"
    );
}

#[test]
fn market_with_defaults_alone_is_reported() {
    let cli = Cli::migrated();
    cli.file(
        "table.csv",
        format!("{TABLE}cboe,[*],index,,USD,1,0.01,1\n"),
    );
    let import = |market| {
        let import = [&IMPORT[..6], &[market]].concat();
        cli.run(&import)
    };
    let defaults = import("cboe");
    assert!(
        defaults.error().contains("only rows of defaults"),
        "{defaults:?}"
    );
    for market in ["cboe", "nasdaq"] {
        let run = import(market);
        let (_, others) = run.error().split_once("use one of ").expect("others");
        assert_eq!(others, "bad, binance, fxcm, oanda");
    }
    let typed = cli.run(&[&IMPORT[..], &["--type", "equity"]].concat());
    assert!(
        typed.error().contains("the type equity: use another type"),
        "{typed:?}"
    );
}

#[tokio::test]
async fn symbols_of_one_market_can_be_imported_twice() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    let first = cli.run(&[&IMPORT[..], &["--json"]].concat()).expect_code(0);
    assert_eq!(first.json(), counted([2, 2, 0, 0, 0, 0]));
    let symbols = cli.repositories().symbols;
    let reference: SymbolReference = "oanda:EURUSD".parse().expect("valid");
    let euro = symbols
        .get_by_name(&reference)
        .await
        .expect("answered")
        .expect("stored");
    assert_eq!((euro.digits, euro.description.as_str()), (5, "Euro"));
    let instrument = euro.instrument.as_ref().expect("known");
    assert_eq!(instrument.base_currency.as_deref(), Some("EUR"));

    let second = cli.run(&IMPORT).expect_code(0);
    assert!(
        second
            .stdout
            .starts_with("read 2, created 0, changed 0, unchanged 2, kept 0, rejected 0 in"),
        "{second:?}"
    );
    let again = symbols.get_by_name(&reference).await.expect("answered");
    assert_eq!(again, Some(euro));
}

#[test]
fn bad_rows_are_listed_and_the_others_stored() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    let import = [
        "import",
        "symbols",
        "table.csv",
        "--format",
        "lean",
        "--market",
        "bad",
        "--json",
    ];
    let run = cli.run(&import).expect_code(1);
    assert_eq!(run.json(), counted([2, 1, 0, 0, 0, 1]));
    assert!(
        run.stderr
            .contains("table.csv: line 8: minimum_price_variation \"nothing\""),
        "{run:?}"
    );
}

#[test]
fn name_with_two_types_needs_two_exchanges() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    let import = [
        "import",
        "symbols",
        "table.csv",
        "--format",
        "lean",
        "--market",
        "binance",
    ];
    let both = cli.run(&import).expect_code(1);
    assert!(
        both.stdout.starts_with("read 2, created 1, ") && both.stdout.contains("rejected 1"),
        "{both:?}"
    );
    assert!(
        both.stderr
            .contains("line 7: BTCUSDT (cryptofuture) is already in line 6"),
        "{both:?}"
    );
    let future = ["--type", "cryptofuture", "--exchange", "binance-futures"];
    let future = cli.run(&[&import[..], &future].concat()).expect_code(0);
    assert!(
        future.stdout.starts_with("read 1, created 1, "),
        "{future:?}"
    );
}

#[test]
fn names_that_differ_in_case_report_the_second() {
    let cli = Cli::migrated();
    let header = TABLE.lines().next().expect("a header");
    let row = |name: &str| format!("oanda,{name},forex,Euro,USD,1,0.00001,1\n");
    let (first, second) = (row("EURUSD"), row("EurUsd"));
    cli.file("two.csv", format!("{header}\n{first}{second}"));
    cli.file("other.csv", format!("{header}\n{second}"));
    let import = |file| {
        cli.run(&[
            "import", "symbols", file, "--format", "lean", "--market", "oanda",
        ])
    };
    let two = import("two.csv").expect_code(1);
    assert!(
        two.stdout.starts_with("read 2, created 1, ") && two.stdout.contains("rejected 1"),
        "{two:?}"
    );
    let reported = "line 3: EurUsd (forex) differs from EURUSD in line 2 only in case";
    assert!(two.stderr.contains(reported), "{two:?}");
    // a stored symbol has the name as well
    let other = import("other.csv").expect_code(1);
    let reported = "line 2: \"EurUsd\" differs from oanda:EURUSD (symbol_id 1) only in case";
    assert!(other.stderr.contains(reported), "{other:?}");
}

#[test]
fn unknown_markets_and_unusable_tables_are_refused() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    cli.file("other.csv", "a,b\n1,2\n");
    let import = |file, market| {
        cli.run(&[
            "import", "symbols", file, "--format", "lean", "--market", market,
        ])
    };
    let market = import("table.csv", "nasdaq");
    assert!(
        market
            .error()
            .contains("use one of bad, binance, fxcm, oanda"),
        "{market:?}"
    );
    let table = import("other.csv", "oanda");
    assert!(
        table.error().contains("no column market among a, b"),
        "{table:?}"
    );
    let missing = import("missing.csv", "oanda");
    assert!(
        missing.error().contains("missing.csv: file not found"),
        "{missing:?}"
    );
}

#[test]
fn every_row_of_a_real_market_is_stored() {
    let Some(folder) = market_data() else { return };
    let cli = Cli::migrated();
    let table = folder.join("symbol-properties-database.csv");
    let text = std::fs::read_to_string(&table).expect("readable");
    let rows = text
        .lines()
        .filter(|line| line.starts_with("oanda,"))
        .count();
    let table = table.to_str().expect("UTF-8");
    let import = [
        "import", "symbols", table, "--format", "lean", "--market", "oanda", "--json",
    ];
    let run = cli.run(&import).expect_code(0);
    assert_eq!(run.json(), counted([rows, rows, 0, 0, 0, 0]));
}
