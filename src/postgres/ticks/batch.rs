//! A batch made ready for the database, and what became of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::{Tick, TickKey};
use crate::repository::{InsertReceipt, RejectedTick, TickConflict};

/// `rejected` as they came and in the order in which they were given.
pub(super) fn in_order_given(rejected: Vec<RejectedTick>, given: &[Tick]) -> Vec<RejectedTick> {
    if rejected.is_empty() {
        return rejected;
    }
    let count = rejected.len();
    let mut by_key: HashMap<TickKey, Vec<RejectedTick>> = HashMap::with_capacity(count);
    for one in rejected {
        by_key.entry(one.tick.key()).or_default().push(one);
    }
    let mut ordered = Vec::with_capacity(count);
    for tick in given {
        let stored = tick.normalized();
        let stored = stored.as_ref().unwrap_or(tick);
        let Some(of_key) = by_key.get_mut(&stored.key()) else {
            continue;
        };
        if let Some(found) = of_key.iter().position(|one| one.tick == *stored) {
            let reason = of_key.remove(found).reason;
            let tick = tick.clone();
            ordered.push(RejectedTick { tick, reason });
        }
    }
    ordered
}

/// Ticks in the form in which they are stored, by key.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// The first tick given of each key, in key order: concurrent writers that lock in one order
    /// cannot wait for each other in a circle, and `COPY` refuses a key that comes twice.
    pub(super) firsts: Vec<Tick>,
    /// The others, in key order.
    pub(super) repeats: Vec<Tick>,
    /// What breaks a rule of the domain, in the order given, and what is too old.
    rejected: Vec<RejectedTick>,
    /// Days that candles are made of again when the batch is stored.
    pub(super) late_days: Vec<DateTime<Utc>>,
}

impl Batch {
    pub(super) fn new(ticks: &[Tick]) -> Self {
        let mut sorted = Vec::with_capacity(ticks.len());
        let mut rejected = Vec::new();
        for tick in ticks {
            match tick.normalized() {
                Ok(stored) => sorted.push(stored),
                Err(reason) => rejected.push(RejectedTick::invalid(tick, reason)),
            }
        }
        // stable: of one key the tick given first stays first
        sorted.sort_by_key(Tick::key);
        Self {
            rejected,
            ..Self::of_sorted(sorted)
        }
    }

    /// A batch of valid ticks in key order.
    pub(super) fn of_sorted(sorted: Vec<Tick>) -> Self {
        let mut firsts: Vec<Tick> = Vec::with_capacity(sorted.len());
        let mut repeats = Vec::new();
        for tick in sorted {
            match firsts.last() {
                Some(last) if last.key() == tick.key() => repeats.push(tick),
                _ => firsts.push(tick),
            }
        }
        Self::of_parts(firsts, repeats)
    }

    /// A batch that was taken apart.
    pub(super) fn of_parts(firsts: Vec<Tick>, repeats: Vec<Tick>) -> Self {
        Self {
            firsts,
            repeats,
            rejected: Vec::new(),
            late_days: Vec::new(),
        }
    }

    /// Rejects the ticks that `refusal` has a reason for.
    pub(super) fn reject(&mut self, refusal: impl Fn(&Tick) -> Option<String>) {
        for ticks in [&mut self.firsts, &mut self.repeats] {
            let refused = ticks.extract_if(.., |tick| refusal(tick).is_some());
            self.rejected.extend(refused.filter_map(|tick| {
                let reason = refusal(&tick)?;
                Some(RejectedTick { tick, reason })
            }));
        }
    }

    pub(super) fn has_nothing_to_store(&self) -> bool {
        self.firsts.is_empty()
    }

    /// The receipt of a batch of which nothing could be stored.
    pub(super) fn into_receipt(self) -> InsertReceipt {
        InsertReceipt {
            rejected: self.rejected,
            ..InsertReceipt::default()
        }
    }

    /// The receipt of a batch of which every first tick was inserted.
    pub(super) fn all_inserted(self) -> InsertReceipt {
        let inserted = self.firsts.len() as u64;
        if self.repeats.is_empty() {
            return InsertReceipt {
                inserted,
                ..self.into_receipt()
            };
        }
        let stored = self.firsts.iter().map(|tick| (tick.key(), tick.clone()));
        let stored = stored.collect();
        self.compared(inserted, &stored)
    }

    /// The receipt of a batch of which `inserted` first ticks are new among `stored`, which holds
    /// what the database has under the keys of the batch.
    pub(super) fn compared(self, inserted: u64, stored: &HashMap<TickKey, Tick>) -> InsertReceipt {
        let mut equal: u64 = 0;
        let mut conflicts = Vec::new();
        let mut missing = self.rejected;
        // both are in key order, and a stable sort merges them
        let mut all = self.firsts;
        all.extend(self.repeats);
        all.sort_by_key(Tick::key);
        for tick in all {
            match stored.get(&tick.key()) {
                // what is stored decides, not what came earlier in the batch and was refused
                Some(stored) if !stored.has_content_of(&tick) => conflicts.push(TickConflict {
                    stored: stored.clone(),
                    refused: tick,
                }),
                Some(_) => equal += 1,
                None => missing.push(RejectedTick {
                    tick,
                    reason: "the database does not have it".to_owned(),
                }),
            }
        }
        InsertReceipt {
            inserted,
            // what was inserted by this batch equals itself
            duplicates: equal.saturating_sub(inserted),
            conflicts,
            rejected: missing,
        }
    }
}
