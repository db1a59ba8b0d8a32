//! State shared by the tasks of one round.

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

/// The numbers of calls and of failed calls.
#[derive(Debug)]
pub(crate) struct Counts {
    begun: Instant,
    pub(crate) strict: AtomicU64,
    pub(crate) weak: AtomicU64,
    /// The number of pages that the model could not judge.
    pub(crate) unknown: AtomicU64,
    pub(crate) ops: Mutex<BTreeMap<&'static str, (u64, u64)>>,
    pub(crate) errors: Mutex<BTreeMap<String, u64>>,
    pub(crate) differences: AtomicU64,
    /// By kind of difference, its number and the time until the first one.
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

    /// Counts a difference of `kind`. Returns the time since the start.
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

    /// Whether so many reads failed with retryable errors that the run shows nothing.
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

    /// Counts an error of one kind of call, by its text without the parts that vary.
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
    /// Locked in shared mode by batches and exclusively by deletes, so that the ticks that a delete finds
    /// are known.
    pub(crate) batches: RwLock<()>,
    /// The policies that were applied last.
    pub(crate) policies: Mutex<RetentionPolicies>,
    pub(crate) has_relations: AtomicBool,
    /// The process id of the session of [`hand`](super::hand), which is cancelled at the end.
    pub(crate) hand: Mutex<Option<i32>>,
    /// The times after which no long call, and no call at all, begins.
    pub(crate) ends: (Instant, Instant),
    pub(crate) begun: Instant,
    pub(crate) is_wrong: AtomicBool,
    /// The number of reported differences.
    pub(crate) reports: Mutex<usize>,
    /// The longest pause between two batches of a writer, in milliseconds.
    pub(crate) pace: u64,
    pub(crate) without: String,
}

impl Site {
    /// Whether a long call, or another call, may still begin in this round.
    pub(crate) fn goes_on(&self, long: bool) -> bool {
        let end = if long { self.ends.0 } else { self.ends.1 };
        Instant::now() < end && !self.is_wrong.load(Ordering::Relaxed)
    }

    /// The random numbers of one task.
    pub(crate) fn random(&self, task: u64) -> Random {
        let mut random = Random::of(self.seed ^ task.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.below(2);
        random
    }

    /// Whether `TICKBOOK_FUZZ_WITHOUT`, a list separated by commas, contains this kind of calls or
    /// differences.
    pub(crate) fn leaves_out(&self, kind: &str) -> bool {
        self.without.split(',').any(|it| it.trim() == kind)
    }

    /// Whether aggregates hold the candles.
    pub(crate) fn has_aggregates(&self) -> bool {
        self.edition == Edition::Community && self.has_relations.load(Ordering::SeqCst)
    }

    /// Records, runs and counts a call that is not a batch.
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
                // nothing would be dropped any more
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
