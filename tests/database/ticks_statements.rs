//! Tests of the statements that write a batch of ticks.
#![cfg(all(feature = "conformance", feature = "postgres"))]

use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::TickRepository;

use crate::support::alone::is_alone;
use crate::support::migrated_schema::{migrated, ticks};

/// The first words of the statements that name the table of ticks.
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Record;

impl Instrumentation for Record {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            // the applied policies are read every few seconds, independent of the batch
            if text.contains("ticks") && !text.contains("applied_policies") {
                let first = text.split_whitespace().next().unwrap_or_default();
                STATEMENTS.lock().expect("no panic").push(first.to_owned());
            }
        }
    }
}

fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(Record))
}

async fn statements_of(
    repository: &PgTickRepository,
    from: i64,
    to: i64,
    inserted: u64,
) -> Vec<String> {
    STATEMENTS.lock().expect("no panic").clear();
    let batch = ticks(from, to);
    let receipt = repository.insert_batch(&batch).await.expect("inserted");
    assert_eq!(receipt.inserted, inserted);
    assert_eq!(receipt.total(), batch.len() as u64);
    STATEMENTS.lock().expect("no panic").clone()
}

/// Runs in a separate process, since statements are recorded for the whole process.
#[tokio::test]
async fn large_batches_avoid_copy_after_a_taken_key() {
    if !is_alone() {
        return;
    }
    let (_schemas, pools) = migrated().await;
    set_default_instrumentation(record).expect("set before the pool connects");
    let other_process = PgTickRepository::new(pools.clone());
    let repository = PgTickRepository::new(pools.clone());

    assert_eq!(statements_of(&repository, 0, 49, 49).await, ["INSERT"]);
    assert_eq!(statements_of(&repository, 100, 150, 50).await, ["COPY"]);
    statements_of(&other_process, 170, 175, 5).await;
    let met = statements_of(&repository, 150, 210, 55).await;
    assert_eq!(met, ["COPY", "INSERT", "SELECT"]);
    let again = statements_of(&repository, 150, 210, 0).await;
    assert_eq!(again, ["INSERT", "SELECT"]);
    let once_more = statements_of(&repository, 150, 210, 0).await;
    assert_eq!(once_more, ["SELECT"]);
    for number in 0..8 {
        let from = 1_000 + 100 * number;
        let clean = statements_of(&repository, from, from + 60, 60).await;
        // the first batch is looked up, since the batches before it were stored already
        let expected: &[_] = match number {
            0 => &["SELECT", "INSERT"],
            _ => &["INSERT"],
        };
        assert_eq!(clean, expected, "clean batch {number}");
    }
    let copied = statements_of(&repository, 5_000, 5_060, 60).await;
    assert_eq!(copied, ["COPY"]);

    // a single newer tick is inserted without a lookup
    let single = statements_of(&repository, 5_100, 5_101, 1).await;
    assert_eq!(single, ["INSERT"]);
    statements_of(&other_process, 5_101, 5_102, 1).await;
    let met = statements_of(&repository, 5_101, 5_102, 0).await;
    assert_eq!(met, ["INSERT", "INSERT", "SELECT"]);
    let again = statements_of(&repository, 5_101, 5_102, 0).await;
    assert_eq!(again, ["SELECT"]);
    let repository = PgTickRepository::new(pools.clone());

    // a batch that is not newer than the written ticks may have been sent before, so its first and last
    // key are looked up
    let sent_again = statements_of(&repository, 5_000, 5_060, 0).await;
    assert_eq!(sent_again, ["SELECT", "SELECT"]);
    let restarted = PgTickRepository::new(pools.clone());
    let sent_again = statements_of(&restarted, 5_000, 5_060, 0).await;
    assert_eq!(sent_again, ["SELECT", "SELECT"]);
    let restarted = PgTickRepository::new(pools.clone());
    let half_of_it = statements_of(&restarted, 5_030, 5_090, 30).await;
    assert_eq!(half_of_it, ["SELECT", "INSERT", "SELECT"]);
    let restarted = PgTickRepository::new(pools);
    let new = statements_of(&restarted, 6_000, 6_060, 60).await;
    assert_eq!(new, ["SELECT", "COPY"]);
}
