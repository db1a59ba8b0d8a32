//! Tests that all commands accept an id or a name for `--symbol`, and a date for `--from` and `--to`.

use crate::support::{Cli, Run};

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

/// EURUSD has the id 1, and the name of the symbol 2 is a number.
fn prepared() -> Cli {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "1,1.1,1.2\n");
    cli.file("20140502_quote.csv", "1,1.3,1.4\n2,1.3,1.4\n");
    for (symbol, file) in [("oanda:EURUSD", "20140501"), ("oanda:1", "20140502")] {
        let import = format!("import ticks {file}_quote.csv --symbol {symbol} --create-symbol");
        run(&cli, &format!("{import} --format lean")).expect_code(0);
    }
    cli
}

#[test]
fn symbol_is_an_id_or_a_name() {
    let cli = prepared();
    for (symbol, lines) in [("1", 2), ("EURUSD", 2), ("oanda:1", 3), ("2", 3)] {
        let rows = run(&cli, &format!("export ticks --symbol {symbol}")).expect_code(0);
        assert_eq!(rows.stdout.lines().count(), lines, "{symbol}");
        let command = format!("export candles --symbol {symbol}");
        run(&cli, &command).expect_code(0);
        let command = format!("verify --symbol {symbol}");
        let verified = run(&cli, &command).expect_code(0);
        let ticks = format!("{} ticks and ", lines - 1);
        assert!(verified.stdout.starts_with(&ticks), "{verified:?}");
        let range = "--from 2014-05-01 --to 2014-05-03 --dry-run";
        let dry = run(&cli, &format!("delete ticks --symbol {symbol} {range}")).expect_code(0);
        let ticks = format!("would delete {} ticks", lines - 1);
        assert!(dry.stdout.starts_with(&ticks), "{dry:?}");
        run(&cli, &format!("quarantine list --symbol {symbol}")).expect_code(0);
    }
    let import = run(
        &cli,
        "import ticks 20140501_quote.csv --symbol 1 --format lean",
    );
    assert!(import.expect_code(0).stdout.contains("duplicates 1"));
}

#[test]
fn unknown_symbol_id_is_an_error() {
    let cli = prepared();
    for command in [
        "export ticks --symbol 81",
        "export candles --symbol 81",
        "verify --symbol 81",
        "delete ticks --symbol 81 --from 2014-05-01 --to 2014-05-02 --yes",
        "quarantine list --symbol 81",
        "import ticks 20140501_quote.csv --symbol 81 --format lean",
        "import ticks 20140501_quote.csv --symbol 81 --format lean --create-symbol",
    ] {
        let run = run(&cli, command);
        assert!(
            run.error().contains("no symbol with the id 81"),
            "{command}: {run:?}"
        );
    }
}

#[test]
fn date_is_its_midnight() {
    let cli = prepared();
    let count = |range: &str| {
        let rows = run(&cli, &format!("export ticks --symbol oanda:1 {range}")).expect_code(0);
        rows.stdout.lines().count() - 1
    };
    assert_eq!(count("--from 2014-05-02"), 2);
    assert_eq!(count("--to 2014-05-02"), 0);
    assert_eq!(count("--from 2014-05-02T00:00:00.002Z --to 2014-05-03"), 1);
    let wrong = run(&cli, "verify --from yesterday").expect_code(2);
    assert!(wrong.stderr.contains("2014-05-02"), "{wrong:?}");
}

#[test]
fn findings_have_the_name_of_the_symbol() {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "1,1.2,1.1\n");
    let import = "import ticks 20140501_quote.csv --symbol oanda:EURUSD --create-symbol";
    run(&cli, &format!("{import} --format lean")).expect_code(0);
    let found = run(&cli, "verify").expect_code(1);
    assert!(found.stdout.contains("[oanda:EURUSD]"), "{found:?}");
    let found = run(&cli, "verify --json").expect_code(1);
    assert!(
        found.stdout.contains("\"symbol\":\"oanda:EURUSD\""),
        "{found:?}"
    );
}
