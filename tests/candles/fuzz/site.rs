//! What the tasks of one round share.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tickbook::db::{ScratchSchemas, TimeseriesDb};
use tickbook::domain::Timeframe;
use tickbook::postgres::Edition;
use tickbook::retention::RetentionPolicies;
use tickbook::{Repositories, RepositoryError};
use tokio::sync::RwLock;

use super::draw::Times;
use super::model::Model;
use super::report;
use crate::support::random::Random;

/// How often things were done, and how often in vain.
#[derive(Debug)]
pub(crate) struct Counts {
    begun: Instant,
    pub(crate) strict: AtomicU64,
    pub(crate) weak: AtomicU64,
    /// Answers of which the model did not know what they should be.
    pub(crate) unknown: AtomicU64,
    pub(crate) ops: Mutex<BTreeMap<&'static str, (u64, u64)>>,
    pub(crate) errors: Mutex<BTreeMap<String, u64>>,
    pub(crate) differences: AtomicU64,
    /// How many of each kind, and after how long the first.
    kinds: Mutex<BTreeMap<&'static str, (u64, Duration)>>,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            strict: AtomicU64::default(),
            weak: AtomicU64::default(),
            unknown: AtomicU64::default(),
            ops: Mutex::default(),
            errors: Mutex::default(),
            differences: AtomicU64::default(),
            kinds: Mutex::default(),
        }
    }

    /// Counts one of `kind`; returns how long after the start.
    pub(crate) fn difference(&self, kind: &'static str) -> Duration {
        let since = self.begun.elapsed();
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.entry(kind).or_insert((0, since)).0 += 1;
        since
    }

    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn listings(&self) -> u64 {
        self.strict.load(Ordering::Relaxed) + self.weak.load(Ordering::Relaxed)
    }

    /// Whether so many reads failed, which may be tried again, that nothing can be said.
    pub(crate) fn reads_failed(&self) -> bool {
        let ops = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, failed) = ops.get("read").copied().unwrap_or_default();
        failed * 20 > count
    }

    pub(crate) fn op(&self, kind: &'static str, failed: bool) {
        let mut ops = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = ops.entry(kind).or_default();
        counted.0 += 1;
        counted.1 += u64::from(failed);
    }

    /// Errors of one kind of call, by their text without what differs each time.
    pub(crate) fn error(&self, kind: &str, error: &dyn Error) {
        let mut text = error.to_string();
        if let Some(source) = error.source() {
            text += &format!(" ({source})");
        }
        let line = text.lines().next().unwrap_or_default();
        let plain: String = line.chars().filter(|it| !it.is_ascii_digit()).collect();
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        *errors.entry(format!("{kind}: {plain}")).or_default() += 1;
    }

    pub(crate) fn print(&self, seed: u64, rounds: usize, took: Duration) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        println!("calls, and how many of them failed:");
        for (kind, (count, failed)) in self
            .ops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            println!("  {count:7} {failed:5}  {kind}");
        }
        println!("errors, without digits:");
        for (text, count) in self
            .errors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            println!("  {count:7}  {text}");
        }
        println!("differences, and after how many seconds the first:");
        for (kind, (count, first)) in self
            .kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            println!("  {count:7} {:5.1}  {kind}", first.as_secs_f64());
        }
        println!(
            "seed {seed}: {rounds} rounds, {:.0} s, {} listings checked strictly, {} by bounds, {} not \
             known, {} differences",
            took.as_secs_f64(),
            get(&self.strict),
            get(&self.weak),
            get(&self.unknown),
            get(&self.differences)
        );
    }
}

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) seed: u64,
    pub(crate) schemas: ScratchSchemas,
    pub(crate) db: TimeseriesDb,
    pub(crate) repositories: Repositories,
    pub(crate) edition: Edition,
    pub(crate) model: Model,
    pub(crate) times: Times,
    pub(crate) counts: Arc<Counts>,
    /// Shared by batches, so that it is known which ticks a delete meets.
    pub(crate) batches: RwLock<()>,
    /// What was applied last.
    pub(crate) policies: Mutex<RetentionPolicies>,
    pub(crate) has_relations: AtomicBool,
    /// The process of the session that works by hand, to be cancelled at the end.
    pub(crate) hand: Mutex<Option<i32>>,
    /// When nothing long is begun any more, and when nothing is.
    pub(crate) ends: (Instant, Instant),
    pub(crate) begun: Instant,
    pub(crate) is_wrong: AtomicBool,
    /// How many differences were told.
    pub(crate) told: Mutex<usize>,
    /// Pause between two of a writer, in milliseconds at most.
    pub(crate) pace: u64,
    pub(crate) without: String,
}

impl Site {
    /// Whether a round goes on for what takes `long`, or for the rest.
    pub(crate) fn goes_on(&self, long: bool) -> bool {
        let end = if long { self.ends.0 } else { self.ends.1 };
        Instant::now() < end && !self.is_wrong.load(Ordering::Relaxed)
    }

    /// Numbers of one task.
    pub(crate) fn random(&self, task: u64) -> Random {
        let mut random = Random::of(self.seed ^ task.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.below(2);
        random
    }

    /// Whether `TICKBOOK_FUZZ_WITHOUT`, a list with commas, names this kind of calls or differences.
    pub(crate) fn leaves_out(&self, kind: &str) -> bool {
        self.without.split(',').any(|it| it.trim() == kind)
    }

    /// Whether candles are kept by aggregates.
    pub(crate) fn has_aggregates(&self) -> bool {
        self.edition == Edition::Community && self.has_relations.load(Ordering::SeqCst)
    }

    /// Registers, does and counts something that is no batch.
    pub(crate) async fn done<T>(
        &self,
        kind: &'static str,
        text: String,
        what: impl Future<Output = Result<T, RepositoryError>>,
    ) -> Option<T> {
        if self.leaves_out(kind) {
            return None;
        }
        let op = self.model.begin(kind, text);
        let result = what.await;
        self.counts.op(kind, result.is_err());
        match result {
            Ok(value) => {
                self.model.end(op, "done".to_owned());
                Some(value)
            }
            Err(error) => {
                self.counts.error(kind, &error);
                self.model.end(op, format!("failed: {error}"));
                // retention would end for good
                if kind == "maintain" && !error.is_transient() {
                    let text = format!("{error}\n{error:?}");
                    report::difference(self, "maintenance fails for good", &text, None);
                }
                None
            }
        }
    }

    pub(crate) async fn pause(&self, random: &mut Random, most: u64) {
        tokio::time::sleep(Duration::from_millis(random.below(most + 1))).await;
    }
}

pub(crate) fn relation(timeframe: Timeframe) -> String {
    format!("ohlc_{timeframe}")
}
