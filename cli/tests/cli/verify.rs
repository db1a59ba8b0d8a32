//! Tests of verify on real databases.

use serde_json::Value;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolId, TimeRange, Timeframe};
use tickbook::repository::CandleQuery;

use crate::support::{Cli, Run, psql};

const DAY: &str = "292,1.38676,1.38686\n20292,1.38676,1.38687\n60292,1.38675,1.38688\n\
                   400000,1.38675,1.38670\n7200000,1.38675,1.38688\n";

fn imported() -> Cli {
    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    cli.file("20140501_quote.csv", DAY);
    let command = [
        "import",
        "ticks",
        "20140501_quote.csv",
        "--format",
        "lean",
        "--symbol",
        "EURUSD",
        "--create-symbol",
    ];
    cli.run(&command).expect_code(0);
    cli
}

fn lines(run: &Run) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("one JSON object a line");
    run.stdout.lines().map(parse).collect()
}

/// Stores the first minute as a candle with other values.
async fn damage(cli: &Cli, by: &str) -> Candle {
    let ohlc = cli.repositories().ohlc;
    let query = CandleQuery::new(
        SymbolId::new(1),
        Timeframe::M1,
        PriceBasis::Bid,
        TimeRange::all(),
    );
    let mut candle = ohlc.candles(&query).await.expect("read").items.remove(0);
    let right = candle.clone();
    candle.high += rust_decimal::Decimal::ONE;
    candle.source = CandleSource::Stored(by.to_owned());
    ohlc.upsert_candles(&[candle]).await.expect("stored");
    right
}

#[test]
fn clean_databases_exit_with_0_and_say_so() {
    let cli = imported();
    let run = cli
        .run(&["verify", "--skip", "crossed_quotes"])
        .expect_code(0);
    assert!(run.stdout.ends_with("clean\n"), "{run:?}");
    assert!(run.stdout.starts_with("5 ticks and "), "{run:?}");
    assert_eq!(run.stderr, "", "no progress bar without a terminal");
}

#[test]
fn findings_exit_with_1_as_text_and_json_lines() {
    let cli = imported();
    let command = ["verify", "--symbol", "EURUSD", "--gap", "5m"];
    let run = cli.run(&command).expect_code(1);
    for expected in [
        "crossed_quotes: symbol 1 from 2014-05-01T00:06:40Z",
        "gap: symbol 1: no tick from 2014-05-01T00:01:00.292Z to 2014-05-01T00:06:40Z, length 339 s",
        "findings: 3",
    ] {
        assert!(run.stdout.contains(expected), "{expected}: {run:?}");
    }
    let run = cli
        .run(&[&command[..], &["--json"]].concat())
        .expect_code(1);
    let lines = lines(&run);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["type"], "finding");
    let summary = &lines[3];
    assert_eq!(summary["type"], "summary");
    assert_eq!(
        (&summary["ticks"], &summary["left"]),
        (&5.into(), &3.into())
    );
    assert_eq!(summary["findings"]["tick_gap"], 2);
}

#[tokio::test]
async fn wrong_downsampled_candle_is_shown_and_repaired() {
    let cli = imported();
    let right = damage(&cli, "downsampled").await;
    let command = [
        "verify",
        "--skip",
        "crossed_quotes",
        "--timeframe",
        "1m",
        "--json",
    ];
    let reported = lines(&cli.run(&command).expect_code(1));
    assert_eq!(reported[0]["kind"], "stored_candle_differs");
    assert_eq!(reported[0]["found"]["high"], "2.38676");
    assert_eq!(reported[0]["expected"]["high"], right.high.to_string());
    assert_eq!(reported[0]["repaired"], Value::Null);
    let repair = [&command[..], &["--repair"]].concat();
    let reported = lines(&cli.run(&repair).expect_code(0));
    assert_eq!(reported[0]["repaired"], true);
    cli.run(&command).expect_code(0);
}

