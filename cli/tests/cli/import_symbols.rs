//! import symbols against a real database.

use crate::support::{Cli, market_data};
use serde_json::json;
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

#[tokio::test]
async fn symbols_of_one_market_are_stored_and_can_be_imported_again() {
    let cli = Cli::migrated();
    cli.file("table.csv", TABLE);
    let import = [
        "import",
        "symbols",
        "table.csv",
        "--format",
        "lean",
        "--market",
        "oanda",
    ];
    let first = cli.run(&[&import[..], &["--json"]].concat()).expect_code(0);
    assert_eq!(first.json(), json!({"read": 2, "stored": 2, "rejected": 0}));
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

    let second = cli.run(&import).expect_code(0);
    assert!(
        second.stdout.starts_with("read 2, stored 2, rejected 0"),
        "{second:?}"
    );
    let again = symbols.get_by_name(&reference).await.expect("answered");
    assert_eq!(again, Some(euro));
}

#[test]
fn a_row_that_cannot_be_used_is_listed_and_the_others_are_stored() {
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
    assert_eq!(run.json(), json!({"read": 2, "stored": 1, "rejected": 1}));
    assert!(
        run.stderr
            .contains("table.csv: line 8: minimum_price_variation \"nothing\""),
        "{run:?}"
    );
}

#[test]
fn one_name_of_two_types_needs_two_exchanges() {
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
        both.stdout.starts_with("read 2, stored 1, rejected 1"),
        "{both:?}"
    );
    assert!(
        both.stderr
            .contains("line 7: BTCUSDT (cryptofuture) stands in line 6"),
        "{both:?}"
    );
    let future = ["--type", "cryptofuture", "--exchange", "binance-futures"];
    let future = cli.run(&[&import[..], &future].concat()).expect_code(0);
    assert!(
        future.stdout.starts_with("read 1, stored 1, rejected 0"),
        "{future:?}"
    );
}

#[test]
fn an_unknown_market_and_an_unusable_table_are_refused() {
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
        missing
            .error()
            .contains("missing.csv: there is no such file"),
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
    assert_eq!(
        run.json(),
        json!({"read": rows, "stored": rows, "rejected": 0})
    );
}
