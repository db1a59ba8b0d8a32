//! Tests of import trades on real databases.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::overlapping_imports::Random;
use crate::support::{Cli, Run, market_data, psql};

const NEW: [&str; 5] = ["--format", "csv", "--symbol", "a:B", "--create-symbol"];

fn import(cli: &Cli, files: &[&str], options: &[&str]) -> Run {
    cli.run(&[&["import", "trades"], files, &NEW, options, &["--json"]].concat())
}

fn summary(read: u64, inserted: u64, duplicates: u64, conflicts: u64, rejected: u64) -> Value {
    json!({"read": read, "inserted": inserted, "duplicates": duplicates,
           "conflicts": conflicts, "rejected": rejected})
}

const NUMBERED: &str = "trade_time,sequence,price,quantity,aggressor_side,is_block,trade_id,received_at\n\
    2014-05-01T00:00:00.292000Z,7,1.1,2.5,buy,false,,2014-05-01T00:00:01.000000Z\n\
    2014-05-01T00:00:00.292000Z,8,-1.2,1,,true,\"a,b\",\n\
    2014-05-02T00:00:00.000000Z,9,1.3,0.000000000001,sell,false,,\n";

#[test]
fn exported_trades_are_imported_unchanged() {
    let cli = Cli::migrated();
    cli.file("trades.csv", NUMBERED);
    let first = import(&cli, &["trades.csv"], &[]).expect_code(0);
    assert_eq!(first.json(), summary(3, 3, 0, 0, 0));
    let second = import(&cli, &["trades.csv"], &["--batch-size", "1"]).expect_code(0);
    assert_eq!(second.json(), summary(3, 0, 3, 0, 0));
    let exported = cli.run(&["export", "trades", "--symbol", "a:B"]);
    assert_eq!(exported.expect_code(0).stdout, NUMBERED);
    let text = cli.run(&[&["import", "trades", "trades.csv"], &NEW[..]].concat());
    let expected = "read 3, inserted 0, duplicates 3, conflicts 0, rejected 0 in ";
    assert!(text.stdout.starts_with(expected), "{text:?}");
    assert!(text.stdout.ends_with("trades/s)\n"), "{text:?}");
}

#[test]
fn bad_trades_are_listed_and_the_others_stored() {
    let cli = Cli::migrated();
    let rows = [
        ("1,1,buy", ""),
        ("1,0,buy", "quantity 0 is not positive"),
        ("1,-2,buy", "quantity -2 is not positive"),
        ("NaN,1,buy", "price \"NaN\" is not a decimal"),
        ("1,NaN,sell", "quantity \"NaN\" is not a decimal"),
        ("1000000000000000,1,sell", "price 1000000000000000"),
        ("1.0000000000001,1,sell", "more than 12"),
        ("1,1,taker", "invalid aggressor side \"taker\""),
        ("1,2,SELL", ""),
    ];
    let mut text = "time,price,quantity,side\n".to_owned();
    for (row, _) in rows {
        text.push_str(&format!("2014-05-01T00:00:00Z,{row}\n"));
    }
    text.push_str("2099-05-01T00:00:00Z,1,1,buy\n");
    cli.file("trades.csv", text);
    let run = import(&cli, &["trades.csv"], &[]).expect_code(1);
    assert_eq!(run.json(), summary(10, 2, 0, 0, 8));
    let listed = |line: usize, words: &str| {
        let start = format!("trades.csv: line {line}: ");
        let mut lines = run.stderr.lines();
        assert!(
            lines.any(|it| it.starts_with(&start) && it.contains(words)),
            "{line} {words}: {run:?}"
        );
    };
    for (line, (_, words)) in (2..).zip(rows).filter(|(_, (_, words))| !words.is_empty()) {
        listed(line, words);
    }
    listed(11, "s ahead of this machine's clock");
    assert_eq!(run.stderr.lines().count(), 8, "{run:?}");
    assert_eq!(
        psql(&cli, "SELECT sum(quantity) FROM trades"),
        "3.000000000000"
    );
}

#[test]
fn rejected_trades_create_no_symbol() {
    let cli = Cli::migrated();
    cli.file(
        "trades.csv",
        "time,price,quantity\n2014-05-01T00:00:00Z,1,0\n",
    );
    let run = import(&cli, &["trades.csv"], &[]).expect_code(1);
    assert_eq!(run.json(), summary(1, 0, 0, 0, 1));
    let listed = cli.run(&["symbols", "list", "--json"]).expect_code(0);
    assert!(!listed.stdout.contains("\"B\""), "{listed:?}");
}