#[tokio::test]
async fn unrepaired_findings_exit_with_1_and_a_reason() {
    let cli = imported();
    damage(&cli, "import").await;
    let command = [
        "verify",
        "--skip",
        "crossed_quotes",
        "--repair",
        "--timeframe",
        "1m",
    ];
    let run = cli.run(&command).expect_code(1);
    assert!(
        run.stdout
            .contains("[not repaired: it was stored by \"import\""),
        "{run:?}"
    );
}

#[test]
fn chunks_are_compared_with_the_settings() {
    let cli = imported();
    let mut command = vec!["verify", "--json"];
    // once policies are applied, ticks of 2014 should have been dropped
    for kind in [
        "crossed_quotes",
        "chunk_not_dropped",
        "chunk_not_compressed",
    ] {
        command.extend(["--skip", kind]);
    }
    let variables = [("TICKBOOK__POLICIES__TICKS__CHUNK", "12h")];
    let reported = lines(&cli.run_with(&command, &variables).expect_code(1));
    assert_eq!(reported[0]["kind"], "chunk_interval");
    assert_eq!(reported[0]["object"], "ticks");
    cli.run_with(&["policies", "apply", "--yes"], &variables)
        .expect_code(0);
    cli.run(&command).expect_code(1);
    let reported = lines(&cli.run_with(&command, &variables).expect_code(0));
    assert_eq!(reported[0]["type"], "summary");
}

#[tokio::test]
async fn overdue_late_days_are_reported() {
    let cli = imported();
    psql(
        &cli,
        "INSERT INTO late_days (day, arrived_at) \
         VALUES ('2014-05-01T00:00:00Z', now() - INTERVAL '2 hours')",
    );
    let command = ["verify", "--skip", "crossed_quotes"];
    let json = [&command[..], &["--json"]].concat();
    let aggregates = "SELECT count(*) FROM timescaledb_information.continuous_aggregates \
                      WHERE view_schema = current_schema()";
    if psql(&cli, aggregates) == "0" {
        // candles that are computed at every read need no refresh
        cli.run(&command).expect_code(0);
        return;
    }
    let run = cli.run(&command).expect_code(1);
    let text = "refresh_backlog_overdue: late_days: 1 days with late ticks wait for a refresh";
    assert!(run.stdout.contains(text), "{run:?}");
    let reported = lines(&cli.run(&json).expect_code(1));
    assert_eq!(reported[0]["kind"], "refresh_backlog_overdue");
    assert_eq!(reported[0]["numbers"]["days"], 1);
    let age = reported[0]["numbers"]["oldest_age_seconds"].as_i64();
    assert!(
        age.is_some_and(|age| (7_200..7_500).contains(&age)),
        "{reported:?}"
    );
    let patient = [("TICKBOOK__POLICIES__MAINTAIN_EVERY", "1h")];
    cli.run_with(&command, &patient).expect_code(0);
}

#[test]
fn missing_symbol_day_is_reported_until_maintained() {
    let cli = imported();
    psql(&cli, "DELETE FROM symbol_days");
    let command = ["verify", "--skip", "crossed_quotes"];
    let run = cli.run(&command).expect_code(1);
    let text = "symbol_day_missing: symbol_days: ";
    assert!(run.stdout.contains(text), "{run:?}");
    assert!(run.stdout.contains("findings: 1"), "{run:?}");
    let json = [&command[..], &["--json"]].concat();
    let reported = lines(&cli.run(&json).expect_code(1));
    assert_eq!(reported[0]["kind"], "symbol_day_missing");
    assert_eq!(reported[0]["numbers"]["days"], 1);
    // neither another symbol nor another day
    cli.run(&[&command[..], &["--from", "2014-05-02"]].concat())
        .expect_code(0);
    let skip = [&command[..], &["--skip", "symbol_day_missing"]].concat();
    cli.run(&skip).expect_code(0);
    psql(&cli, "INSERT INTO unrecorded_ticks DEFAULT VALUES");
    cli.run(&command).expect_code(0);
    cli.run(&["maintain"]).expect_code(0);
    assert_eq!(psql(&cli, "SELECT count(*) FROM symbol_days"), "1");
    assert_eq!(psql(&cli, "SELECT count(*) FROM unrecorded_ticks"), "0");
    cli.run(&command).expect_code(0);
}

