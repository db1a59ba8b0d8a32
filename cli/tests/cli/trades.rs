//! Tests of `tickbook export trades` and `tickbook delete trades`.

use serde_json::json;

use crate::support::{Cli, Run, psql};

/// A symbol with three trades, written by another program.
fn with_trades() -> Cli {
    let cli = Cli::migrated();
    cli.file("20140501_quote.csv", "292,1.1,1.2\n");
    let import = "import ticks 20140501_quote.csv --symbol EURUSD --create-symbol --format lean";
    run(&cli, import).expect_code(0);
    let insert = "INSERT INTO trades VALUES \
        (1, '2014-05-01 00:00:00.292Z', 7, 1.10, 2.50, 'buy', false, NULL, '2014-05-01 00:00:01Z'), \
        (1, '2014-05-01 00:00:00.292Z', 8, -1.2, 1, NULL, true, 'a,b', NULL), \
        (1, '2014-05-02 00:00:00Z', 9, 1.3, 0.000000000001, 'sell', false, NULL, NULL)";
    psql(&cli, insert);
    cli
}

fn run(cli: &Cli, command: &str) -> Run {
    cli.run(&command.split(' ').collect::<Vec<_>>())
}

const DAY: &str = "--symbol EURUSD --from 2014-05-01 --to 2014-05-02";

#[test]
fn exported_trades_have_every_field() {
    let cli = with_trades();
    let all = run(&cli, "export trades --symbol EURUSD --json").expect_code(0);
    let expected = "\
trade_time,sequence,price,quantity,aggressor_side,is_block,trade_id,received_at
2014-05-01T00:00:00.292000Z,7,1.1,2.5,buy,false,,2014-05-01T00:00:01.000000Z
2014-05-01T00:00:00.292000Z,8,-1.2,1,,true,\"a,b\",
2014-05-02T00:00:00.000000Z,9,1.3,0.000000000001,sell,false,,
";
    assert_eq!(all.stdout, expected);
    assert!(all.stderr.contains("\"rows\":3"), "{all:?}");
    let day = run(&cli, &format!("export trades {DAY} --output day.csv")).expect_code(0);
    assert_eq!(day.stderr, "2 trades in day.csv\n");
}

#[test]
fn trades_are_deleted_when_that_is_confirmed() {
    let cli = with_trades();
    let dry = run(&cli, &format!("delete trades {DAY} --dry-run")).expect_code(0);
    assert_eq!(
        dry.stdout,
        "would delete 2 trades from 2014-05-01T00:00:00.292000Z to 2014-05-01T00:00:00.292000Z\n"
    );
    let refused = run(&cli, &format!("delete trades {DAY}")).expect_code(1);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(psql(&cli, "SELECT count(*) FROM trades"), "3");
    let done = run(&cli, &format!("delete trades {DAY} --yes --json")).expect_code(0);
    let expected = json!({
        "deleted": true, "trades": 2,
        "first": "2014-05-01T00:00:00.292000Z", "last": "2014-05-01T00:00:00.292000Z",
    });
    assert_eq!(done.json(), expected);
    assert_eq!(psql(&cli, "SELECT count(*) FROM trades"), "1");
    assert_eq!(psql(&cli, "SELECT count(*) FROM ticks"), "1");
    let again = run(&cli, &format!("delete trades {DAY}")).expect_code(0);
    assert_eq!(again.stdout, "would delete 0 trades\n");
}
