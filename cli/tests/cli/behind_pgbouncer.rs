//! Fault 24: commands through a PgBouncer in transaction mode.
//!
//! Part of `make test-programs`.

#[path = "../../../tests/support/pgbouncer.rs"]
mod pgbouncer;

use pgbouncer::Bouncer;

use crate::support::{Cli, Run, psql};

const DAY: &str = "--symbol EURUSD --from 2014-05-01T00:00:00Z --to 2014-05-02T00:00:00Z";

#[test]
fn fault_24_ticks_are_deleted_through_a_pgbouncer() {
    let Some(program) = suite::program("pgbouncer") else {
        return;
    };
    // connected directly to the server
    let cli = Cli::migrated();
    cli.run(&["aggregates", "apply"]).expect_code(0);
    let quotes = "292,1.1,1.2\n60292,1.1,1.2\n60293,1.3,1.4\n86399000,1.1,1.2\n";
    cli.file("20140501_quote.csv", quotes);
    let bouncer = Bouncer::start(&program, &cli.scratch);
    let urls = bouncer.urls();
    let mut variables: Vec<_> = urls.iter().map(|(name, url)| (*name, &**url)).collect();
    variables.push(("TICKBOOK__POOL__PGBOUNCER", "true"));
    let run = |command: &str| -> Run {
        cli.run_with(&command.split(' ').collect::<Vec<_>>(), &variables)
    };
    let import = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    run(import).expect_code(0);

    let minute = DAY.replace(
        "00:00:00Z --to 2014-05-02T00:00",
        "00:01:00Z --to 2014-05-01T00:02",
    );
    let dry = run(&format!("delete ticks {minute} --dry-run")).expect_code(0);
    assert!(dry.stdout.starts_with("would delete 2 ticks"), "{dry:?}");
    let done = run(&format!("delete ticks {minute} --yes --json")).expect_code(0);
    assert_eq!(done.json()["ticks"], 2, "{done:?}");
    assert!(
        done.stderr.contains("candles were not refreshed"),
        "{done:?}"
    );
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "2");
    // the candles are correct nevertheless
    let candles = run("export candles --symbol EURUSD --timeframe 1d --basis bid").expect_code(0);
    let line = candles.stdout.lines().nth(1).expect("a candle");
    assert!(line.contains(",2,"), "{candles:?}");

    let gone = run(&format!("delete ticks {DAY} --yes --json")).expect_code(0);
    assert_eq!(gone.json()["ticks"], 2, "{gone:?}");
    let none = run(&format!("delete candles {DAY} --yes --json")).expect_code(0);
    assert_eq!(none.json()["candles"], serde_json::json!({}), "{none:?}");
}