#[test]
fn unreadable_candle_is_named_and_stops_no_audit() {
    let cli = imported();
    cli.file("20140502_quote.csv", DAY);
    let other = ["import", "ticks", "20140502_quote.csv", "--format", "lean"];
    let symbol = ["--symbol", "GBPUSD", "--create-symbol"];
    cli.run(&[&other[..], &symbol].concat()).expect_code(0);
    psql(
        &cli,
        "ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_prices_numbers; \
         ALTER TABLE ohlc_candles DROP CONSTRAINT ohlc_candles_high_highest; \
         INSERT INTO ohlc_candles VALUES (1, '1m', 'bid', '2014-05-01T00:10:00Z', \
         '2014-05-01T00:11:00Z', 1, 1, 1, 'NaN', 0, 0, 'import')",
    );
    let text = "candle 1m bid of symbol 1 at 2014-05-01 00:10:00 UTC holds a value that cannot be \
                read: close: it is NaN";
    let command = ["verify", "--skip", "crossed_quotes"];
    let run = cli.run(&command).expect_code(1);
    assert!(run.stdout.contains(text), "{run:?}");
    assert!(run.stdout.contains("10 ticks and "), "{run:?}");
    assert!(run.stdout.ends_with("findings: 1\n"), "{run:?}");
    let reported = lines(
        &cli.run(&[&command[..], &["--json"]].concat())
            .expect_code(1),
    );
    assert_eq!(reported[0]["kind"], "unreadable");
    assert_eq!(reported[0]["symbol_id"], 1);
    assert_eq!(reported[0]["from"], "2014-05-01T00:00:00.000000Z");

    let export = [
        "export",
        "candles",
        "--symbol",
        "EURUSD",
        "--timeframe",
        "1m",
    ];
    let run = cli.run(&export).expect_code(2);
    assert!(run.stderr.contains(text), "{run:?}");
}

#[test]
fn sums_of_many_digits_are_verified_and_exported() {
    let cli = Cli::migrated();
    let largest = "999999999999999.999999999999";
    let rows = (0..45).map(|at| format!("2014-05-01T00:00:{at:02}Z,1,2,{largest},{largest}\n"));
    let rows: String = rows.collect();
    cli.file("t.csv", format!("tick_time,bid,ask,bid_volume,ask_volume\n{rows}2014-05-01T00:01:00Z,1,2,{largest},{largest}\n"));
    let import = [
        "import", "ticks", "t.csv", "--format", "csv", "--symbol", "EURUSD",
    ];
    cli.run(&[&import[..], &["--create-symbol"]].concat())
        .expect_code(0);
    cli.run(&["verify"]).expect_code(0);
    let export = [
        "export",
        "candles",
        "--symbol",
        "EURUSD",
        "--timeframe",
        "1d",
    ];
    let run = cli.run(&export).expect_code(0);
    assert!(
        run.stdout.contains(",91999999999999999.99999999991,46,"),
        "{run:?}"
    );
}

#[test]
fn audit_that_cannot_run_exits_with_2() {
    let cli = Cli::migrated();
    let run = cli.run(&["verify", "--symbol", "XAUUSD"]);
    assert!(run.error().contains("there is no symbol XAUUSD"), "{run:?}");
    let run = cli.run(&["verify", "--gap", "5 minutes"]).expect_code(2);
    assert!(run.stderr.contains("such as 90s, 5m"), "{run:?}");
    let nowhere = [(
        "TIMESCALEDB_URL",
        "postgresql://someone:S3cretPw@127.0.0.1:1/none",
    )];
    cli.run_with(&["verify"], &nowhere).expect_code(2);
}
