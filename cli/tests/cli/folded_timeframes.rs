//! Tests of commands with timeframes that are folded on read.

use crate::support::{Cli, Run};

const STORED: &str = "1m, 5m, 15m, 30m, 1h, 4h, 1d";

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

#[test]
fn folded_timeframes_are_exported_not_imported() {
    let cli = Cli::migrated();
    // at 00:00:00.292, 01:00:00.292 and 02:00:00.292
    let ticks = "292,1.1,1.5\n3600292,1.3,1.5\n7200292,1.2,1.5\n";
    cli.file("20140501_quote.csv", ticks);
    let import = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    run(&cli, import).expect_code(0);
    let export = |timeframe: &str| {
        let command = format!("export candles --symbol EURUSD --timeframe {timeframe}");
        run(&cli, &command)
    };
    let two_hours = export("2h").expect_code(0);
    let rows: Vec<_> = two_hours.stdout.lines().skip(1).collect();
    let expected = [
        "2014-05-01T00:00:00.000000Z,2014-05-01T02:00:00.000000Z,2h,bid,1.1,1.3,1.1,1.3,0,2,true,ticks",
        "2014-05-01T02:00:00.000000Z,2014-05-01T04:00:00.000000Z,2h,bid,1.2,1.2,1.2,1.2,0,1,true,ticks",
    ];
    assert_eq!(rows, expected);
    for (timeframe, count) in [("3m", 3), ("1s", 3), ("1w", 1), ("1M", 1)] {
        let rows = export(timeframe).expect_code(0).stdout.lines().count() - 1;
        assert_eq!(rows, count, "{timeframe}");
    }
    let unknown = export("7x").expect_code(2).stderr;
    assert!(
        unknown.contains("invalid timeframe \"7x\": expected 1m, 5m,"),
        "{unknown}"
    );
    cli.file("two_hours.csv", &two_hours.stdout);
    let import = run(
        &cli,
        "import candles two_hours.csv --symbol EURUSD --format csv",
    );
    let expected = format!("invalid timeframe \"2h\": expected one of {STORED}");
    assert!(
        import.code != 0 && import.stderr.contains(&expected),
        "{import:?}"
    );
    let verify = run(&cli, "verify --timeframe 2h").expect_code(2).stderr;
    assert!(verify.contains(&expected), "{verify}");
    let delete =
        "delete candles --symbol EURUSD --from 2014-05-01 --to 2014-05-02 --timeframe 2h --dry-run";
    let delete = run(&cli, delete).expect_code(2).stderr;
    assert!(delete.contains(STORED), "{delete}");
}
