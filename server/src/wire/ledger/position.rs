//! Positions as JSON.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use tickbook_ledger::domain::{Amount, ChangedPosition, Position, PositionKey};
use tickbook_ledger::repository::PositionEntry;
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// A position with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "strategy_id": null, "symbol_id": 1, "name": "net", "quantity": "4", "open_cost": "396", "average_price": "99",
    "realized": "0", "fees": [{"currency": "USD", "amount": "0.2"}], "opened_at": "2024-05-01T12:00:00.000000Z",
    "mark": "101", "mark_time": "2024-05-01T12:00:05.000000Z", "mark_source": "book", "unrealized": "8"
}))]
pub struct PositionBody {
    /// The position.
    #[serde(flatten)]
    pub position: PositionStateBody,
    /// The price at which the open quantity is valued: a long position at the bid, a short one at the ask. Null for a flat
    /// position, and if no price is known.
    pub mark: Option<DecimalText>,
    /// The time of the quote; null without one, and for the price of the parameter `mark`.
    pub mark_time: Option<TimeText>,
    /// The origin of the mark; null without a mark.
    pub mark_source: Option<MarkSource>,
    /// The profit of the open quantity at the mark, without fees: 0 for a flat position, null without a mark.
    #[schema(value_type = Option<String>, example = "8")]
    pub unrealized: Option<Amount>,
}

/// The origin of the price at which a position is valued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "book")]
pub enum MarkSource {
    /// The parameter `mark`.
    Given,
    /// The valid order book of a feed.
    Book,
    /// The last stored quote.
    Quote,
}

/// The value of the open quantity of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Valuation {
    pub(crate) price: Decimal,
    /// The time of the quote; `None` for a given price.
    pub(crate) time: Option<DateTime<Utc>>,
    pub(crate) source: MarkSource,
    pub(crate) unrealized: Amount,
}

/// A position: its quantity, cost and profit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PositionStateBody {
    /// The strategy that owns the position; null without one.
    pub strategy_id: Option<i64>,
    /// The instrument.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// net in a netting account; in a hedging account long, short or the position id of the order.
    #[schema(example = "net")]
    pub name: String,
    /// The quantity; negative for a short position.
    pub quantity: DecimalText,
    /// The cost of the open quantity; negative for a short position at positive prices.
    #[schema(value_type = String, example = "396")]
    pub open_cost: Amount,
    /// open_cost divided by the quantity, rounded half to even at 12 decimal places; null for a flat position.
    pub average_price: Option<DecimalText>,
    /// The profit of what was closed, without fees.
    #[schema(value_type = String, example = "0")]
    pub realized: Amount,
    /// The fees by currency.
    pub fees: Vec<FeeSumBody>,
    /// The time of the fill that opened the position; null for a flat position.
    pub opened_at: Option<TimeText>,
}

/// The fees in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeeSumBody {
    /// The currency.
    #[schema(example = "USD")]
    pub currency: String,
    /// The sum.
    #[schema(value_type = String, example = "0.2")]
    pub amount: Amount,
}

/// A page of positions, by strategy (none first), symbol and name.
#[derive(Debug, Serialize, ToSchema)]
pub struct PositionList {
    /// The positions.
    pub data: Vec<PositionBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl PositionStateBody {
    pub(crate) fn new(key: PositionKey, position: &Position) -> Self {
        let fees = position.fees.iter().map(|(currency, amount)| FeeSumBody {
            currency: currency.as_str().to_owned(),
            amount: *amount,
        });
        Self {
            strategy_id: key.strategy_id.map(|id| id.get()),
            symbol_id: key.symbol_id.get(),
            name: key.name,
            quantity: DecimalText(position.quantity),
            open_cost: position.open_cost,
            average_price: position.average_price().map(DecimalText),
            realized: position.realized,
            fees: fees.collect(),
            opened_at: position.opened_at.map(TimeText),
        }
    }
}

impl From<PositionEntry> for PositionStateBody {
    fn from(entry: PositionEntry) -> Self {
        Self::new(entry.key, &entry.position)
    }
}

impl From<&ChangedPosition> for PositionStateBody {
    fn from(changed: &ChangedPosition) -> Self {
        Self::new(changed.key.clone(), &changed.position)
    }
}

impl PositionBody {
    /// A position and its value, if it is not flat and a price is known.
    pub(crate) fn new(entry: PositionEntry, valuation: Option<Valuation>) -> Self {
        let of_flat = entry.position.quantity.is_zero().then_some(Amount::ZERO);
        Self {
            position: entry.into(),
            mark: valuation.map(|it| DecimalText(it.price)),
            mark_time: valuation.and_then(|it| it.time).map(TimeText),
            mark_source: valuation.map(|it| it.source),
            unrealized: valuation.map(|it| it.unrealized).or(of_flat),
        }
    }
}
