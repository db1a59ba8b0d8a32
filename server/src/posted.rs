//! The elements of `POST /api/v1/ticks`: ticks that go to the store, and what is rejected before.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use tickbook::domain::{SymbolId, Tick, TickKey};
use tickbook::ingest::OccurrenceCounter;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::{InsertReceipt, RejectedTick};
use tokio::task::yield_now;

use crate::wire::{NewTick, ReceiptBody, RejectedBody, Rejection, RejectionReason};

/// After so many elements other requests have their turn.
const AT_ONCE: usize = 100;

/// Ticks of a request, and what was rejected so far.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    ticks: Vec<Tick>,
    /// Which element of the request each of them is.
    indexes: Vec<usize>,
    rejected: Vec<RejectedBody>,
}

impl Posted {
    /// Reads each element by itself.
    pub(crate) async fn read(elements: &[&RawValue]) -> Self {
        let mut posted = Self::default();
        let mut occurrences = OccurrenceCounter::new();
        for (index, element) in elements.iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                yield_now().await;
            }
            let tick = NewTick::read(element.get());
            let tick = tick.and_then(|tick| Ok(tick.normalized(&mut occurrences)?));
            match tick {
                Ok(tick) => {
                    posted.ticks.push(tick);
                    posted.indexes.push(index);
                }
                Err(rejection) => {
                    posted
                        .rejected
                        .push(RejectedBody::new(index, rejection, None));
                }
            }
        }
        posted
    }

    /// Rejects what is further ahead of `now` than the rules of its symbol allow.
    pub(crate) fn reject_future(&mut self, rules: &SymbolRules, now: DateTime<Utc>) {
        self.reject(|tick| {
            let verdict = rules.of(tick.symbol_id).refuses_time(tick.tick_time, now)?;
            let (ahead, limit) = (verdict.observed, verdict.limit);
            let problem = format!(
                "is {ahead} s ahead of the server's clock, which takes {limit} s: \
                 see to the sender's clock"
            );
            let reason = RejectionReason::TickInFuture;
            Some(Rejection::of_field("tick_time", reason, problem))
        });
    }

    /// Whose ticks there are.
    pub(crate) fn symbol_ids(&self) -> Vec<SymbolId> {
        let ids: BTreeSet<_> = self.ticks.iter().map(|tick| tick.symbol_id).collect();
        ids.into_iter().collect()
    }

    /// Rejects the ticks of symbols that do not exist.
    pub(crate) fn reject_unknown(&mut self, unknown: &HashSet<SymbolId>) {
        if unknown.is_empty() {
            return;
        }
        self.reject(|tick| {
            let problem = format!(
                "{} is no symbol: /api/v1/symbols lists them",
                tick.symbol_id
            );
            let reason = RejectionReason::UnknownSymbol;
            let is_unknown = unknown.contains(&tick.symbol_id);
            is_unknown.then(|| Rejection::of_field("symbol_id", reason, problem))
        });
    }

    fn reject(&mut self, why: impl Fn(&Tick) -> Option<Rejection>) {
        let ticks = std::mem::take(&mut self.ticks);
        let indexes = std::mem::take(&mut self.indexes);
        for (tick, index) in ticks.into_iter().zip(indexes) {
            match why(&tick) {
                None => {
                    self.ticks.push(tick);
                    self.indexes.push(index);
                }
                Some(rejection) => {
                    let rejected = RejectedBody::new(index, rejection, Some(tick.into()));
                    self.rejected.push(rejected);
                }
            }
        }
    }

    /// How many of the ticks have their bid above the ask.
    pub(crate) fn crossed(&self) -> u64 {
        self.ticks.iter().filter(|tick| tick.is_crossed()).count() as u64
    }

    /// What is to be stored, to be given to [`into_receipt`](Self::into_receipt) again.
    pub(crate) fn take_ticks(&mut self) -> Arc<Vec<Tick>> {
        Arc::new(std::mem::take(&mut self.ticks))
    }

    /// What became of each element, after the store has said what became of `ticks`.
    pub(crate) fn into_receipt(
        self,
        ticks: &[Tick],
        stored: InsertReceipt,
        crossed: u64,
    ) -> ReceiptBody {
        let mut rejected = self.rejected;
        rejected.extend(of_store(ticks, &self.indexes, stored.rejected));
        rejected.sort_by_key(|rejected| rejected.index);
        ReceiptBody {
            inserted: stored.inserted,
            duplicates: stored.duplicates,
            conflicts: stored.conflicts.into_iter().map(Into::into).collect(),
            rejected,
            crossed,
        }
    }
}

/// What the store rejected, each with its place in the request.
fn of_store(ticks: &[Tick], indexes: &[usize], rejected: Vec<RejectedTick>) -> Vec<RejectedBody> {
    if rejected.is_empty() {
        return Vec::new();
    }
    let mut by_key: HashMap<TickKey, VecDeque<(usize, &Tick)>> = HashMap::new();
    for (tick, index) in ticks.iter().zip(indexes) {
        by_key
            .entry(tick.key())
            .or_default()
            .push_back((*index, tick));
    }
    let place = |rejected: RejectedTick| {
        let same_key = by_key.get_mut(&rejected.tick.key());
        let index = same_key.and_then(|places| {
            // they are listed in the order given; of one key several may have been sent
            let same = places.iter().position(|(_, tick)| **tick == rejected.tick);
            places.remove(same.unwrap_or(0)).map(|(index, _)| index)
        });
        let Some(index) = index else {
            tracing::error!(tick = ?rejected.tick, "the store rejected a tick that nobody sent");
            return None;
        };
        let rejection = Rejection {
            reason: RejectionReason::RefusedByStore,
            field: None,
            detail: rejected.reason,
        };
        let tick = Some(rejected.tick.into());
        Some(RejectedBody::new(index, rejection, tick))
    };
    rejected.into_iter().filter_map(place).collect()
}
