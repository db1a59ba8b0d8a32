//! Booked events with what a store writes about them.

use crate::domain::amount::Amount;
use crate::domain::event_key::{ContentHash, KeyDigest};
use crate::domain::fill::FillId;
use crate::domain::ids::{ClientOrderId, StrategyId, Venue, VenueOrderId};
use crate::domain::order_terms::{OrderTerms, Side};
use crate::domain::outcome::RecordedEvent;
use crate::domain::position::Position;
use crate::domain::position_key::PositionKey;
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;

/// A booked event and what it changed.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(crate) struct Booking {
    pub(crate) recorded: RecordedEvent,
    pub(crate) key: KeyDigest,
    pub(crate) content: ContentHash,
    pub(crate) venue: Venue,
    pub(crate) symbol_id: SymbolId,
    pub(crate) side: Side,
    pub(crate) strategy_id: Option<StrategyId>,
    /// The fill that the event added or changed, with its number.
    pub(crate) fill: Option<(i64, FillId)>,
    pub(crate) position: Option<BookedPosition>,
    /// The id of the request, if the order did not have it before.
    pub(crate) new_client_order_id: Option<ClientOrderId>,
    /// The id at the venue, if the order did not have it before.
    pub(crate) new_venue_order_id: Option<(Venue, VenueOrderId)>,
}

/// A position after an event.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(crate) struct BookedPosition {
    pub(crate) key: PositionKey,
    pub(crate) quantity: Decimal,
    pub(crate) open_cost: Amount,
    pub(crate) realized: Amount,
    /// Whether the event created the position.
    pub(crate) is_new: bool,
}

impl Booking {
    pub(super) fn new(
        recorded: RecordedEvent,
        key: KeyDigest,
        content: ContentHash,
        venue: Venue,
        terms: &OrderTerms,
    ) -> Self {
        Self {
            recorded,
            key,
            content,
            venue,
            symbol_id: terms.symbol_id,
            side: terms.side,
            strategy_id: terms.strategy_id,
            fill: None,
            position: None,
            new_client_order_id: None,
            new_venue_order_id: None,
        }
    }
}

impl BookedPosition {
    pub(super) fn new(key: PositionKey, position: &Position, is_new: bool) -> Self {
        Self {
            key,
            quantity: position.quantity,
            open_cost: position.open_cost,
            realized: position.realized,
            is_new,
        }
    }
}
