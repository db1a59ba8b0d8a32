//! Tests of `tickbook quarantine`.

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook::domain::{NewSymbol, SymbolId, Tick, TimeRange, Trade};
use tickbook::domain::{Rule, Verdict};
use tickbook::repository::{QuarantinedTick, QuarantinedTrade};

use crate::support::Cli;

/// A tick `seconds` after the start, held back by `rule`.
fn held(seconds: i64, rule: Rule) -> QuarantinedTick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let time = start + TimeDelta::seconds(seconds);
    QuarantinedTick::new(
        Tick::quote(SymbolId::new(1), time, Decimal::new(138, 2), Decimal::ONE),
        Verdict::new(rule, Decimal::new(38, 2), Decimal::ZERO),
        time,
    )
}

/// Three ticks of the symbol 1 in quarantine.
async fn prepared() -> Cli {
    let cli = Cli::migrated();
    let repositories = cli.repositories();
    let symbol = repositories
        .symbols
        .create(NewSymbol::named("oanda", "EURUSD"));
    assert_eq!(symbol.await.expect("created").symbol_id.get(), 1);
    let ticks = [
        held(0, Rule::Crossed),
        held(1, Rule::Deviation),
        held(2, Rule::Crossed),
    ];
    assert_eq!(repositories.quarantine.put(&ticks).await.expect("kept"), 3);
    cli
}

fn lines(stdout: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("JSON");
    stdout.lines().map(parse).collect()
}

