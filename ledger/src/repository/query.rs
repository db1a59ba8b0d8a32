//! Queries of orders, events, fills and positions.

use chrono::{DateTime, Utc};
use tickbook::domain::{PageLimit, SortOrder, SymbolId, TimeRange};

use crate::domain::{AccountId, FillOrder, OrderId, Position, PositionKey, StrategyId};

/// A query for orders of an account, in the order in which they were created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderQuery {
    /// The account.
    pub account_id: AccountId,
    /// Only orders in this instrument.
    pub symbol_id: Option<SymbolId>,
    /// Only orders of this strategy.
    pub strategy_id: Option<StrategyId>,
    /// Only orders that may still be executed, or only the others; see
    /// [`Order::is_open`](crate::domain::Order::is_open).
    pub open: Option<bool>,
    /// Only orders created in this range, by the clock of the store.
    pub range: TimeRange,
    /// Oldest or newest first.
    pub order: SortOrder,
    /// Only those after the order whose first event has this number.
    pub after: Option<i64>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl OrderQuery {
    /// The first 500 orders of an account, oldest first.
    #[must_use]
    pub fn new(account_id: AccountId) -> Self {
        Self {
            account_id,
            symbol_id: None,
            strategy_id: None,
            open: None,
            range: TimeRange::all(),
            order: SortOrder::Ascending,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Returns only orders in this instrument.
    #[must_use]
    pub fn symbol_id(mut self, symbol_id: impl Into<Option<SymbolId>>) -> Self {
        self.symbol_id = symbol_id.into();
        self
    }

    /// Returns only orders of this strategy.
    #[must_use]
    pub fn strategy_id(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns only orders that may still be executed (`true`), or only the others (`false`).
    #[must_use]
    pub fn open(mut self, open: impl Into<Option<bool>>) -> Self {
        self.open = open.into();
        self
    }

    /// Returns only orders created in this range.
    #[must_use]
    pub fn range(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn order(mut self, order: SortOrder) -> Self {
        self.order = order;
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<i64>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for the journal of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderEventQuery {
    /// The account.
    pub account_id: AccountId,
    /// Only events of this order.
    pub order_id: Option<OrderId>,
    /// Only events after the one with this number.
    pub after: Option<i64>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl OrderEventQuery {
    /// The first 500 events of an account.
    #[must_use]
    pub fn new(account_id: AccountId) -> Self {
        Self {
            account_id,
            order_id: None,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Returns only events of this order.
    #[must_use]
    pub fn order_id(mut self, order_id: impl Into<Option<OrderId>>) -> Self {
        self.order_id = order_id.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<i64>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for fills of an account, in the order of [`FillOrder`]. Busted fills are included.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillQuery {
    /// The account.
    pub account_id: AccountId,
    /// Only fills in this instrument.
    pub symbol_id: Option<SymbolId>,
    /// Only fills of this order.
    pub order_id: Option<OrderId>,
    /// The range of times at the venue; includes `from`, excludes `to`.
    pub range: TimeRange,
    /// Only fills after this one.
    pub after: Option<FillOrder>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl FillQuery {
    /// The first 500 fills of an account in a range.
    #[must_use]
    pub fn new(account_id: AccountId, range: TimeRange) -> Self {
        Self {
            account_id,
            symbol_id: None,
            order_id: None,
            range,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Returns only fills in this instrument.
    #[must_use]
    pub fn symbol_id(mut self, symbol_id: impl Into<Option<SymbolId>>) -> Self {
        self.symbol_id = symbol_id.into();
        self
    }

    /// Returns only fills of this order.
    #[must_use]
    pub fn order_id(mut self, order_id: impl Into<Option<OrderId>>) -> Self {
        self.order_id = order_id.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<FillOrder>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A query for positions of an account, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionQuery {
    /// The account.
    pub account_id: AccountId,
    /// Only positions in this instrument.
    pub symbol_id: Option<SymbolId>,
    /// Only positions that are not flat, or only flat ones.
    pub open: Option<bool>,
    /// The positions that all fills up to this time at the venue give, with what is known about them now. `None` for
    /// those of all fills.
    pub as_of: Option<DateTime<Utc>>,
    /// Only positions after this one.
    pub after: Option<PositionKey>,
    /// The largest number to return.
    pub limit: PageLimit,
}

impl PositionQuery {
    /// The first 500 positions of an account, flat ones too.
    #[must_use]
    pub fn new(account_id: AccountId) -> Self {
        Self {
            account_id,
            symbol_id: None,
            open: None,
            as_of: None,
            after: None,
            limit: PageLimit::default(),
        }
    }

    /// Returns only positions in this instrument.
    #[must_use]
    pub fn symbol_id(mut self, symbol_id: impl Into<Option<SymbolId>>) -> Self {
        self.symbol_id = symbol_id.into();
        self
    }

    /// Returns only positions that are not flat (`true`), or only flat ones (`false`).
    #[must_use]
    pub fn open(mut self, open: impl Into<Option<bool>>) -> Self {
        self.open = open.into();
        self
    }

    /// Returns the positions as of a time.
    #[must_use]
    pub fn as_of(mut self, time: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.as_of = time.into();
        self
    }

    /// Continues after the page that had this `next`.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<PositionKey>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the largest number of a page.
    #[must_use]
    pub fn limit(mut self, limit: PageLimit) -> Self {
        self.limit = limit;
        self
    }
}

/// A position with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionEntry {
    /// The key.
    pub key: PositionKey,
    /// The position.
    pub position: Position,
}

impl PositionEntry {
    /// A position with its key.
    #[must_use]
    pub fn new(key: PositionKey, position: Position) -> Self {
        Self { key, position }
    }
}
