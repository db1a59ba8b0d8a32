//! Lots: parts of a position that keep their own cost.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::account::CostMethod;
use super::amount::{Amount, AmountError};
use super::fill::{Fill, FillId};

/// A part of a position that one fill opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lot {
    /// The open quantity; negative for a short position.
    pub quantity: Decimal,
    /// The price at which it was opened.
    pub price: Decimal,
    /// The cost of the open quantity.
    pub cost: Amount,
    /// The fill that opened it.
    pub fill_id: Option<FillId>,
    /// The time of this fill.
    pub opened_at: Option<DateTime<Utc>>,
}

impl Lot {
    pub(super) fn new(quantity: Decimal, price: Decimal, cost: Amount) -> Self {
        Self {
            quantity,
            price,
            cost,
            fill_id: None,
            opened_at: None,
        }
    }

    pub(super) fn of(mut self, fill: &Fill) -> Self {
        self.fill_id = Some(fill.fill_id.clone());
        self.opened_at = Some(fill.order.trade_time);
        self
    }

    /// Takes a quantity, which is positive, from the oldest or the newest lots. Returns its cost.
    ///
    /// # Errors
    /// The lots do not have the quantity.
    pub(super) fn take(
        lots: &mut Vec<Self>,
        mut quantity: Decimal,
        method: CostMethod,
    ) -> Result<Amount, AmountError> {
        let mut removed = Amount::ZERO;
        while quantity > Decimal::ZERO {
            let at = match method {
                CostMethod::Lifo => lots.len().saturating_sub(1),
                _ => 0,
            };
            let lot = lots.get_mut(at).ok_or(AmountError::OutOfRange)?;
            let whole = lot.quantity.abs();
            if whole <= quantity {
                removed = removed.plus(lot.cost)?;
                quantity -= whole;
                lots.remove(at);
                continue;
            }
            let cost = lot.cost.share(quantity, whole)?;
            removed = removed.plus(cost)?;
            lot.cost = lot.cost.minus(cost)?;
            let rest = (whole - quantity).normalize();
            lot.quantity = match lot.quantity.is_sign_negative() {
                true => -rest,
                false => rest,
            };
            quantity = Decimal::ZERO;
        }
        Ok(removed)
    }
}
