//! Tests of `tickbook spool`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::{Rule, SymbolId, Tick, TimeRange, Verdict};
use tickbook::ingest::quality::{Quarantine, QuarantineReport};
use tickbook::ingest::{AckLevel, PersisterConfig, SpoolConfig, TickPersister};
use tickbook::repository::{QuarantinedTick, TickRepository};

use crate::support::Cli;

const SYMBOL: SymbolId = SymbolId::new(5);

fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let price = Decimal::new(138_000 + index, 5);
    Tick::quote(SYMBOL, start + TimeDelta::seconds(index), price, price)
}

/// Leaves `ticks` in the spool `data/spool` of the directory.
async fn spool(cli: &Cli, repository: Arc<dyn TickRepository>, ticks: &[Tick]) {
    let settings = SpoolConfig::new(cli.folder.path().join("data/spool"));
    let config = PersisterConfig::default()
        // the tool has to do what this persister does not
        .flush_interval(Duration::from_secs(3_600));
    let opened = TickPersister::open(repository, config, &settings).await;
    let persister = opened.expect("it opens");
    for tick in ticks {
        persister.push(tick.clone()).await.expect("it is open");
    }
    persister.flush().await.expect("a memory is never away");
    let report = persister.stop(Duration::from_secs(10)).await;
    assert_eq!(report.spooled, 0);
}

/// Leaves durable ticks in the spool, as a killed process does.
fn leave(cli: &Cli, ticks: Vec<Tick>) {
    let directory = cli.folder.path().join("data/spool");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let settings = SpoolConfig::new(directory);
        let mut away = tickbook::repository::MockTickRepository::new();
        away.expect_insert_batch().returning(|_| {
            Err(tickbook::RepositoryError::Unavailable {
                database: tickbook::Database::Timeseries,
                reason: "away".to_owned(),
            })
        });
        let config = PersisterConfig::default();
        let opened = TickPersister::open(Arc::new(away), config, &settings).await;
        let persister = opened.expect("it opens");
        let mut last = None;
        for tick in ticks {
            last = Some(persister.push_with_ack(tick).await.expect("it is open"));
        }
        let last = last.expect("there is one");
        last.wait(AckLevel::Durable).await.expect("the disk works");
        persister.stop(Duration::from_secs(10)).await;
    });
}

#[test]
fn leftover_ticks_are_shown_and_stored() {
    let cli = Cli::migrated();
    leave(&cli, (0..250).map(tick).collect());
    let reported = cli.run(&["spool", "inspect", "--json"]).expect_code(0);
    let reported: serde_json::Value = serde_json::from_str(&reported.stdout).expect("JSON");
    assert_eq!(
        (&reported["ticks"], &reported["format"]),
        (&250.into(), &1.into())
    );
    assert_eq!(reported["locked"], false);
    let text = cli.run(&["spool", "inspect"]).stdout;
    assert!(text.contains("250 in"), "{text}");

    let replayed = cli.run(&["spool", "replay", "--json"]).expect_code(0);
    let replayed: serde_json::Value = serde_json::from_str(&replayed.stdout).expect("JSON");
    assert_eq!(
        (&replayed["inserted"], &replayed["left"]),
        (&250.into(), &0.into())
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ticks = cli.repositories().ticks;
    let count = runtime.block_on(ticks.count(SYMBOL, TimeRange::all()));
    assert_eq!(count.expect("counted"), 250);
    let again = cli.run(&["spool", "replay"]).expect_code(0);
    assert!(again.stdout.contains("inserted 0"), "{again:?}");
}

#[test]
fn folder_without_a_spool_is_an_error() {
    let cli = Cli::migrated();
    for command in ["inspect", "replay", "dead-letter"] {
        let usual = cli.run(&["spool", command]);
        assert!(
            usual.error().contains("data/spool: give its directory"),
            "{usual:?}"
        );
        let other = cli.run(&["spool", command, "--dir", "TYPO", "--json"]);
        assert!(other.error().contains("no spool in /"), "{other:?}");
        assert!(other.error().contains("TYPO"), "{other:?}");
    }
    assert!(!cli.folder.path().join("TYPO").exists());
}

/// Leaves one dead letter of each kind.
pub(crate) fn leave_dead_letters(cli: &Cli) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let negative = tick(1).with_sequence(-1);
    let other = tick(0).with_ask_volume(Decimal::ONE);
    let memory = Repositories::in_memory().ticks;
    // a conflict in memory, but not in the database
    runtime.block_on(spool(cli, memory, &[tick(0), other, negative]));
    // and durable ticks as well
    leave(cli, vec![tick(2)]);
}

#[test]
fn dead_letters_are_listed_retried_and_discarded() {
    let cli = Cli::migrated();
    leave_dead_letters(&cli);
    let listed = cli.run(&["spool", "dead-letter"]).expect_code(1);
    assert!(listed.stdout.contains("rejected: symbol 5"), "{listed:?}");
    assert!(listed.stdout.contains("conflict: symbol 5"), "{listed:?}");
    assert!(listed.stdout.ends_with("dead letters: 2\n"), "{listed:?}");

    let again = cli
        .run(&["spool", "dead-letter", "--replay"])
        .expect_code(1);
    assert!(
        again.stdout.contains("(stored)") && again.stdout.contains("(kept)"),
        "{again:?}"
    );
    assert!(again.stdout.ends_with("dead letters: 1\n"), "{again:?}");
    cli.run(&["spool", "dead-letter", "--discard"])
        .expect_code(0);
    let left = cli.run(&["spool", "dead-letter"]).expect_code(0);
    assert_eq!(left.stdout, "dead letters: 0\n");
}

