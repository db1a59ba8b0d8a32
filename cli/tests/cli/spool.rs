//! `tickbook spool`

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::{SymbolId, Tick, TimeRange};
use tickbook::ingest::{AckLevel, PersisterConfig, SpoolConfig, TickPersister};
use tickbook::repository::TickRepository;

use crate::support::Cli;

const SYMBOL: SymbolId = SymbolId::new(5);

fn tick(index: i64) -> Tick {
    let start = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    let price = Decimal::new(138_000 + index, 5);
    Tick::quote(SYMBOL, start + TimeDelta::seconds(index), price, price)
}

/// Leaves what `ticks` says in the spool `data/spool` of the folder.
async fn spool(cli: &Cli, repository: Arc<dyn TickRepository>, ticks: &[Tick]) {
    let settings = SpoolConfig::new(cli.folder.path().join("data/spool"));
    let config = PersisterConfig::default()
        // the tool is to do what this one does not
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

/// Leaves durable ticks in the spool, as a process that was killed does.
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
fn what_was_left_is_told_and_stored() {
    let cli = Cli::migrated();
    leave(&cli, (0..250).map(tick).collect());
    let told = cli.run(&["spool", "inspect", "--json"]).expect_code(0);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!((&told["ticks"], &told["format"]), (&250.into(), &1.into()));
    assert_eq!(told["locked"], false);
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
            usual.error().contains("data/spool: name its folder"),
            "{usual:?}"
        );
        let other = cli.run(&["spool", command, "--dir", "TYPO", "--json"]);
        assert!(other.error().contains("no spool in /"), "{other:?}");
        assert!(other.error().contains("TYPO"), "{other:?}");
    }
    assert!(!cli.folder.path().join("TYPO").exists());
}

/// One of each kind.
pub(crate) fn leave_dead_letters(cli: &Cli) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let negative = Tick {
        sequence: -1,
        ..tick(1)
    };
    let other = Tick {
        ask_volume: Decimal::ONE,
        ..tick(0)
    };
    let memory = Repositories::in_memory().ticks;
    // in conflict in memory, but not in the database
    runtime.block_on(spool(cli, memory, &[tick(0), other, negative]));
    // durable ticks beside them
    leave(cli, vec![tick(2)]);
}

#[test]
fn dead_letters_are_listed_tried_again_and_discarded() {
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

#[test]
fn a_spool_in_use_is_told_with_its_owner() {
    let cli = Cli::migrated();
    let directory = cli.folder.path().join("data/spool");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let opened = runtime.block_on(tickbook::ingest::TickSpool::open(&directory, 1 << 30));
    let opened = opened.expect("it opens");
    let own = std::process::id().to_string();
    let told = cli.run(&["spool", "inspect"]).expect_code(0);
    assert!(told.stdout.contains(&format!("process {own}")), "{told:?}");
    let refused = cli.run(&["spool", "replay"]).expect_code(2);
    assert!(refused.stderr.contains(&own), "{refused:?}");
    drop(opened);
}
