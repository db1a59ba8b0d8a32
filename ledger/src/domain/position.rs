//! Positions: quantity, cost and profit of the fills in an instrument.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::check_tick_decimal;

use super::account::CostMethod;
use super::amount::{Amount, AmountError};
use super::execution::{Contract, PositionEffect};
use super::fill::{Fill, FillId};
use super::ids::Currency;
use super::lots::Lot;

/// A position.
///
/// It has the cost of what is open, not an average price, so that nothing is lost by rounding: after each fill
/// [`cash`](Self::cash) plus the value of the quantity at any price equals `realized` plus the unrealized profit at
/// that price. Fees in a currency of their own are beside it.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::{Contract, CostMethod, Mark, Position, Side};
///
/// let mut position = Position::default();
/// for (side, quantity, price) in [(Side::Buy, 12, 100), (Side::Buy, 17, 99), (Side::Sell, 9, 101)] {
///     let (quantity, price) = (Decimal::from(quantity), Decimal::from(price));
///     position.trade(CostMethod::Average, side.signed(quantity), price, Contract::default())?;
/// }
/// assert_eq!(position.realized.to_string(), "14.27586206896551724137931");
/// let mark = Mark::Price(Decimal::from(102));
/// assert_eq!(position.unrealized(mark, Contract::default())?.to_string(), "51.72413793103448275862069");
/// # Ok::<_, tickbook_ledger::domain::AmountError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Position {
    /// The quantity; negative for a short position.
    pub quantity: Decimal,
    /// The cost of the open quantity; negative for a short position at positive prices. 0 if the quantity is 0.
    pub open_cost: Amount,
    /// The profit of what was closed, without fees.
    pub realized: Amount,
    /// The fees, by currency.
    pub fees: BTreeMap<Currency, Amount>,
    /// The open lots in the order in which they were opened. Empty for [`CostMethod::Average`].
    pub lots: Vec<Lot>,
    /// The time of the fill that opened the position; `None` if the quantity is 0.
    pub opened_at: Option<DateTime<Utc>>,
}

/// One or two parts of a fill: a fill that turns a position closes it and opens the opposite one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillLeg {
    /// Whether the part opens or closes.
    pub effect: PositionEffect,
    /// The quantity; negative for a sale.
    pub quantity: Decimal,
    /// The part of the fee, in its currency. The first of two parts is rounded half to even, and the second has the
    /// rest.
    pub fee: Option<Amount>,
}

/// The price at which an open position is valued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// One price.
    Price(Decimal),
    /// A long position is valued at the bid price, a short one at the ask price.
    Quote {
        /// The bid price.
        bid: Decimal,
        /// The ask price.
        ask: Decimal,
    },
}

impl Position {
    /// The average price of the open quantity, rounded half to even at 12 decimal places; `None` without one. The
    /// multiplier of a contract is not taken off, and the average of inverse contracts is 1 / price.
    #[must_use]
    pub fn average_price(&self) -> Option<Decimal> {
        self.open_cost.per_unit(self.quantity)
    }

    /// What all fills paid and received, without fees: `realized - open_cost`.
    ///
    /// # Errors
    /// The amount is out of range.
    pub fn cash(&self) -> Result<Amount, AmountError> {
        self.realized.minus(self.open_cost)
    }

    /// The profit of the open quantity at `mark`.
    ///
    /// # Errors
    /// The amount is out of range.
    pub fn unrealized(&self, mark: Mark, contract: Contract) -> Result<Amount, AmountError> {
        let price = match mark {
            Mark::Price(price) => price,
            Mark::Quote { bid, .. } if self.quantity > Decimal::ZERO => bid,
            Mark::Quote { ask, .. } => ask,
        };
        contract.value(self.quantity, price)?.minus(self.open_cost)
    }

    /// The parts of a fill of `quantity`, which is negative for a sale.
    fn parts(&self, quantity: Decimal) -> Vec<(PositionEffect, Decimal)> {
        let opens = self.quantity.is_zero()
            || self.quantity.is_sign_negative() == quantity.is_sign_negative();
        if opens {
            return vec![(PositionEffect::Open, quantity)];
        }
        // the quantities have opposite signs
        if quantity.abs() <= self.quantity.abs() {
            return vec![(PositionEffect::Close, quantity)];
        }
        vec![
            (PositionEffect::Close, -self.quantity),
            (PositionEffect::Open, (quantity + self.quantity).normalize()),
        ]
    }

