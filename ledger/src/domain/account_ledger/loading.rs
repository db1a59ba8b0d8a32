//! Loads a part of the ledger of an account from a store.

use chrono::{DateTime, Utc};

use super::booking::Booking;
use super::making::closing_of;
use super::{AccountLedger, Booked, ReportId};
use crate::domain::account::Account;
use crate::domain::event_key::{ContentHash, EventKey, KeyDigest};
use crate::domain::fill::{Fill, FillId, FillOrder};
use crate::domain::ids::{ClientOrderId, OrderId, Venue, VenueOrderId};
use crate::domain::order::Order;
use crate::domain::order_event::OrderEvent;
use crate::domain::position::Position;
use crate::domain::position_book::PositionBook;
use crate::domain::position_key::PositionKey;

impl AccountLedger {
    /// A ledger of which nothing is loaded. It has `sequence` events, and the last one was booked at `recorded_at` or
    /// before. It collects what it books.
    pub(crate) fn unloaded(account: &Account, sequence: i64, recorded_at: DateTime<Utc>) -> Self {
        let mut ledger = Self::new(account);
        (ledger.sequence, ledger.recorded_at) = (sequence, recorded_at);
        ledger.bookings = Some(Vec::new());
        ledger
    }

    /// When the last event was booked.
    pub(crate) fn recorded_at(&self) -> DateTime<Utc> {
        self.recorded_at
    }

    /// The requests with their orders.
    pub(crate) fn client_order_ids(&self) -> impl Iterator<Item = (&ClientOrderId, &OrderId)> {
        self.client_order_ids.iter()
    }

    /// The ids of venues with their orders.
    pub(crate) fn venue_order_ids(
        &self,
    ) -> impl Iterator<Item = (&(Venue, VenueOrderId), &OrderId)> {
        self.venue_order_ids.iter()
    }

    /// Returns what was booked since the last call.
    pub(crate) fn take_bookings(&mut self) -> Vec<Booking> {
        match &mut self.bookings {
            Some(bookings) => std::mem::take(bookings),
            None => Vec::new(),
        }
    }

    /// The number of loaded orders, fills and events.
    pub(crate) fn size(&self) -> usize {
        self.orders.len() + self.fills.len() + self.booked.len()
    }

    pub(crate) fn load_order(&mut self, order: Order) {
        self.orders.insert(order.order_id.clone(), order);
    }

    pub(crate) fn load_client_order_id(&mut self, id: ClientOrderId, order_id: OrderId) {
        self.client_order_ids.insert(id, order_id);
    }

    pub(crate) fn load_venue_order_id(&mut self, id: (Venue, VenueOrderId), order_id: OrderId) {
        self.venue_order_ids.insert(id, order_id);
    }

    pub(crate) fn load_fill(&mut self, fill: Fill) {
        self.fills.insert(fill.fill_id.clone(), fill);
    }

    pub(crate) fn load_report(&mut self, report: ReportId, fill_id: FillId) {
        self.reports.insert(report, fill_id);
    }

    pub(crate) fn load_booked(&mut self, key: KeyDigest, sequence: i64, content: ContentHash) {
        self.booked.insert(key, Booked { sequence, content });
    }

    /// Loads a position with its last fill that is not busted.
    pub(crate) fn load_position(
        &mut self,
        key: PositionKey,
        position: Position,
        last: Option<(FillOrder, FillId)>,
    ) {
        let book = PositionBook::ending_with(position, last);
        self.positions.insert(key.clone(), book);
        self.incomplete.insert(key);
    }

    /// Loads all fills of a position that is loaded.
    pub(crate) fn load_fills_of(&mut self, key: &PositionKey, fills: Vec<Fill>) {
        if let Some(book) = self.positions.get_mut(key) {
            let live = fills.iter().filter(|fill| !fill.is_busted);
            book.know_fills(live.map(|fill| (fill.order, fill.fill_id.clone())));
        }
        for fill in fills {
            // a fill that this ledger changed is newer than the loaded one
            self.fills.entry(fill.fill_id.clone()).or_insert(fill);
        }
        self.incomplete.remove(key);
    }

    /// Whether an order is loaded.
    pub(crate) fn has_order(&self, order_id: &OrderId) -> bool {
        self.orders.contains_key(order_id)
    }

    /// Whether a position is loaded.
    pub(crate) fn has_position(&self, key: &PositionKey) -> bool {
        self.positions.contains_key(key)
    }

    /// The order that an event in its stored form names, as far as it is loaded.
    pub(crate) fn order_named_by(&self, event: &OrderEvent) -> Option<OrderId> {
        let found = self.find(event).ok().flatten();
        found.or_else(|| event.order_id.clone())
    }

    /// Whether the order of an event does not depend on what is not loaded.
    pub(crate) fn knows_order_of(&self, event: &OrderEvent) -> bool {
        let is_known = |id: &ClientOrderId| self.client_order_ids.contains_key(id);
        event.order_id.is_some() || event.client_order_id.as_ref().is_some_and(is_known)
    }

    /// The keys under which an event in its stored form may be booked already.
    pub(crate) fn keys_of(&self, event: &OrderEvent, order_id: &OrderId) -> Vec<KeyDigest> {
        let key =
            |event: &OrderEvent| EventKey::of(event, order_id, &self.account.terms.venue).digest();
        let closing = closing_of(event, order_id);
        let closing = closing.as_ref().map(key);
        std::iter::once(key(event)).chain(closing).collect()
    }
}
