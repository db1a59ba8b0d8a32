//! Tests that an import which stores nothing creates no symbol.

use crate::support::{Cli, Run};

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

fn symbols(cli: &Cli) -> String {
    run(cli, "symbols list --json").expect_code(0).stdout
}

#[test]
fn import_that_stores_nothing_creates_no_symbol() {
    let cli = Cli::migrated();
    cli.file("20140501_bad.csv", "x,1.1,1.2\n");
    cli.file("20990501_quote.csv", "1,1.1,1.2\n");
    cli.file("20140501_empty.csv", "");
    cli.file("bad.csv", "tick_time,bid,ask\n1969-12-31T23:59:59Z,1,2\n");
    cli.file(
        "20140501_bars.csv",
        "0,1.1,1.0,1.0,1.2,10,1.2,1.5,1.1,1.3,20\n",
    );
    for (command, code) in [
        ("import ticks 20140501_bad.csv --format lean", 1),
        ("import ticks 20990501_quote.csv --format lean", 1),
        ("import ticks 20140501_empty.csv --format lean", 0),
        ("import ticks bad.csv --format csv", 1),
        ("import ticks missing.csv --format csv", 2),
        ("import candles 20140501_bars.csv --format lean", 1),
        ("import candles 20990501_quote.csv --format lean", 2),
        ("import candles missing.csv --format lean", 2),
    ] {
        let command = format!("{command} --symbol oanda:EURUSD --create-symbol");
        let reported = run(&cli, &command).expect_code(code);
        assert_eq!(symbols(&cli), "", "{command}: {reported:?}");
    }
    let wrong = "import ticks 20140501_bad.csv --format lean --symbol o,anda:X --create-symbol";
    run(&cli, wrong).expect_code(2);
    assert_eq!(symbols(&cli), "");
}

#[test]
fn ticks_below_the_floor_create_no_symbol() {
    let cli = Cli::migrated();
    run(&cli, "aggregates apply").expect_code(0);
    run(&cli, "policies apply --yes").expect_code(0);
    cli.file("20140501_quote.csv", "1,1.1,1.2\n2,1.1,1.2\n");
    let import =
        "import ticks 20140501_quote.csv --format lean --symbol a:B --create-symbol --json";
    let refused = run(&cli, import).expect_code(1);
    assert_eq!(refused.json()["rejected"], 2, "{refused:?}");
    assert!(
        refused.stderr.contains("line 1: its time is older than"),
        "{refused:?}"
    );
    assert_eq!(symbols(&cli), "");
}

#[test]
fn first_stored_row_creates_the_symbol() {
    let cli = Cli::migrated();
    cli.file(
        "quotes.csv",
        "tick_time,bid,ask\nx,1,2\nx,1,2\n2014-05-01T00:00:00Z,1,2\n2014-05-01T00:00:01Z,1,2\n",
    );
    cli.file(
        "20140501_bars.csv",
        "x\n0,1.1,1.4,1.0,1.2,10,1.2,1.5,1.1,1.3,20\n",
    );
    let ticks = "import ticks quotes.csv --format csv --symbol a:B --create-symbol --batch-size 1";
    run(&cli, ticks).expect_code(1);
    let candles = "import candles 20140501_bars.csv --format lean --symbol a:C --create-symbol";
    run(&cli, &format!("{candles} --batch-size 1")).expect_code(1);
    let rows = |command: &str| run(&cli, command).expect_code(0).stdout.lines().count() - 1;
    assert_eq!(rows("export ticks --symbol a:B"), 2);
    assert_eq!(rows("export candles --symbol a:C"), 1);
    assert_eq!(symbols(&cli).lines().count(), 2);
}

#[test]
fn rules_of_a_new_symbol_apply_to_its_import() {
    let cli = Cli::migrated();
    cli.file(
        "tickbook.toml",
        "[quality.symbols.\"a:B\"]\nfuture = \"off\"\n",
    );
    cli.file("20990501_quote.csv", "1,1.1,1.2\n");
    let import = "import ticks 20990501_quote.csv --format lean --create-symbol --symbol";
    run(&cli, &format!("{import} a:C")).expect_code(1);
    run(&cli, &format!("{import} a:B")).expect_code(0);
    assert_eq!(symbols(&cli).lines().count(), 1);
}
