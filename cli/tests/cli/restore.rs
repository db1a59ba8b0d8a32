//! Tests of restoring exported candles of ticks, on real databases.

use crate::support::{Cli, Run};
use serde_json::json;

const HEADER: &str =
    "open_time,close_time,timeframe,basis,open,high,low,close,volume,tick_count,closed,source\n";

fn import(cli: &Cli, rows: &str, options: &[&str]) -> Run {
    cli.file("candles.csv", format!("{HEADER}{rows}"));
    let import = ["import", "candles", "candles.csv", "--format", "csv"];
    let to = ["--symbol", "A", "--create-symbol", "--json"];
    cli.run(&[&import[..], &to, options].concat())
}

/// The rows of the one-minute bid candles.
fn minutes(cli: &Cli) -> Vec<String> {
    rows(cli, "1m")
}

fn rows(cli: &Cli, timeframe: &str) -> Vec<String> {
    let export = [
        "export",
        "candles",
        "--symbol",
        "A",
        "--timeframe",
        timeframe,
    ];
    let run = cli.run(&export).expect_code(0);
    run.stdout.lines().skip(1).map(str::to_owned).collect()
}

fn minute(minute: u32, price: &str, count: u32, source: &str) -> String {
    let end = minute + 1;
    format!(
        "2014-05-01T00:{minute:02}:00.000000Z,2014-05-01T00:{end:02}:00.000000Z,1m,bid,{price},\
         {price},{price},{price},0,{count},true,{source}"
    )
}

fn counts(read: u64, stored: u64, skipped: u64, rejected: u64) -> serde_json::Value {
    json!({"read": read, "stored": stored, "skipped": skipped, "rejected": rejected})
}

#[test]
fn candles_of_dropped_ticks_are_restored() {
    let cli = Cli::migrated();
    let exported = [
        minute(0, "1", 3, "downsampled"),
        minute(1, "2", 4, "downsampled"),
        minute(2, "3", 5, "ticks"),
    ];
    let run = import(&cli, &exported.join("\n"), &[]).expect_code(0);
    assert_eq!(run.json(), counts(3, 3, 0, 0));
    let expected = [
        minute(0, "1", 3, "downsampled"),
        minute(1, "2", 4, "downsampled"),
        minute(2, "3", 5, "downsampled"),
    ];
    assert_eq!(minutes(&cli), expected);
    let hours = rows(&cli, "1h");
    assert!(
        hours[0].ends_with(",1,3,1,3,0,12,true,rolled_up"),
        "{hours:?}"
    );
    // a candle with more ticks replaces a candle with fewer, and not the reverse
    let copies = [
        minute(0, "8", 2, "downsampled"),
        minute(1, "9", 5, "downsampled"),
    ];
    let run = import(&cli, &copies.join("\n"), &[]).expect_code(0);
    assert_eq!(run.json(), counts(2, 1, 1, 0));
    assert_eq!(
        minutes(&cli)[..2],
        [
            minute(0, "1", 3, "downsampled"),
            minute(1, "9", 5, "downsampled")
        ]
    );
}

#[test]
fn ticks_and_imported_candles_are_never_replaced() {
    let cli = Cli::migrated();
    cli.file(
        "ticks.csv",
        "tick_time,bid,ask\n2014-05-01T00:00:59.999999Z,1,2\n2014-05-01T00:02:00Z,1,2\n",
    );
    let ticks = [
        "import",
        "ticks",
        "ticks.csv",
        "--format",
        "csv",
        "--symbol",
        "A",
    ];
    cli.run(&[&ticks[..], &["--create-symbol"]].concat())
        .expect_code(0);
    let own = minute(3, "7", 0, "mine");
    import(&cli, &own, &[]).expect_code(0);
    let before = minutes(&cli);
    assert_eq!(
        before,
        [
            minute(0, "1", 1, "ticks"),
            minute(2, "1", 1, "ticks"),
            own.clone()
        ]
    );
    let rows = [
        minute(0, "5", 90, "downsampled"),
        minute(1, "5", 90, "downsampled"),
        minute(2, "5", 90, "ticks"),
        minute(3, "5", 90, "ticks"),
    ];
    for round in 0..2 {
        let run = import(&cli, &rows.join("\n"), &["--batch-size", "1"]).expect_code(0);
        assert_eq!(run.json(), counts(4, 1, 3, 0), "{round}");
        assert!(
            run.stderr.contains("note: 3 candles computed from ticks"),
            "{run:?}"
        );
    }
    let after = [
        &before[..1],
        &[minute(1, "5", 90, "downsampled")],
        &before[1..],
    ]
    .concat();
    assert_eq!(minutes(&cli), after);
}

