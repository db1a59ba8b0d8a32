//! The elements of `POST /api/v1/ticks` or `/api/v1/trades`: the valid ones, and the elements rejected before
//! they reach the store.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tickbook::domain::{MarketEvent, SymbolId, Tick, Trade};
use tickbook::files::{FileColumn, QuoteColumn, TradeColumn};
use tickbook::ingest::OccurrenceCounter;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::RejectedRow;
use tokio::task::yield_now;

use crate::http::Held;
use crate::problem::Problem;
use crate::wire::{NewTick, NewTrade, RejectedBody, RejectedTradeBody, Rejection, RejectionReason};

/// Number of elements between two yields to other requests.
const AT_ONCE: usize = 100;

/// Memory of a rejected element or of a conflict in bytes, both as held and as sent, somewhat above the usual
/// size. The element itself may have only two bytes.
pub(crate) const REFUSED_BYTES: usize = 512;

/// A tick or a trade that clients send.
pub(crate) trait PostedEvent: MarketEvent {
    /// The columns of a body of rows.
    type Column: FileColumn;
    /// The name of several elements.
    const NAMES: &'static str;
    /// The name of the field of its time.
    const TIME_FIELD: &'static str;
    /// The reason of a rejection for its time.
    const IN_FUTURE: RejectionReason;

    /// Parses an element and returns it in its stored form. An element without a sequence is counted by
    /// `occurrences`.
    fn read(json: &str, occurrences: &mut OccurrenceCounter<Self>) -> Result<Self, Rejection>;
}

impl PostedEvent for Tick {
    type Column = QuoteColumn;
    const NAMES: &'static str = "ticks";
    const TIME_FIELD: &'static str = "tick_time";
    const IN_FUTURE: RejectionReason = RejectionReason::TickInFuture;

    fn read(json: &str, occurrences: &mut OccurrenceCounter) -> Result<Self, Rejection> {
        Ok(NewTick::read(json)?.normalized(occurrences)?)
    }
}

impl PostedEvent for Trade {
    type Column = TradeColumn;
    const NAMES: &'static str = "trades";
    const TIME_FIELD: &'static str = "trade_time";
    const IN_FUTURE: RejectionReason = RejectionReason::TradeInFuture;

    fn read(json: &str, occurrences: &mut OccurrenceCounter<Self>) -> Result<Self, Rejection> {
        Ok(NewTrade::read(json)?.normalized(occurrences)?)
    }
}

/// An element of a request.
#[derive(Debug)]
pub(crate) struct PostedElement<'a> {
    /// The number of its line, if it is a row.
    pub(crate) line: Option<u64>,
    /// The element as JSON, or why it cannot be one.
    pub(crate) json: Result<Cow<'a, str>, Rejection>,
}

/// An element that is not stored.
#[derive(Debug)]
pub(crate) struct RejectedElement<E> {
    index: usize,
    line: Option<u64>,
    rejection: Rejection,
    /// The element, if it could be parsed.
    event: Option<E>,
}

impl From<RejectedElement<Tick>> for RejectedBody {
    fn from(rejected: RejectedElement<Tick>) -> Self {
        let tick = rejected.event.map(Into::into);
        Self {
            line: rejected.line,
            ..Self::new(rejected.index, rejected.rejection, tick)
        }
    }
}

impl From<RejectedElement<Trade>> for RejectedTradeBody {
    fn from(rejected: RejectedElement<Trade>) -> Self {
        let trade = rejected.event.map(Into::into);
        Self {
            line: rejected.line,
            ..Self::new(rejected.index, rejected.rejection, trade)
        }
    }
}

/// The valid elements of a request, and the elements rejected so far.
#[derive(Debug)]
pub(crate) struct Posted<E> {
    events: Vec<E>,
    /// The index of each event within the request.
    indexes: Vec<usize>,
    /// The lines of all elements; empty if they are not rows.
    lines: Vec<u64>,
    rejected: Vec<RejectedElement<E>>,
}

