//! The elements of `POST /api/v1/accounts/{account_id}/events`: the events, and the elements that are rejected before
//! they reach the ledger.

use std::collections::{BTreeSet, HashSet};

use serde_json::value::RawValue;
use tickbook::domain::SymbolId;
use tickbook_ledger::domain::{OrderEvent, OrderEventKind, OrderTerms};
use tokio::task::yield_now;

use crate::http::Held;
use crate::posted::REFUSED_BYTES;
use crate::problem::Problem;
use crate::wire::{RejectedEventBody, Rejection, RejectionReason, read_event};

/// Number of elements between two yields to other requests.
const AT_ONCE: usize = 100;

/// Memory of an event besides its texts, which are at most as long as the body, and of its lines in the receipt.
const EVENT_BYTES: usize = 2 * size_of::<OrderEvent>() + 64;

/// The events of a request, and the elements rejected so far.
#[derive(Debug, Default)]
pub(crate) struct PostedEvents {
    events: Vec<OrderEvent>,
    /// The index of each event within the request.
    indexes: Vec<usize>,
    rejected: Vec<RejectedEventBody>,
}

/// The terms of the order that an event creates.
fn terms(event: &OrderEvent) -> Option<&OrderTerms> {
    match &event.kind {
        OrderEventKind::Created(terms) => Some(terms),
        _ => event.external.as_deref(),
    }
}

impl PostedEvents {
    /// Parses each element of a body of `bytes` bytes separately. `held` grows by the memory of the elements.
    ///
    /// # Errors
    /// That memory is not available.
    pub(crate) async fn read(
        elements: &[&RawValue],
        bytes: usize,
        held: &Held,
    ) -> Result<Self, Problem> {
        let mut posted = Self::default();
        for (index, element) in elements.iter().enumerate() {
            if index % AT_ONCE == AT_ONCE - 1 {
                posted.hold(bytes, held)?;
                yield_now().await;
            }
            match read_event(element.get()) {
                Ok(event) => {
                    posted.events.push(event);
                    posted.indexes.push(index);
                }
                Err(rejection) => {
                    let rejected = RejectedEventBody::new(index, rejection);
                    posted.rejected.push(rejected);
                }
            }
        }
        posted.hold(bytes, held)?;
        Ok(posted)
    }

    fn hold(&self, bytes: usize, held: &Held) -> Result<(), Problem> {
        let refused = self.rejected.len() * REFUSED_BYTES;
        held.grow_at_once(bytes + refused + self.events.len() * EVENT_BYTES)
    }

    /// The symbols of the orders that the events create.
    pub(crate) fn symbol_ids(&self) -> Vec<SymbolId> {
        let terms = self.events.iter().filter_map(terms);
        let ids: BTreeSet<_> = terms.map(|terms| terms.symbol_id).collect();
        ids.into_iter().collect()
    }

    /// Rejects the events that create orders in symbols that do not exist.
    pub(crate) fn reject_unknown(&mut self, unknown: &HashSet<SymbolId>) {
        if unknown.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.events);
        let indexes = std::mem::take(&mut self.indexes);
        for (event, index) in events.into_iter().zip(indexes) {
            let symbol_id = terms(&event).map(|terms| terms.symbol_id);
            match symbol_id.filter(|id| unknown.contains(id)) {
                None => {
                    self.events.push(event);
                    self.indexes.push(index);
                }
                Some(id) => {
                    let problem = format!("{id} is unknown: /api/v1/symbols lists all symbols");
                    let reason = RejectionReason::UnknownSymbol;
                    let rejection = Rejection::of_field("symbol_id", reason, problem);
                    let rejected = RejectedEventBody::new(index, rejection);
                    self.rejected.push(rejected);
                }
            }
        }
        self.rejected.sort_by_key(|rejected| rejected.index);
    }

    /// The events, the index of each within the request, and the rejected elements.
    pub(crate) fn into_parts(self) -> (Vec<OrderEvent>, Vec<usize>, Vec<RejectedEventBody>) {
        (self.events, self.indexes, self.rejected)
    }
}
