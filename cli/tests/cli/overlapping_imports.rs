//! Property test: files without sequences that overlap, are issued again or come in any order neither
//! duplicate nor lose a tick.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Stdio};

use crate::support::{Cli, Run};

/// A linear congruential generator; its seed is printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded() -> Self {
        let seed = match std::env::var("SEED") {
            Ok(seed) => seed.parse().expect("a number"),
            Err(_) => suite::now().timestamp_micros() as u64,
        };
        println!("SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Instants with several rows of few different prices, in order.
fn source(random: &mut Random) -> Vec<Vec<String>> {
    let instant = |number: usize| {
        let rows = 1 + random.below(6);
        let mut row = |_| {
            let (bid, ask) = (1 + random.below(2), 5 + random.below(2));
            format!("2014-05-01T00:00:00.{number:06}Z,{bid},{ask}")
        };
        (0..rows).map(&mut row).collect()
    };
    (0..400).map(instant).collect()
}

fn file(cli: &Cli, name: &str, instants: &[Vec<String>]) {
    let mut text = "time,bid,ask\n".to_owned();
    for row in instants.iter().flatten() {
        writeln!(text, "{row}").expect("written");
    }
    cli.file(name, text);
}

const OPTIONS: [&str; 5] = ["--format", "csv", "--symbol", "a:B", "--create-symbol"];

fn start(cli: &Cli, files: &[&str]) -> Child {
    start_with(cli, files, &["--batch-size", "100"])
}

fn start_with(cli: &Cli, files: &[&str], options: &[&str]) -> Child {
    let mut command = cli.command(&[&["import", "ticks"], files, &OPTIONS, options].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

fn end(child: Child) -> Run {
    Run::of(child.wait_with_output().expect("it ends")).expect_code(0)
}

/// The number of stored copies of each row.
fn stored(cli: &Cli) -> BTreeMap<String, usize> {
    let exported = cli
        .run(&["export", "ticks", "--symbol", "a:B"])
        .expect_code(0);
    let rows = exported.stdout.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        [fields[0], fields[2], fields[3]].join(",")
    });
    count(rows)
}

fn count(rows: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    counts
}

#[test]
fn files_that_overlap_are_stored_once() {
    let mut random = Random::seeded();
    let cli = Cli::migrated();
    let source = source(&mut random);
    let whole = count(source.iter().flatten().cloned());
    let mut names: Vec<String> = Vec::new();
    let mut from = 0;
    while from < source.len() {
        let to = (from + 1 + random.below(120)).min(source.len());
        let name = format!("{}.csv", names.len());
        file(
            &cli,
            &name,
            &source[from.saturating_sub(random.below(40))..to],
        );
        names.insert(random.below(names.len() + 1), name);
        from = to;
    }
    // half of the files in one command, which counts each file separately
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (together, alone) = names.split_at(names.len() / 2);
    if !together.is_empty() {
        end(start(&cli, together));
    }
    for name in alone {
        end(start(&cli, &[name]));
    }
    assert_eq!(stored(&cli), whole);
    // issued again
    file(&cli, "whole.csv", &source);
    let run = end(start(&cli, &["whole.csv"]));
    let rows: usize = whole.values().sum();
    let expected = format!("inserted 0, duplicates {rows}, conflicts 0, rejected 0");
    assert!(run.stdout.contains(&expected), "{run:?}");
    assert_eq!(stored(&cli), whole);
}

/// One row per second of 200 seconds of each of nine days.
fn days() -> Vec<Vec<String>> {
    let second = |day: usize, second: usize| {
        let (minute, second) = (second / 60, second % 60);
        format!(
            "2014-05-{:02}T12:{minute:02}:{second:02}.000000Z,1,{second}",
            day + 1
        )
    };
    let day = |day| (0..200).map(|number| second(day, number)).collect();
    (0..9).map(day).collect()
}

#[test]
fn files_of_days_are_imported_in_any_order() {
    let mut random = Random::seeded();
    let cli = Cli::migrated();
    let days = days();
    let mut names = Vec::new();
    for (number, day) in days.iter().enumerate() {
        let name = format!("{number}.csv");
        file(&cli, &name, std::slice::from_ref(day));
        names.insert(random.below(names.len() + 1), name);
    }
    let sorted: Vec<_> = (0..days.len()).map(|day| format!("{day}.csv")).collect();
    let rows: usize = days.iter().map(Vec::len).sum();
    // a batch has rows of several files
    for (names, expected) in [
        (&names, format!("inserted {rows}, duplicates 0,")),
        (&sorted, format!("inserted 0, duplicates {rows},")),
        (&names, format!("inserted 0, duplicates {rows},")),
    ] {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let run = end(start_with(&cli, &names, &["--batch-size", "450"]));
        assert!(run.stdout.contains(&expected), "{run:?}");
        assert_eq!(stored(&cli), count(days.iter().flatten().cloned()));
    }
}

#[test]
fn processes_that_import_at_once_agree() {
    let mut random = Random::seeded();
    let cli = Cli::migrated();
    let source = source(&mut random);
    file(&cli, "first.csv", &source[..300]);
    file(&cli, "second.csv", &source[100..]);
    // the symbol must exist before both imports run
    file(&cli, "one.csv", &source[..1]);
    end(start(&cli, &["one.csv"]));
    let both = [start(&cli, &["first.csv"]), start(&cli, &["second.csv"])];
    for process in both {
        end(process);
    }
    assert_eq!(stored(&cli), count(source.iter().flatten().cloned()));
}

#[test]
fn files_split_within_an_instant_lose_only_equals() {
    let cli = Cli::migrated();
    let rows = ["1,5", "2,5", "1,5", "1,5", "3,5"]
        .map(|prices| format!("2014-05-01T00:00:00.000000Z,{prices}"));
    file(&cli, "left.csv", &[rows[..2].to_vec()]);
    file(&cli, "right.csv", &[rows[2..].to_vec()]);
    for name in ["right.csv", "left.csv", "right.csv"] {
        end(start(&cli, &[name]));
    }
    // the first of the equal ticks is in the other file
    assert_eq!(stored(&cli), count(rows[1..].iter().cloned()));
}
