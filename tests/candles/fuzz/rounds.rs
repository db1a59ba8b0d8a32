//! One round: a separate schema, the tasks that share it, and their end in time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use tickbook::postgres::{Edition, detect_edition, remove_policies};
use tickbook::retention::RetentionPolicies;
use tickbook::{Database, Repositories};
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use super::draw::Times;
use super::model::Model;
use super::site::{Counts, Site};
use super::{hand, keeper, readers, writers};
use crate::support::migrated_schema::migrated_with;
use crate::support::random::Random;

/// The time that the end of a round takes: first no long call begins any more, then no call.
const TAIL: Duration = Duration::from_secs(14);

const READERS: usize = 3;
const WRITERS: usize = 2;

/// Runs a round. Returns whether every page was right.
pub(crate) async fn round(seed: u64, number: usize, length: Duration, counts: Arc<Counts>) -> bool {
    let begun = Instant::now();
    let end = begun + length;
    let tail = TAIL.min(length.mul_f64(0.3));
    let (schemas, pools) = migrated_with(|config| config.pool.size = 12).await;
    let mut connection = schemas.connection(Database::Timeseries);
    let edition = detect_edition(&mut connection).expect("known").edition;
    drop(connection);
    let mut random = Random::of(seed);
    let times = Times::draw(&mut random);
    // readers check for new relations only from time to time, so they use relations that are created late
    // only briefly
    let starts_with = [0, 1, 1, 1, 2, 2][random.below(6) as usize];
    let site = Arc::new(Site {
        seed,
        repositories: Repositories::postgres(&pools),
        db: pools.timeseries(),
        schemas,
        edition,
        model: Model::default(),
        times,
        counts,
        batches: RwLock::default(),
        policies: Mutex::new(RetentionPolicies::default()),
        has_relations: AtomicBool::new(false),
        hand: Mutex::new(None),
        begun,
        ends: (end - tail, end - tail.mul_f64(0.6)),
        is_wrong: AtomicBool::new(false),
        reports: Mutex::new(0),
        without: std::env::var("TICKBOOK_FUZZ_WITHOUT").unwrap_or_default(),
        pace: [5, 40, 200][random.below(3) as usize],
    });
    println!(
        "round {number}: seed {seed}, {edition:?}, {} days up to {} min ago, pace {} ms, candle relations {}",
        site.times.days,
        site.times.lag.num_minutes(),
        site.pace,
        ["later", "first", "and policies first"][starts_with]
    );
    writers::history(&site).await;
    if starts_with > 0 {
        keeper::aggregates(&site).await;
    }
    if starts_with > 1 {
        keeper::apply(&site, &mut random).await;
    }
    let mut tasks = JoinSet::new();
    for reader in 0..READERS {
        tasks.spawn(readers::read(Arc::clone(&site), reader));
    }
    for writer in 0..WRITERS {
        tasks.spawn(writers::write(Arc::clone(&site), writer));
    }
    if edition == Edition::Community {
        let site = Arc::clone(&site);
        tasks.spawn_blocking(move || hand::work(&site));
    }
    let deadline = end - tail.mul_f64(0.25);
    // run the keeper in this task, since the future of an audit must stay on its thread
    let kept = tokio::time::timeout_at(deadline.into(), keeper::keep(&site)).await;
    if kept.is_err() {
        println!("what the keeper did is given up at the end of its round");
    }
    finish(&site, tasks, deadline).await;
    !site.is_wrong.load(Ordering::SeqCst)
}

/// Waits for the tasks until `deadline`, then cancels the remaining ones.
async fn finish(site: &Site, mut tasks: JoinSet<()>, deadline: Instant) {
    loop {
        match tokio::time::timeout_at(deadline.into(), tasks.join_next()).await {
            Ok(None) => break,
            Ok(Some(joined)) => joined.expect("no task panics"),
            Err(_) => {
                println!(
                    "{} tasks are cancelled at the end of their round",
                    tasks.len()
                );
                let hand = *site.hand.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(process) = hand {
                    let mut connection = site.schemas.connection(Database::Timeseries);
                    let cancel = format!("SELECT pg_cancel_backend({process})");
                    connection.batch_execute(&cancel).expect("cancelled");
                }
                tasks.abort_all();
                while tasks.join_next().await.is_some() {}
                break;
            }
        }
    }
    // remove the jobs before the schema is dropped, since running jobs would block the drop
    if let Err(error) = remove_policies(&site.db).await {
        println!("policies stay behind: {error}");
    }
}
