//! Fills as round trips are made of them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::execution::{Contract, Fee};
use crate::domain::fill::Fill;
use crate::domain::ids::OrderId;

/// A fill of one position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TradeFill {
    /// The order.
    pub order_id: OrderId,
    /// The time at the venue.
    pub time: DateTime<Utc>,
    /// The quantity; negative for a sale. A fill of zero is ignored.
    pub quantity: Decimal,
    /// The price of one unit.
    pub price: Decimal,
    /// The terms of the instrument.
    pub contract: Contract,
    /// The fee.
    pub fee: Option<Fee>,
}

impl TradeFill {
    /// A fill without a fee and without a contract.
    #[must_use]
    pub fn new(order_id: OrderId, time: DateTime<Utc>, quantity: Decimal, price: Decimal) -> Self {
        Self {
            order_id,
            time,
            quantity,
            price,
            contract: Contract::default(),
            fee: None,
        }
    }

    /// Returns this fill with a fee.
    #[must_use]
    pub fn with_fee(mut self, fee: impl Into<Option<Fee>>) -> Self {
        self.fee = fee.into();
        self
    }

    /// Returns this fill with the terms of an instrument.
    #[must_use]
    pub fn with_contract(mut self, contract: Contract) -> Self {
        self.contract = contract;
        self
    }

    /// A fill of the ledger.
    #[must_use]
    pub fn of(fill: &Fill) -> Self {
        let time = fill.order.trade_time;
        Self::new(
            fill.order_id.clone(),
            time,
            fill.signed_quantity(),
            fill.price,
        )
        .with_fee(fill.fee.clone())
        .with_contract(fill.contract)
    }

    /// The sale of the quantity that the venue took as a fee, at the price 0; see
    /// [`Fee::is_taken_from_quantity`].
    pub(super) fn fee_sale(&self) -> Option<Self> {
        let fee = self.fee.as_ref()?;
        let is_sale = fee.is_taken_from_quantity && !fee.amount.is_zero();
        is_sale.then(|| Self {
            quantity: -fee.amount,
            price: Decimal::ZERO,
            fee: None,
            ..self.clone()
        })
    }
}