#[test]
fn derived_and_filled_rows_are_skipped_and_noted() {
    let cli = Cli::migrated();
    let hour = |price: &str, source: &str| {
        format!(
            "2014-05-01T01:00:00.000000Z,2014-05-01T02:00:00.000000Z,1h,bid,{price},0,9,true,{source}"
        )
    };
    let rows = [
        hour("1,1,1,1,0", "ticks").replace(",0,9", ",9"),
        hour("1,1,1,1", "rolled_up"),
        hour(",,,1", "filled"),
        hour("1,2,1,2", "mine"),
    ];
    let run = import(&cli, &rows.join("\n"), &[]).expect_code(0);
    assert_eq!(run.json(), counts(4, 1, 3, 0));
    for note in [
        "note: 1 lines are placeholders",
        "note: 2 candles were computed from ticks",
    ] {
        assert!(run.stderr.contains(note), "{run:?}");
    }
    assert_eq!(self::rows(&cli, "1h"), [hour("1,2,1,2", "mine")]);
    // with a source they are stored as they are; both are of one hour
    let run = import(&cli, &rows[..3].join("\n"), &["--source", "copy"]).expect_code(0);
    assert_eq!(run.json(), counts(3, 1, 1, 0));
    assert_eq!(self::rows(&cli, "1h"), [hour("1,1,1,1", "copy")]);
}

#[test]
fn forming_candles_of_ticks_are_rejected() {
    let cli = Cli::migrated();
    let forming = minute(0, "1", 1, "ticks").replace("true", "false");
    let rows = [
        forming,
        minute(1, "1", 1, "ticks"),
        minute(2, "1,1", 1, "mine"),
    ];
    for source in [&[][..], &["--source", "copy"]] {
        let run = import(&cli, &rows.join("\n"), source).expect_code(1);
        assert_eq!(run.json(), counts(3, 1, 0, 2));
        assert!(
            run.stderr.contains("candles.csv: line 2: closed is false"),
            "{run:?}"
        );
        assert!(
            run.stderr.contains("line 4: has 16 columns, not 12"),
            "{run:?}"
        );
    }
}

#[test]
fn names_of_candles_made_of_ticks_are_reserved() {
    let cli = Cli::new();
    cli.file("20140501_bars.csv", "0,1,1,1,1,1,1,1,1,1,1\n");
    for name in ["downsampled", "Downsampled", "ticks", "rolled_up", "filled"] {
        for format in ["lean", "csv"] {
            let import = ["import", "candles", "20140501_bars.csv", "--format", format];
            let run = cli.run(&[&import[..], &["--symbol", "A", "--source", name]].concat());
            let error = run.error();
            assert!(
                error.contains(&format!("--source {name} is reserved for")),
                "{run:?}"
            );
            assert!(error.contains("--format csv and omit --source"), "{run:?}");
        }
    }
    for name in ["", " a", "a\nb"] {
        let import = ["import", "candles", "20140501_bars.csv", "--format", "lean"];
        let run = cli.run(&[&import[..], &["--symbol", "A", "--source", name]].concat());
        assert!(run.error().contains("--source must have"), "{run:?}");
    }
}
