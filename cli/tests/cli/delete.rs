//! Tests of `tickbook delete`.

use serde_json::json;

use crate::support::{Cli, Run, psql};

/// Ticks of three minutes of 2014-05-01, and two bars, one of which covers a minute with ticks.
fn with_ticks_and_bars() -> Cli {
    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    cli.file(
        "20140501_quote.csv",
        "292,1.1,1.2\n60292,1.1,1.2\n60293,1.3,1.4\n86399000,1.1,1.2\n",
    );
    cli.file(
        "20140501_bars.csv",
        "0,1.1,1.4,1.0,1.2,10,1.2,1.5,1.1,1.3,20\n120000,1.2,1.3,1.2,1.3,0,1.3,1.4,1.3,1.4,0\n",
    );
    let ticks = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    let bars = "import candles 20140501_bars.csv --symbol EURUSD --format lean";
    for command in [ticks, bars] {
        run(&cli, command).expect_code(0);
    }
    cli
}

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

const MINUTE: &str = "--symbol EURUSD --from 2014-05-01T00:01:00Z --to 2014-05-01T00:02:00Z";
const DAY: &str = "--symbol EURUSD --from 2014-05-01T00:00:00Z --to 2014-05-02T00:00:00Z";

#[test]
fn ticks_are_deleted_when_that_is_confirmed() {
    let cli = with_ticks_and_bars();
    let dry = run(&cli, &format!("delete ticks {MINUTE} --dry-run")).expect_code(0);
    assert!(
        dry.stdout.starts_with("would delete 2 ticks from "),
        "{dry:?}"
    );
    assert!(
        dry.stdout.contains("candles that change: 1 of 1m, 1 of 5m"),
        "{dry:?}"
    );
    let refused = run(&cli, &format!("delete ticks {MINUTE}")).expect_code(1);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let refused = run(&cli, &format!("delete ticks {MINUTE} --json")).expect_code(1);
    let mut expected = json!({
        "deleted": false, "ticks": 2,
        "first": "2014-05-01T00:01:00.292000Z", "last": "2014-05-01T00:01:00.293000Z",
        "candles": {"1m": 1, "5m": 1, "15m": 1, "30m": 1, "1h": 1, "4h": 1, "1d": 1},
    });
    assert_eq!(refused.json(), expected);
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "4");

    let done = run(&cli, &format!("delete ticks {MINUTE} --yes --json")).expect_code(0);
    expected["deleted"] = true.into();
    assert_eq!(done.json(), expected);
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "2");
    let minutes = "SELECT string_agg(to_char(open_time AT TIME ZONE 'UTC', 'HH24:MI'), ' ' \
                   ORDER BY open_time) FROM ohlc_1m";
    assert_eq!(psql(&cli, minutes), "00:00 23:59");
    // the day was refreshed, so nothing is pending
    let day = "SELECT bid_tick_count FROM ohlc_1d";
    assert_eq!(psql(&cli, day), "2");
    let again = run(&cli, &format!("delete ticks {MINUTE}")).expect_code(0);
    assert_eq!(again.stdout, "would delete 0 ticks\n");
}

#[test]
fn candles_without_ticks_are_deleted() {
    let cli = with_ticks_and_bars();
    let dry = run(&cli, &format!("delete candles {DAY} --dry-run")).expect_code(0);
    assert_eq!(
        dry.stdout,
        "would delete 4 candles: 4 of 1m\n\
         3 more are computed from stored ticks and are not deleted: delete the ticks\n"
    );
    run(&cli, &format!("delete candles {DAY}")).expect_code(1);
    assert_eq!(psql(&cli, "SELECT count(*) FROM ohlc_candles"), "4");
    let part = format!("delete candles {MINUTE} --yes");
    let refused = run(&cli, &part);
    assert!(
        refused.error().contains("is within a candle of 1d"),
        "{refused:?}"
    );
    let of_minutes = format!("delete candles {MINUTE} --timeframe 1m --yes --json");
    let none = run(&cli, &of_minutes).expect_code(0).json();
    assert_eq!(none, json!({"deleted": true, "candles": {}, "of_ticks": 1}));
    let done = run(&cli, &format!("delete candles {DAY} --yes")).expect_code(0);
    assert!(
        done.stdout.starts_with("deleted 4 candles: 4 of 1m"),
        "{done:?}"
    );
    assert_eq!(psql(&cli, "SELECT count(*) FROM ohlc_candles"), "0");
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "4");
}

#[test]
fn wrong_arguments_delete_nothing() {
    let cli = with_ticks_and_bars();
    let unknown = DAY.replace("EURUSD", "GBPUSD");
    let refused = run(&cli, &format!("delete ticks {unknown} --yes"));
    assert!(
        refused.error().contains("there is no symbol GBPUSD"),
        "{refused:?}"
    );
    let swapped = "--symbol EURUSD --from 2014-05-02T00:00:00Z --to 2014-05-01T00:00:00Z";
    let refused = run(&cli, &format!("delete ticks {swapped} --yes"));
    assert!(refused.error().contains("swap them"), "{refused:?}");
    run(&cli, &format!("delete ticks {DAY} --yes --dry-run")).expect_code(2);
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "4");
}
