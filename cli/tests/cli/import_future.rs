//! Tests of imports of files whose times are ahead of the clock.

use serde_json::json;
use tickbook::domain::{PriceBasis, SymbolReference, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;

use crate::support::Cli;

/// A past line, a future line, and another past line.
const TICKS: &str = "tick_time,bid,ask\n\
                     2014-05-01T00:00:00Z,1.1,1.2\n\
                     2099-12-31T00:00:00Z,1.1,1.2\n\
                     2014-05-01T00:00:01Z,1.1,1.3\n";

const BAR: &str = "0,1.1,1.4,1.0,1.2,10,1.2,1.5,1.1,1.3,20\r\n";

const OF_SYMBOL: [&str; 4] = ["--symbol", "oanda:EURUSD", "--create-symbol", "--json"];

fn import(kind: &str, format: &str, files: &[&str], options: &[&str]) -> Vec<String> {
    let command = ["import", kind, "--format", format];
    let command = [&command, files, &OF_SYMBOL, options].concat();
    command.into_iter().map(str::to_owned).collect()
}

fn ticks(options: &[&str]) -> Vec<String> {
    import("ticks", "csv", &["quotes.csv"], options)
}

fn run(cli: &Cli, command: &[String], settings: &[(&str, &str)]) -> crate::support::Run {
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    cli.run_with(&command, settings)
}

#[tokio::test]
async fn future_ticks_are_rejected_with_their_line() {
    let cli = Cli::migrated();
    cli.file("quotes.csv", TICKS);
    let rejecting = run(&cli, &ticks(&["--batch-size", "1"]), &[]).expect_code(1);
    assert_eq!(
        rejecting.json(),
        json!({"read": 3, "inserted": 2, "duplicates": 0, "conflicts": 0, "rejected": 1, "crossed": 0})
    );
    for part in [
        "quotes.csv: line 3: tick_time 2099-12-31T00:00:00.000000Z is ",
        "300 s are allowed",
        "--allow-future",
    ] {
        assert!(rejecting.stderr.contains(part), "{part}: {rejecting:?}");
    }
    assert_eq!(rejecting.stderr.lines().count(), 1, "{rejecting:?}");

    let taking = run(&cli, &ticks(&["--allow-future"]), &[]).expect_code(0);
    assert_eq!(
        taking.json(),
        json!({"read": 3, "inserted": 1, "duplicates": 2, "conflicts": 0, "rejected": 0, "crossed": 0})
    );
}

#[tokio::test]
async fn settings_limit_the_times_of_an_import() {
    let cli = Cli::migrated();
    cli.file("quotes.csv", TICKS);
    let off = ("TICKBOOK__QUALITY__FUTURE", "off");
    // a century, which is more than any line is ahead
    let far = ("TICKBOOK__QUALITY__FUTURE_LIMIT_MS", "3162240000000");
    for setting in [off, far] {
        run(&cli, &ticks(&[]), &[setting]).expect_code(0);
    }
    run(&cli, &ticks(&[]), &[]).expect_code(1);
    // the settings of a symbol apply to it only
    std::fs::create_dir(cli.folder.path().join("config")).expect("a folder");
    for (name, code) in [("oanda:EURUSD", 0), ("oanda:GBPUSD", 1)] {
        let settings = format!("[quality.symbols.\"{name}\"]\nfuture = \"off\"\n");
        cli.file("config/default.toml", settings);
        run(&cli, &ticks(&[]), &[]).expect_code(code);
    }
}

#[tokio::test]
async fn future_candles_are_rejected() {
    let cli = Cli::migrated();
    cli.file("20991231_bars.csv", BAR);
    cli.file("20140501_bars.csv", BAR);
    let files = ["20991231_bars.csv", "20140501_bars.csv"];
    let rejecting = import("candles", "lean", &files, &[]);
    let rejecting = run(&cli, &rejecting, &[]).expect_code(1);
    assert_eq!(
        rejecting.json(),
        json!({"read": 2, "stored": 2, "skipped": 0, "rejected": 1})
    );
    let reported = "20991231_bars.csv: line 1: open_time 2099-12-31T00:00:00.000000Z is ";
    assert!(rejecting.stderr.contains(reported), "{rejecting:?}");
    let repositories = cli.repositories();
    let reference: SymbolReference = "oanda:EURUSD".parse().expect("valid");
    let symbol = repositories.symbols.get_by_name(&reference).await;
    let symbol_id = symbol.expect("answered").expect("created").symbol_id;
    let all = TimeRange::all();
    let query = CandleQuery::new(symbol_id, Timeframe::M1, PriceBasis::Bid, all);
    let stored = repositories.ohlc.candles(&query).await.expect("answered");
    assert_eq!(stored.items.len(), 1);

    let taking = import("candles", "lean", &files, &["--allow-future"]);
    let taking = run(&cli, &taking, &[]).expect_code(0);
    assert_eq!(
        taking.json(),
        json!({"read": 2, "stored": 4, "skipped": 0, "rejected": 0})
    );
}