async fn stored(cli: &Cli) -> u64 {
    let ticks = cli.repositories().ticks;
    let count = ticks.count(SymbolId::new(1), TimeRange::all()).await;
    count.expect("counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quarantined_ticks_are_listed_with_their_reason() {
    let cli = prepared().await;
    let run = cli.run(&["quarantine", "list"]).expect_code(1);
    let first = "1 pending: symbol 1 oanda:EURUSD time 2014-05-01T00:00:00.000000Z sequence 0 \
                 bid 1.38 ask 1: crossed 0.38 (limit 0)";
    assert_eq!(run.stdout.lines().next(), Some(first));
    assert_eq!(run.stdout.lines().last(), Some("listed 3"));

    let filtered = [
        "quarantine",
        "list",
        "--json",
        "--symbol",
        "oanda:EURUSD",
        "--rule",
        "crossed",
        "--from",
        "2014-05-01T00:00:01Z",
    ];
    let listed = lines(&cli.run(&filtered).expect_code(1).stdout);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["tick_time"], "2014-05-01T00:00:02.000000Z");
    assert_eq!(listed[0]["observed"], "0.38");
    assert_eq!(listed[0]["symbol"], "oanda:EURUSD");
    for symbol in ["EURUSD", "1"] {
        let list = [
            "quarantine",
            "list",
            "--symbol",
            symbol,
            "--from",
            "2014-05-01",
        ];
        let run = cli.run(&list).expect_code(1);
        assert_eq!(run.stdout.lines().last(), Some("listed 3"));
    }

    let run = cli
        .run(&["quarantine", "list", "--limit", "2"])
        .expect_code(1);
    assert_eq!(
        run.stdout.lines().last(),
        Some("listed 2; more with --after 2")
    );
    let run = cli
        .run(&["quarantine", "list", "--after", "3"])
        .expect_code(0);
    assert_eq!(run.stdout.trim_end(), "listed 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decision_is_made_once() {
    let cli = prepared().await;
    let release = ["quarantine", "release", "2", "--json"];
    let done = cli.run(&release).expect_code(0).json();
    let one = json!({"resolved": 1, "inserted": 1, "duplicates": 0, "conflicts": 0, "rejected": 0});
    assert_eq!(done, one);
    assert_eq!(stored(&cli).await, 1);
    assert_eq!(cli.run(&release).expect_code(0).json()["resolved"], 0);

    let discard = [
        "quarantine",
        "discard",
        "--all",
        "--to",
        "2014-05-01T00:00:02Z",
    ];
    let run = cli.run(&discard).expect_code(0);
    assert_eq!(run.stdout.trim_end(), "discarded 1");
    let run = cli.run(&["quarantine", "release", "--all"]).expect_code(0);
    let expected = "released 1, inserted 1, duplicates 0, conflicts 0, rejected 0";
    assert_eq!(run.stdout.trim_end(), expected);
    assert_eq!(stored(&cli).await, 2);

    cli.run(&["quarantine", "list"]).expect_code(0);
    let all = cli
        .run(&["quarantine", "list", "--state", "all", "--json"])
        .expect_code(0);
    let states: Vec<_> = lines(&all.stdout)
        .iter()
        .map(|line| line["state"].clone())
        .collect();
    assert_eq!(states, ["discarded", "released", "released"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tick_with_a_taken_key_stays_and_is_reported() {
    let cli = prepared().await;
    let other = held(0, Rule::Crossed).event.with_bid(Decimal::TWO);
    let inserted = cli.repositories().ticks.insert_batch(&[other]).await;
    assert_eq!(inserted.expect("stored").inserted, 1);
    let run = cli.run(&["quarantine", "release", "--all"]).expect_code(1);
    let expected = "released 2, inserted 2, duplicates 0, conflicts 1, rejected 0";
    assert_eq!(run.stdout.trim_end(), expected);
    let run = cli.run(&["quarantine", "list"]).expect_code(1);
    assert_eq!(run.stdout.lines().last(), Some("listed 1"));
}

#[test]
fn contradictory_arguments_are_refused() {
    let cli = Cli::new();
    for arguments in [
        &["quarantine", "release"][..],
        &["quarantine", "discard", "1", "--all"],
        &["quarantine", "release", "1", "--symbol", "EURUSD"],
        &["quarantine", "release", "1", "--rule", "crossed"],
        &["quarantine", "discard", "1", "--from", "2014-05-01"],
        &["quarantine", "discard", "1", "--to", "2014-05-01"],
        &["quarantine", "list", "--rule", "volume"],
        &["quarantine", "list", "--state", "gone"],
    ] {
        cli.run(arguments).expect_code(2);
    }
}

#[test]
fn release_without_numbers_suggests_the_all_option() {
    let cli = Cli::new();
    for arguments in [
        &["quarantine", "release"][..],
        &["quarantine", "discard", "--rule", "crossed"],
    ] {
        let run = cli.run(arguments);
        assert!(run.error().contains("--all"), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_numbers_are_an_error() {
    let cli = prepared().await;
    for command in ["release", "discard"] {
        let run = cli.run(&["quarantine", command, "1", "98", "99"]);
        assert!(run.error().contains("there is no 98, 99"), "{run:?}");
    }
    assert_eq!(stored(&cli).await, 0);
    cli.run(&["quarantine", "release", "1"]).expect_code(0);
    // may be repeated
    cli.run(&["quarantine", "release", "1"]).expect_code(0);
}

#[tokio::test]
async fn held_back_trades_are_listed_and_released() {
    let cli = prepared().await;
    let time = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let trade = |sequence| {
        let trade = Trade::new(SymbolId::new(1), time, Decimal::new(138, 2), Decimal::TWO);
        let verdict = Verdict::new(Rule::Deviation, Decimal::ONE, Decimal::ZERO);
        QuarantinedTrade::new(trade.with_sequence(sequence), verdict, time)
    };
    let quarantine = cli.repositories().trade_quarantine;
    let put = quarantine.put(&[trade(7), trade(8)]).await;
    assert_eq!(put.expect("stored"), 2);
    let listed = cli.run(&["quarantine", "list", "--trades"]).expect_code(1);
    let first = "1 pending: symbol 1 oanda:EURUSD time 2014-05-01T00:00:00.000000Z sequence 7 \
                 price 1.38 quantity 2: deviation 1 (limit 0)\n";
    assert!(listed.stdout.starts_with(first), "{listed:?}");
    assert!(listed.stdout.ends_with("listed 2\n"), "{listed:?}");
    let json = cli.run(&["quarantine", "list", "--trades", "--limit", "1", "--json"]);
    let line: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let fields = ["sequence", "price", "is_block", "trade_id"].map(|name| line[name].clone());
    assert_eq!(json!(fields), json!([7, "1.38", false, null]));
    let released = cli
        .run(&["quarantine", "release", "1", "--trades"])
        .expect_code(0);
    let expected = "released 1, inserted 1, duplicates 0, conflicts 0, rejected 0\n";
    assert_eq!(released.stdout, expected);
    let discarded = cli.run(&["quarantine", "discard", "--all", "--trades"]);
    assert_eq!(discarded.expect_code(0).stdout, "discarded 1\n");
    let exported = cli.run(&["export", "trades", "--symbol", "EURUSD"]);
    assert_eq!(exported.expect_code(0).stdout.lines().count(), 2);
    // the ticks in quarantine stay
    let ticks = cli.run(&["quarantine", "list"]).expect_code(1);
    assert!(ticks.stdout.ends_with("listed 3\n"), "{ticks:?}");
}