#[test]
fn changed_content_of_a_stored_trade_is_a_conflict() {
    let cli = Cli::migrated();
    cli.file("trades.csv", NUMBERED);
    import(&cli, &["trades.csv"], &[]).expect_code(0);
    cli.file("other.csv", NUMBERED.replace("1.1,2.5", "1.1,3"));
    let run = import(&cli, &["other.csv"], &[]).expect_code(1);
    assert_eq!(run.json(), summary(3, 0, 2, 1, 0));
    let words = "other.csv: line 2: conflict: 2014-05-01T00:00:00.292000Z sequence 7 is stored with \
                 2.5 at 1.1 buy, not 3 at 1.1 buy: the stored trade is unchanged";
    assert!(run.stderr.contains(words), "{run:?}");
}

/// The number of stored copies of each `time,price,quantity`.
fn stored(cli: &Cli) -> Vec<String> {
    let exported = cli.run(&["export", "trades", "--symbol", "a:B"]);
    let exported = exported.expect_code(0).stdout;
    let rows = exported.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        [fields[0], fields[2], fields[3]].join(",")
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

#[test]
fn shuffled_and_overlapping_trades_are_stored_once() {
    let mut random = Random::seeded();
    let cli = Cli::migrated();
    let mut instants: Vec<Vec<String>> = Vec::new();
    for number in 0..300 {
        let rows = 1 + random.below(5);
        let mut row = |_| {
            let (price, quantity) = (1 + random.below(2), 5 + random.below(2));
            format!("2014-05-01T00:00:00.{number:06}Z,{price},{quantity}")
        };
        instants.push((0..rows).map(&mut row).collect());
    }
    let mut names: Vec<String> = Vec::new();
    let mut from = 0;
    while from < instants.len() {
        let to = (from + 1 + random.below(90)).min(instants.len());
        let mut part = instants[from.saturating_sub(random.below(40))..to].concat();
        // a file need not be in order
        for at in (1..part.len()).rev() {
            part.swap(at, random.below(at + 1));
        }
        let name = format!("{}.csv", names.len());
        cli.file(&name, format!("time,price,quantity\n{}\n", part.join("\n")));
        names.insert(random.below(names.len() + 1), name);
        from = to;
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (together, alone) = names.split_at(names.len() / 2);
    let batch = ["--batch-size", "50"];
    if !together.is_empty() {
        import(&cli, together, &batch).expect_code(0);
    }
    for name in alone {
        import(&cli, &[name], &batch).expect_code(0);
    }
    let mut expected = instants.concat();
    expected.sort();
    assert_eq!(stored(&cli), expected);
    // resumed from the start
    let again = import(&cli, &names, &[]).expect_code(0);
    assert_eq!(again.json()["inserted"], 0);
    assert_eq!(stored(&cli), expected);
}

#[test]
fn ids_of_a_venue_become_the_sequence() {
    let cli = Cli::migrated();
    let text = "ts,id,qty,price\n1398902400292,8812345,2,1.5\n1398902400292,8812345,2,1.5\n";
    cli.file("trades.csv", text);
    let options = [
        "--column=trade_time=ts",
        "--column=sequence=id",
        "--column=quantity=qty",
        "--time-format=ms",
    ];
    let run = import(&cli, &["trades.csv"], &options).expect_code(0);
    assert_eq!(run.json(), summary(2, 1, 1, 0, 0));
    assert_eq!(psql(&cli, "SELECT sequence FROM trades"), "8812345");
    let wrong = cli.run(
        &[
            &["import", "trades", "trades.csv", "--column", "bid=b"],
            &NEW[..],
        ]
        .concat(),
    );
    assert!(
        wrong
            .stderr
            .contains("expected one of trade_time, sequence"),
        "{wrong:?}"
    );
}

#[test]
fn gold_trades_of_lean_are_stored() {
    let Some(folder) = market_data() else { return };
    let cli = Cli::migrated();
    let name = "20131007_gc_tick_trade_201312.csv";
    let path = folder.join("trades/comex-gc/tick/20131007_trade.zip");
    let zip = std::fs::File::open(path).expect("the market data is complete");
    let mut zip = zip::ZipArchive::new(zip).expect("a zip");
    let mut text = String::new();
    let mut entry = zip.by_name(name).expect("the contract");
    entry.read_to_string(&mut text).expect("text");
    cli.file(name, text);
    let import = [
        "import",
        "trades",
        name,
        "--format",
        "lean",
        "--symbol",
        "comex:GCZ13",
        "--create-symbol",
        "--json",
    ];
    // 92 of the 39,702 lines have the quantity 0
    let run = cli.run(&import).expect_code(1);
    assert_eq!(run.json(), summary(39_702, 39_610, 0, 0, 92));
    assert!(
        run.stderr.contains("line 2892: quantity 0 is not positive"),
        "{run:?}"
    );
    let totals = psql(&cli, "SELECT count(*), sum(quantity)::bigint FROM trades");
    assert_eq!(totals, "39610|51866");
    let again = cli.run(&import).expect_code(1);
    assert_eq!(again.json(), summary(39_702, 0, 39_610, 0, 92));
}
