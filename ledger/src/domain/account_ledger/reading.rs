//! Reads of the ledger of an account.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::AccountLedger;
use crate::domain::account::{Account, CostMethod};
use crate::domain::amount::AmountError;
use crate::domain::digest::digest;
use crate::domain::event_key::ContentHash;
use crate::domain::fill::{Fill, FillId};
use crate::domain::ids::{ClientOrderId, OrderId};
use crate::domain::order::Order;
use crate::domain::position::Position;
use crate::domain::position_book::PositionBook;
use crate::domain::position_key::PositionKey;

impl AccountLedger {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Changes the facts of the account that may change: its name, and when it was closed.
    pub fn set_account(&mut self, account: &Account) {
        self.account.terms.name.clone_from(&account.terms.name);
        self.account.closed_at = account.closed_at;
    }

    /// The number of the last event; 0 without events.
    #[must_use]
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// An order.
    #[must_use]
    pub fn order(&self, order_id: &OrderId) -> Option<&Order> {
        self.orders.get(order_id)
    }

    /// The order that has a request with this id.
    #[must_use]
    pub fn order_of_request(&self, id: &ClientOrderId) -> Option<&Order> {
        self.orders.get(self.client_order_ids.get(id)?)
    }

    /// All orders, by id.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// A fill.
    #[must_use]
    pub fn fill(&self, fill_id: &FillId) -> Option<&Fill> {
        self.fills.get(fill_id)
    }

    /// All fills, busted ones too, by id.
    pub fn fills(&self) -> impl Iterator<Item = &Fill> {
        self.fills.values()
    }

    /// A position.
    #[must_use]
    pub fn position(&self, key: &PositionKey) -> Option<&Position> {
        self.positions.get(key).map(PositionBook::position)
    }

    /// All positions that ever had a fill, by key. Flat ones are included.
    pub fn positions(&self) -> impl Iterator<Item = (&PositionKey, &Position)> {
        self.positions
            .iter()
            .map(|(key, book)| (key, book.position()))
    }

    /// A digest of all orders, fills and positions. It does not depend on what was not booked.
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        let mut fills: Vec<_> = self.fills().collect();
        fills.sort_by_key(|fill| fill.order.sequence);
        digest(self.orders(), fills, self.positions())
    }

    /// The positions that all fills up to `time`, inclusive, at the venue give, with what is known about them now.
    ///
    /// # Errors
    /// An amount is out of range. The sums of all fills are in range, but those of a part of them may not be.
    pub fn positions_as_of(
        &self,
        time: DateTime<Utc>,
    ) -> Result<BTreeMap<PositionKey, Position>, AmountError> {
        let fills = self.fills().filter(|fill| fill.order.trade_time <= time);
        positions_of(self.method(), fills)
    }
}

/// The positions that fills give.
///
/// # Errors
/// An amount is out of range.
pub(crate) fn positions_of<'a>(
    method: CostMethod,
    fills: impl IntoIterator<Item = &'a Fill>,
) -> Result<BTreeMap<PositionKey, Position>, AmountError> {
    let mut fills: Vec<_> = fills.into_iter().collect();
    fills.sort_by_key(|fill| fill.order);
    let mut positions: BTreeMap<PositionKey, Position> = BTreeMap::new();
    for fill in fills {
        let position = positions.entry(fill.position.clone()).or_default();
        if !fill.is_busted {
            position.add(method, fill)?;
        }
    }
    Ok(positions)
}
