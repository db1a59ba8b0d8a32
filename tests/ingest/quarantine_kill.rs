//! A process that quarantines ticks is killed at random instants, while the database is unavailable and
//! while the backlog is being stored. The tests check that the ticks that it reported to be on the disk
//! are stored, once.
//!
//! This program starts itself as that process. `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED`
//! their times.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::migrated_schema;
use crate::support::pool;
use crate::support::quarantined_ticks::{Away, held_back, numbers, open};
use crate::support::spooling::process::{Deaths, Process, orders, print_line};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::ingest::quality::{Quarantine, QuarantineReport};
use tickbook::{Database, Repositories};

/// The prefix of the first number in the task if the database is available.
const THERE: &str = "there ";
/// The number that is reported when the first waiting tick is stored.
const BEGUN: i64 = -1;

const REPORTED_TOGETHER: usize = 100;

/// Quarantines ticks until it is killed. While the database is unavailable, it prints the number of each
/// tick that is on the disk.
async fn hold_back_until_killed(directory: &Path, task: &str) {
    let (repository, first, is_there) = match task.strip_prefix(THERE) {
        Some(first) => {
            let pools = DatabasePools::new(&migrated_schema::config_of_variables());
            (Repositories::postgres(&pools).quarantine, first, true)
        }
        None => (Arc::new(Away::default()) as _, task, false),
    };
    let first: i64 = first.parse().expect("a number");
    let quarantine = open(&repository, directory)
        .await
        .expect("a killed process is no obstacle");
    if is_there {
        let backlog = quarantine.waiting();
        return put_until_killed(&quarantine, first, backlog).await;
    }
    let before = quarantine.on_disk();
    let mut reported = first;
    for index in first.. {
        quarantine.push(held_back(index)).await.expect("open");
        let count = usize::try_from(index + 1 - first).expect("positive");
        if count.is_multiple_of(REPORTED_TOGETHER) {
            while quarantine.on_disk() < before + count as u64 {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            for index in reported..=index {
                println!("{index}");
            }
            reported = index + 1;
        }
    }
}

/// Quarantines ticks while the backlog is being stored, and reports when that has begun.
async fn put_until_killed(quarantine: &Quarantine, first: i64, backlog: u64) {
    let mut has_begun = false;
    for index in first.. {
        quarantine.push(held_back(index)).await.expect("open");
        if !has_begun && quarantine.waiting() < backlog {
            has_begun = true;
            print_line(BEGUN);
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

#[test]
fn fault_45_killed_process_keeps_quarantined_ticks() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    if let Some((directory, task)) = orders() {
        runtime.block_on(hold_back_until_killed(&directory, &task));
        return;
    }
    let mut deaths = Deaths::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (schemas, pools) = runtime.block_on(migrated_schema::migrated());
    let variables = migrated_schema::variables(&schemas);
    let mut reported = BTreeSet::new();
    let mut while_putting = 0;
    for round in 0..deaths.count {
        let first = round * 1_000_000;
        let before = count(&schemas);
        let start = |task: &str| Process::start_with(folder.path(), task, &variables);
        let numbers = match round % 3 {
            0 => {
                let patience = deaths.next(Duration::from_millis(200));
                start(&first.to_string()).kill_after_numbers(REPORTED_TOGETHER, patience)
            }
            1 => {
                // between its start and the middle of its writes
                let patience = deaths.next(Duration::from_millis(200));
                start(&first.to_string()).kill_after(patience)
            }
            _ => {
                let patience = deaths.next(Duration::from_millis(40));
                let task = format!("{THERE}{first}");
                let numbers = start(&task).kill_after_numbers(1, patience);
                // no new row if the process only stored ticks again that were not removed from the spool
                while_putting += u64::from(count(&schemas) > before);
                numbers
            }
        };
        reported.extend(numbers.into_iter().filter(|number| *number != BEGUN));
    }
    println!(
        "{} waited on the disk; {while_putting} kills while they were put",
        reported.len()
    );
    assert!(while_putting >= deaths.count / 10, "{while_putting} only");
    assert!(
        reported.len() >= REPORTED_TOGETHER,
        "{} only",
        reported.len()
    );

    let kept = runtime.block_on(async {
        let repository = Repositories::postgres(&pools).quarantine;
        let quarantine = open(&repository, folder.path()).await.expect("it opens");
        assert_eq!(
            quarantine.stop(Duration::from_secs(60)).await,
            QuarantineReport::new(0, 0)
        );
        numbers(&*repository).await
    });
    assert_eq!(count(&schemas), kept.len() as i64);
    for number in &kept {
        reported.remove(number);
    }
    assert!(reported.is_empty(), "lost: {reported:?}");
    println!("{} kills, {} ticks kept", deaths.count, kept.len());
}

/// The number of rows in the table.
fn count(schemas: &ScratchSchemas) -> i64 {
    let query = "SELECT count(*) AS number FROM tick_quarantine";
    let mut connection = schemas.connection(Database::Timeseries);
    pool::number(&mut connection, query).expect("counted")
}
