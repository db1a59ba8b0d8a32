//! The elements of `POST /api/v1/ticks`: valid ticks, and the elements rejected before they reach the store.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use tickbook::domain::{SymbolId, Tick, TickKey};
use tickbook::ingest::OccurrenceCounter;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::{InsertReceipt, RejectedTick};
use tokio::task::yield_now;

use crate::http::Held;
use crate::problem::Problem;
use crate::wire::{NewTick, ReceiptBody, RejectedBody, Rejection, RejectionReason};

/// Number of elements between two yields to other requests.
const AT_ONCE: usize = 100;

/// Memory of a rejected element or of a conflict in bytes, both as held and as sent, somewhat above the usual
/// size. The element itself may have only two bytes.
pub(crate) const REFUSED_BYTES: usize = 512;

/// The ticks of a request, and the elements rejected so far.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    ticks: Vec<Tick>,
    /// The index of each tick within the request.
    indexes: Vec<usize>,
    rejected: Vec<RejectedBody>,
}

impl Posted {
    /// Parses each element of a body of `bytes` bytes separately. `held` grows by the memory of the rejected
    /// elements.
    ///
    /// # Errors
    /// That memory is not available.
    pub(crate) async fn read(
        elements: &[&RawValue],
        bytes: usize,
        held: &Held,
    ) -> Result<Self, Problem> {
        let mut posted = Self::default();
        let mut occurrences = OccurrenceCounter::new();
        for (index, element) in elements.iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                posted.hold(bytes, held)?;
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
        posted.hold(bytes, held)?;
        Ok(posted)
    }

    /// Reserves the memory of the rejected elements, in addition to the `bytes` of the body.
    ///
    /// # Errors
    /// The memory is not available.
    pub(crate) fn hold(&self, bytes: usize, held: &Held) -> Result<(), Problem> {
        held.grow_at_once(bytes + self.rejected.len() * REFUSED_BYTES)
    }

    /// Rejects ticks that are further ahead of `now` than the rules of their symbol allow.
    pub(crate) fn reject_future(&mut self, rules: &SymbolRules, now: DateTime<Utc>) {
        self.reject(|tick| {
            let verdict = rules.of(tick.symbol_id).refuses_time(tick.tick_time, now)?;
            let (ahead, limit) = (verdict.observed, verdict.limit);
            let problem = format!(
                "is {ahead} s ahead of the server's clock, which allows {limit} s: \
                 correct the sender's clock"
            );
            let reason = RejectionReason::TickInFuture;
            Some(Rejection::of_field("tick_time", reason, problem))
        });
    }

    /// The symbols of the ticks.
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
                "{} is unknown: /api/v1/symbols lists all symbols",
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

    /// The number of ticks whose bid is above the ask.
    pub(crate) fn crossed(&self) -> u64 {
        self.ticks.iter().filter(|tick| tick.is_crossed()).count() as u64
    }

    /// Takes the ticks to be stored; pass them to [`into_receipt`](Self::into_receipt) afterwards.
    pub(crate) fn take_ticks(&mut self) -> Arc<Vec<Tick>> {
        Arc::new(std::mem::take(&mut self.ticks))
    }

    /// Combines the receipt of the store for `ticks` with the elements rejected earlier.
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

/// Maps the ticks that the store rejected to their indexes in the request.
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
        let same_key = by_key.get_mut(&rejected.row.key());
        let index = same_key.and_then(|places| {
            // rejections are listed in the order given; a request may contain several ticks of one key
            let same = places.iter().position(|(_, tick)| **tick == rejected.row);
            places.remove(same.unwrap_or(0)).map(|(index, _)| index)
        });
        let Some(index) = index else {
            tracing::error!(tick = ?rejected.row, "the store rejected a tick that the request does not contain");
            return None;
        };
        let rejection = Rejection {
            reason: RejectionReason::RefusedByStore,
            field: None,
            detail: rejected.reason,
        };
        let tick = Some(rejected.row.into());
        Some(RejectedBody::new(index, rejection, tick))
    };
    rejected.into_iter().filter_map(place).collect()
}