impl<E: PostedEvent> Posted<E> {
    /// Parses each element of a body of `bytes` bytes separately. `held` grows by the memory of the rejected
    /// elements.
    ///
    /// # Errors
    /// That memory is not available.
    pub(crate) async fn read(
        elements: impl Iterator<Item = PostedElement<'_>> + Send,
        bytes: usize,
        held: &Held,
    ) -> Result<Self, Problem> {
        let mut posted = Self {
            events: Vec::new(),
            indexes: Vec::new(),
            lines: Vec::new(),
            rejected: Vec::new(),
        };
        let mut occurrences = OccurrenceCounter::new();
        for (index, element) in elements.enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                posted.hold(bytes, held)?;
                yield_now().await;
            }
            posted.lines.extend(element.line);
            let read = element
                .json
                .and_then(|json| E::read(&json, &mut occurrences));
            match read {
                Ok(event) => {
                    posted.events.push(event);
                    posted.indexes.push(index);
                }
                Err(rejection) => posted.rejected.push(RejectedElement {
                    index,
                    line: None,
                    rejection,
                    event: None,
                }),
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

    /// Rejects elements that are further ahead of `now` than the rules of their symbol allow.
    pub(crate) fn reject_future(&mut self, rules: &SymbolRules, now: DateTime<Utc>) {
        self.reject(|event| {
            let rules = rules.of(event.symbol_id());
            let verdict = rules.refuses_time(event.time(), now)?;
            let (ahead, limit) = (verdict.observed, verdict.limit);
            let problem = format!(
                "is {ahead} s ahead of the server's clock, which allows {limit} s: \
                 correct the sender's clock"
            );
            Some(Rejection::of_field(E::TIME_FIELD, E::IN_FUTURE, problem))
        });
    }

    /// The symbols of the valid elements.
    pub(crate) fn symbol_ids(&self) -> Vec<SymbolId> {
        let ids: BTreeSet<_> = self.events.iter().map(E::symbol_id).collect();
        ids.into_iter().collect()
    }

    /// Rejects the elements of symbols that do not exist.
    pub(crate) fn reject_unknown(&mut self, unknown: &HashSet<SymbolId>) {
        if unknown.is_empty() {
            return;
        }
        self.reject(|event| {
            let symbol_id = event.symbol_id();
            let problem = format!("{symbol_id} is unknown: /api/v1/symbols lists all symbols");
            let reason = RejectionReason::UnknownSymbol;
            let is_unknown = unknown.contains(&symbol_id);
            is_unknown.then(|| Rejection::of_field("symbol_id", reason, problem))
        });
    }

    fn reject(&mut self, why: impl Fn(&E) -> Option<Rejection>) {
        let events = std::mem::take(&mut self.events);
        let indexes = std::mem::take(&mut self.indexes);
        for (event, index) in events.into_iter().zip(indexes) {
            match why(&event) {
                None => {
                    self.events.push(event);
                    self.indexes.push(index);
                }
                Some(rejection) => self.rejected.push(RejectedElement {
                    index,
                    line: None,
                    rejection,
                    event: Some(event),
                }),
            }
        }
    }

    /// Takes the elements to be stored; pass them to [`into_rejected`](Self::into_rejected) afterwards.
    pub(crate) fn take_events(&mut self) -> Arc<Vec<E>> {
        Arc::new(std::mem::take(&mut self.events))
    }

    /// All rejected elements in the order of the request: those that the store rejected of `events`, and the
    /// ones rejected earlier.
    pub(crate) fn into_rejected(
        self,
        events: &[E],
        of_store: Vec<RejectedRow<E>>,
    ) -> Vec<RejectedElement<E>> {
        let mut rejected = self.rejected;
        rejected.extend(placed(events, &self.indexes, of_store));
        rejected.sort_by_key(|rejected| rejected.index);
        for rejected in &mut rejected {
            rejected.line = self.lines.get(rejected.index).copied();
        }
        rejected
    }
}

impl Posted<Tick> {
    /// The number of ticks whose bid is above the ask.
    pub(crate) fn crossed(&self) -> u64 {
        self.events.iter().filter(|tick| tick.is_crossed()).count() as u64
    }
}

/// Finds the indexes of the elements that the store rejected.
fn placed<E: PostedEvent>(
    events: &[E],
    indexes: &[usize],
    rejected: Vec<RejectedRow<E>>,
) -> Vec<RejectedElement<E>> {
    if rejected.is_empty() {
        return Vec::new();
    }
    let mut by_key: HashMap<E::Key, VecDeque<(usize, &E)>> = HashMap::new();
    for (event, index) in events.iter().zip(indexes) {
        by_key
            .entry(event.key())
            .or_default()
            .push_back((*index, event));
    }
    let place = |rejected: RejectedRow<E>| {
        let same_key = by_key.get_mut(&rejected.row.key());
        let index = same_key.and_then(|places| {
            // rejections are listed in the order given; a request may contain several elements of one key
            let same = places.iter().position(|(_, event)| **event == rejected.row);
            places.remove(same.unwrap_or(0)).map(|(index, _)| index)
        });
        let Some(index) = index else {
            tracing::error!(
                row = ?rejected.row,
                "the store rejected an element that the request does not contain"
            );
            return None;
        };
        let rejection = Rejection {
            reason: RejectionReason::RefusedByStore,
            field: None,
            detail: rejected.reason,
        };
        Some(RejectedElement {
            index,
            line: None,
            rejection,
            event: Some(rejected.row),
        })
    };
    rejected.into_iter().filter_map(place).collect()
}
