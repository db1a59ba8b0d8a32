//! The terms of orders as JSON.

use serde::Serialize;
use tickbook_ledger::domain::OrderTerms;
use utoipa::ToSchema;

use crate::wire::{DecimalText, TimeText};

/// The terms of an order. In events, fields without a value are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "side": "buy", "order_type": "limit", "time_in_force": "gtc", "quantity": "10", "limit_price": "100",
    "stop_price": null, "arrival_price": null, "expires_at": null, "is_post_only": false, "is_reduce_only": false,
    "strategy_id": null, "position_id": null, "parent_order_id": null
}))]
pub struct OrderTermsBody {
    /// The instrument.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// buy or sell.
    #[schema(value_type = String, example = "buy")]
    pub side: &'static str,
    /// market, limit, stop or stop_limit.
    #[schema(value_type = String, example = "limit")]
    pub order_type: &'static str,
    /// day, gtc, gtd, ioc, fok, opening or close.
    #[schema(value_type = String, example = "gtc")]
    pub time_in_force: &'static str,
    /// The ordered quantity, greater than zero; null until the venue states it.
    pub quantity: Option<DecimalText>,
    /// The limit price.
    pub limit_price: Option<DecimalText>,
    /// The stop price.
    pub stop_price: Option<DecimalText>,
    /// The price of the instrument when the decision to trade was made.
    pub arrival_price: Option<DecimalText>,
    /// When a gtd order expires.
    pub expires_at: Option<TimeText>,
    /// Whether the venue refuses the order if it would be executed at once.
    #[schema(required = false)]
    pub is_post_only: bool,
    /// Whether the order may only close a position.
    #[schema(required = false)]
    pub is_reduce_only: bool,
    /// The strategy that owns the order and its position.
    pub strategy_id: Option<i64>,
    /// The position of a hedging account.
    pub position_id: Option<String>,
    /// The order that this one is a part of.
    pub parent_order_id: Option<String>,
}

impl From<OrderTerms> for OrderTermsBody {
    fn from(terms: OrderTerms) -> Self {
        Self {
            symbol_id: terms.symbol_id.get(),
            side: terms.side.as_str(),
            order_type: terms.order_type.as_str(),
            time_in_force: terms.time_in_force.as_str(),
            quantity: terms.quantity.map(DecimalText),
            limit_price: terms.limit_price.map(DecimalText),
            stop_price: terms.stop_price.map(DecimalText),
            arrival_price: terms.arrival_price.map(DecimalText),
            expires_at: terms.expires_at.map(TimeText),
            is_post_only: terms.is_post_only,
            is_reduce_only: terms.is_reduce_only,
            strategy_id: terms.strategy_id.map(|id| id.get()),
            position_id: terms.position_id.map(|id| id.as_str().to_owned()),
            parent_order_id: terms.parent_order_id.map(|id| id.as_str().to_owned()),
        }
    }
}