/// A tick that was held back; a negative sequence is invalid for every quarantine.
fn hold_back(sequence: i64) -> QuarantinedTick {
    QuarantinedTick::new(
        tick(3).with_sequence(sequence),
        Verdict::new(Rule::Crossed, Decimal::ONE, Decimal::ZERO),
        tick(4).tick_time,
    )
}

/// Leaves a dead letter in the spool of the quarantine, and a tick that is not in the database.
fn leave_held_back(cli: &Cli) {
    let directory = cli.folder.path().join("data/spool");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let memory = Repositories::in_memory().quarantine;
        let opened = Quarantine::open(memory, Some(&directory)).await;
        let quarantine = opened.expect("it opens");
        quarantine.push(hold_back(-1)).await.expect("it is open");
        let report = quarantine.stop(Duration::from_secs(10)).await;
        assert_eq!(report, QuarantineReport::new(0, 0));
        let mut away = tickbook::repository::MockQuarantineRepository::<Tick>::new();
        away.expect_put().returning(|_| {
            Err(tickbook::RepositoryError::Unavailable {
                database: tickbook::Database::Timeseries,
                reason: "away".to_owned(),
            })
        });
        let opened = Quarantine::open(Arc::new(away), Some(&directory)).await;
        let quarantine = opened.expect("it opens");
        quarantine.push(hold_back(8)).await.expect("it is open");
        let report = quarantine.stop(Duration::from_secs(10)).await;
        assert_eq!(report, QuarantineReport::new(1, 0));
    });
}

#[test]
fn spool_of_the_quarantine_is_shown_and_stored() {
    let cli = Cli::migrated();
    leave_dead_letters(&cli);
    leave_held_back(&cli);
    let reported = cli.run(&["spool", "inspect", "--json"]).expect_code(0);
    let reported = reported.json();
    assert_eq!(
        (&reported["ticks"], &reported["dead_letters"]),
        (&1.into(), &2.into())
    );
    let of_quarantine = &reported["quarantine"];
    assert_eq!(
        (&of_quarantine["ticks"], &of_quarantine["dead_letters"]),
        (&1.into(), &1.into())
    );
    let text = cli.run(&["spool", "inspect"]).expect_code(0).stdout;
    assert!(
        text.contains("spool of the quarantine data/spool/quarantine"),
        "{text}"
    );

    let listed = cli.run(&["spool", "dead-letter"]).expect_code(1);
    let crossed = listed
        .stdout
        .lines()
        .find(|line| line.contains("held back"));
    let crossed = crossed.unwrap_or_else(|| panic!("{listed:?}"));
    assert!(crossed.starts_with("quarantine "), "{crossed}");
    assert!(
        crossed.contains("sequence -1") && crossed.contains("by crossed"),
        "{crossed}"
    );
    assert!(listed.stdout.ends_with("dead letters: 3\n"), "{listed:?}");
    let json = cli.run(&["spool", "dead-letter", "--json"]).expect_code(1);
    let spools: Vec<_> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|line| (line["spool"].clone(), line["rule"].clone()))
        .collect();
    assert_eq!(spools.len(), 3);
    assert_eq!(spools[2], ("quarantine".into(), "crossed".into()));

    let replayed = cli.run(&["spool", "replay", "--json"]).expect_code(0);
    let replayed = replayed.json();
    assert_eq!(replayed["inserted"], 1);
    let of_quarantine = &replayed["quarantine"];
    assert_eq!(
        (&of_quarantine["inserted"], &of_quarantine["left"]),
        (&1.into(), &0.into())
    );
    let kept = cli
        .run(&["quarantine", "list", "--json"])
        .expect_code(1)
        .json();
    assert_eq!(kept["sequence"], 8);

    // the database refuses it as the memory did
    let again = cli
        .run(&["spool", "dead-letter", "--replay"])
        .expect_code(1);
    assert!(again.stdout.contains("held back by crossed"), "{again:?}");
    assert!(again.stdout.ends_with("dead letters: 2\n"), "{again:?}");
    cli.run(&["spool", "dead-letter", "--discard"])
        .expect_code(0);
    let left = cli.run(&["spool", "dead-letter"]).expect_code(0);
    assert_eq!(left.stdout, "dead letters: 0\n");
}

#[test]
fn quarantine_without_a_spool_of_ticks_is_shown() {
    let cli = Cli::migrated();
    leave_held_back(&cli);
    let reported = cli
        .run(&["spool", "inspect", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(reported["quarantine"]["dead_letters"], 1);
    assert_eq!(reported["directory"], serde_json::Value::Null);
    let listed = cli.run(&["spool", "dead-letter"]).expect_code(1);
    assert!(listed.stdout.ends_with("dead letters: 1\n"), "{listed:?}");
    cli.run(&["spool", "replay"]).expect_code(0);
    let data = cli.folder.path().join("data/spool/spool.redb");
    assert!(!data.exists(), "no spool of ticks is made");
}

#[test]
fn spool_in_use_is_reported_with_its_owner() {
    let cli = Cli::migrated();
    let directory = cli.folder.path().join("data/spool");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let opened = runtime.block_on(tickbook::ingest::TickSpool::open(&directory, 1 << 30));
    let opened = opened.expect("it opens");
    let own = std::process::id().to_string();
    let reported = cli.run(&["spool", "inspect"]).expect_code(0);
    assert!(
        reported.stdout.contains(&format!("process {own}")),
        "{reported:?}"
    );
    let refused = cli.run(&["spool", "replay"]).expect_code(2);
    assert!(refused.stderr.contains(&own), "{refused:?}");
    drop(opened);
}