    /// Trades a quantity, which is negative for a sale, without a fee and without a name.
    ///
    /// # Errors
    /// An amount or the quantity is out of range. The position is then unspecified.
    pub fn trade(
        &mut self,
        method: CostMethod,
        quantity: Decimal,
        price: Decimal,
        contract: Contract,
    ) -> Result<(), AmountError> {
        for (effect, quantity) in self.parts(quantity) {
            let lot = Lot::new(quantity, price, contract.value(quantity, price)?);
            self.book(method, effect, lot)?;
        }
        Ok(())
    }

    /// Adds a fill that is not busted. Fills have to be added in the order of [`Fill::order`].
    ///
    /// # Errors
    /// An amount or the quantity is out of range. The position is then unspecified.
    pub fn add(&mut self, method: CostMethod, fill: &Fill) -> Result<Vec<FillLeg>, AmountError> {
        let parts = self.parts(fill.signed_quantity());
        let fees = self.fee_parts(fill, &parts)?;
        let mut legs = Vec::with_capacity(parts.len());
        for ((effect, quantity), fee) in parts.into_iter().zip(fees) {
            let value = fill.contract.value(quantity, fill.price)?;
            let lot = Lot::new(quantity, fill.price, value).of(fill);
            self.book(method, effect, lot)?;
            legs.push(FillLeg {
                effect,
                quantity,
                fee,
            });
        }
        if let Some(fee) = &fill.fee {
            let sum = self.fees.entry(fee.currency.clone()).or_default();
            *sum = sum.plus(Amount::try_from(fee.amount)?)?;
            if fee.is_taken_from_quantity && !fee.amount.is_zero() {
                for (effect, quantity) in self.parts(-fee.amount) {
                    let lot = Lot::new(quantity, Decimal::ZERO, Amount::ZERO).of(fill);
                    self.book(method, effect, lot)?;
                }
            }
        }
        Ok(legs)
    }

    /// The fee of each part, in proportion to its quantity.
    fn fee_parts(
        &self,
        fill: &Fill,
        parts: &[(PositionEffect, Decimal)],
    ) -> Result<Vec<Option<Amount>>, AmountError> {
        let Some(fee) = &fill.fee else {
            return Ok(vec![None; parts.len()]);
        };
        let whole = Amount::try_from(fee.amount)?;
        match parts {
            [(_, first), _] => {
                let first = whole.share(first.abs(), fill.quantity)?;
                Ok(vec![Some(first), Some(whole.minus(first)?)])
            }
            _ => Ok(vec![Some(whole)]),
        }
    }

    fn book(
        &mut self,
        method: CostMethod,
        effect: PositionEffect,
        lot: Lot,
    ) -> Result<(), AmountError> {
        let quantity = check_tick_decimal(self.quantity + lot.quantity);
        let quantity = quantity.map_err(|_| AmountError::OutOfRange)?;
        match effect {
            PositionEffect::Open => {
                if self.quantity.is_zero() {
                    self.opened_at = lot.opened_at;
                }
                self.open_cost = self.open_cost.plus(lot.cost)?;
                if method != CostMethod::Average {
                    self.lots.push(lot);
                }
            }
            PositionEffect::Close => {
                let closed = lot.quantity.abs();
                let removed = match method {
                    _ if quantity.is_zero() => {
                        self.lots.clear();
                        self.open_cost
                    }
                    CostMethod::Average => self.open_cost.share(closed, self.quantity.abs())?,
                    CostMethod::Fifo | CostMethod::Lifo => {
                        Lot::take(&mut self.lots, closed, method)?
                    }
                };
                // the value of a sale is negative
                let proceeds = -lot.cost;
                self.realized = self.realized.plus(proceeds.minus(removed)?)?;
                self.open_cost = self.open_cost.minus(removed)?;
                if quantity.is_zero() {
                    self.opened_at = None;
                }
            }
        }
        self.quantity = quantity;
        Ok(())
    }

    /// The lot that a fill opened, if it is still open.
    #[must_use]
    pub fn lot(&self, fill_id: &FillId) -> Option<&Lot> {
        self.lots
            .iter()
            .find(|lot| lot.fill_id.as_ref() == Some(fill_id))
    }
}
