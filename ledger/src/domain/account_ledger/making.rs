//! Changes of a ledger, and the closing of orders by repeated reports.

use chrono::{DateTime, Utc};

use super::booking::{BookedPosition, Booking};
use super::{AccountLedger, Booked, Changes};
use crate::domain::event_key::{ContentHash, KeyDigest};
use crate::domain::execution::Closing;
use crate::domain::ids::OrderId;
use crate::domain::order::Order;
use crate::domain::order_event::{OrderEvent, OrderEventKind};
use crate::domain::outcome::{
    ChangedPosition, EventEffect, Outcome, Overfill, PositionAdjustment, RecordedEvent,
};

impl AccountLedger {
    /// Makes changes. Nothing here can fail.
    pub(super) fn make(
        &mut self,
        recorded: RecordedEvent,
        key: KeyDigest,
        content: ContentHash,
        changes: Changes,
    ) -> Outcome {
        let (event, order_id) = (&recorded.event, &recorded.order_id);
        let sequence = recorded.sequence;
        (self.sequence, self.recorded_at) = (sequence, recorded.recorded_at);
        let venue = event.venue.as_ref().unwrap_or(&self.account.terms.venue);
        let mut booking = self.bookings.is_some().then(|| {
            let terms = &changes.order.terms;
            Booking::new(recorded.clone(), key, content, venue.clone(), terms)
        });
        let before = self.orders.get(order_id).map(Order::overfill);
        let quantity = changes.order.overfill();
        let overfill = (quantity > before.unwrap_or_default()).then(|| Overfill {
            order_id: order_id.clone(),
            quantity,
        });
        if let Some(id) = &event.client_order_id
            && !self.client_order_ids.contains_key(id)
        {
            self.client_order_ids.insert(id.clone(), order_id.clone());
            if let Some(booking) = &mut booking {
                booking.new_client_order_id = Some(id.clone());
            }
        }
        if let Some(id) = &changes.order.venue_order_id {
            let id = (venue.clone(), id.clone());
            if !self.venue_order_ids.contains_key(&id) {
                self.venue_order_ids.insert(id.clone(), order_id.clone());
                if let Some(booking) = &mut booking {
                    booking.new_venue_order_id = Some(id);
                }
            }
        }
        if let Some(fill) = changes.fill {
            if let Some(booking) = &mut booking {
                booking.fill = Some((fill.order.sequence, fill.fill_id.clone()));
            }
            self.fills.insert(fill.fill_id.clone(), fill);
        }
        self.reports.extend(changes.report);
        let (mut adjusted, mut changed) = (None, None);
        if let Some((key, change)) = changes.position {
            let is_recomputed = change.is_recomputed;
            let is_new = !self.positions.contains_key(&key);
            let book = self.positions.entry(key.clone()).or_default();
            let before = book.make(change);
            let after = book.position();
            changed = Some(ChangedPosition::new(key.clone(), after));
            if let Some(booking) = &mut booking {
                booking.position = Some(BookedPosition::new(key.clone(), after, is_new));
            }
            adjusted = is_recomputed.then(|| {
                let after = after.clone();
                Box::new(PositionAdjustment { key, before, after })
            });
        }
        let effect = Box::new(EventEffect::new(&changes.order, changed));
        self.orders.insert(order_id.clone(), changes.order);
        self.booked.insert(key, Booked { sequence, content });
        if let Some(bookings) = &mut self.bookings {
            bookings.extend(booking);
        }
        Outcome::Appended {
            recorded,
            effect,
            adjusted,
            overfill,
        }
    }

    /// A repeated report of a fill may also close the order: the booking is repeated, the closing is new.
    pub(super) fn close_again(
        &mut self,
        event: &OrderEvent,
        order_id: &OrderId,
        now: DateTime<Utc>,
    ) -> Option<(RecordedEvent, Box<EventEffect>)> {
        let closing = closing_of(event, order_id)?;
        if self.orders.get(order_id)?.closing().is_some() {
            return None;
        }
        match self.apply(&closing, now) {
            Outcome::Appended {
                recorded, effect, ..
            } => Some((recorded, effect)),
            _ => None,
        }
    }
}

/// The closing of an order that the report of a fill states.
pub(super) fn closing_of(event: &OrderEvent, order_id: &OrderId) -> Option<OrderEvent> {
    let OrderEventKind::Filled(execution) = &event.kind else {
        return None;
    };
    let kind = match execution.closes? {
        Closing::Rejected => OrderEventKind::Rejected,
        Closing::Denied => OrderEventKind::Denied,
        Closing::Canceled => OrderEventKind::Canceled,
        Closing::Expired => OrderEventKind::Expired,
        Closing::DoneForDay => OrderEventKind::DoneForDay,
    };
    Some(OrderEvent {
        kind,
        external: None,
        order_id: Some(order_id.clone()),
        ..event.clone()
    })
}
