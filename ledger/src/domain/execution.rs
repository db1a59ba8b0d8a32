//! Executions: what a venue reports about a fill.

use rust_decimal::Decimal;
use tickbook::domain::Instrument;

use super::amount::{Amount, AmountError};
use super::ids::{Currency, ExecId};
use super::invalid_event::InvalidEvent;
use super::names::names;
use super::order_terms::{number, positive};

/// How the value of a quantity follows from its price: the terms of the instrument at the time of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Contract {
    /// Units of the underlying in one contract; greater than zero.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub multiplier: Decimal,
    /// Whether the quantity is in units of the quote currency and the value in units of the base currency.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub is_inverse: bool,
}

impl Default for Contract {
    /// No contract: the value is price times quantity.
    fn default() -> Self {
        Self::linear(Decimal::ONE)
    }
}

impl Contract {
    /// The value is price times quantity times `multiplier`, in the quote currency.
    #[must_use]
    pub fn linear(multiplier: Decimal) -> Self {
        Self {
            multiplier,
            is_inverse: false,
        }
    }

    /// The value is the negative of quantity times `multiplier` divided by price, in the base currency: a purchase
    /// of contracts sells the base currency.
    #[must_use]
    pub fn inverse(multiplier: Decimal) -> Self {
        Self {
            multiplier,
            is_inverse: true,
        }
    }

    /// The contract of an instrument that is not inverse.
    #[must_use]
    pub fn of(instrument: &Instrument) -> Self {
        Self::linear(instrument.contract_multiplier)
    }

    /// The value of a quantity, which may be negative. It is exact, except for inverse contracts, whose value is
    /// rounded half to even at 24 decimal places.
    ///
    /// # Errors
    /// The value is out of range, has more than 24 decimal places, or the price of an inverse contract is zero.
    pub fn value(self, quantity: Decimal, price: Decimal) -> Result<Amount, AmountError> {
        if self.is_inverse {
            let notional = Amount::of(self.multiplier, quantity)?;
            return Ok(-Amount::quotient(notional, price)?);
        }
        Amount::of(price, quantity)?.times(self.multiplier)
    }

    fn normalized(self) -> Result<Self, InvalidEvent> {
        let multiplier = positive("multiplier", Some(self.multiplier))?;
        Ok(Self {
            multiplier: multiplier.unwrap_or(Decimal::ONE),
            ..self
        })
    }
}

/// A fee of a fill. A rebate is a negative fee.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Fee {
    /// The amount, in units of the currency.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
    /// Whether the venue took the fee from the traded quantity, as with spot trades in which the currency is the
    /// base currency. Such a fee reduces the position: it counts as a sale of this quantity at the price 0.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub is_taken_from_quantity: bool,
}

impl Fee {
    /// A fee that leaves the position as it is.
    #[must_use]
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self {
            amount,
            currency,
            is_taken_from_quantity: false,
        }
    }

    /// Returns this fee as one that the venue took from the traded quantity.
    #[must_use]
    pub fn taken_from_quantity(mut self) -> Self {
        self.is_taken_from_quantity = true;
        self
    }

    fn normalized(&self) -> Result<Self, InvalidEvent> {
        Ok(Self {
            amount: number("fee", Some(self.amount))?.unwrap_or_default(),
            ..self.clone()
        })
    }
}

/// Whether an execution added liquidity to the order book or removed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Liquidity {
    /// The order rested in the book.
    Maker,
    /// The order executed against the book.
    Taker,
    /// The order was executed in an auction.
    Auction,
}

names!(Liquidity, "liquidity" {
    Maker => "maker",
    Taker => "taker",
    Auction => "auction",
});

/// Whether an execution, or a part of one, opens or closes a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PositionEffect {
    /// It opens or increases the position.
    Open,
    /// It closes or reduces the position.
    Close,
}

names!(PositionEffect, "position effect" {
    Open => "open",
    Close => "close",
});

/// Why an order is closed: no further executions are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Closing {
    /// The venue refused the order.
    Rejected,
    /// The order was never sent, since a risk check of its owner refused it.
    Denied,
    /// The order was canceled.
    Canceled,
    /// The order was in force until now.
    Expired,
    /// The trading day of the order has ended.
    DoneForDay,
}

names!(Closing, "closing" {
    Rejected => "rejected",
    Denied => "denied",
    Canceled => "canceled",
    Expired => "expired",
    DoneForDay => "done_for_day",
});

/// A fill as a venue reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Execution {
    /// The executed quantity, in units of the instrument. Greater than zero.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub quantity: Decimal,
    /// The price of one unit, in the quote currency. May be negative or zero.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub price: Decimal,
    /// The fee.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub fee: Option<Fee>,
    /// Whether the execution added liquidity.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub liquidity: Option<Liquidity>,
    /// The terms of the instrument at the time of the fill.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub contract: Contract,
    /// The executed quantity of the order including this fill, as the venue states it. It distinguishes fills without
    /// an id, and is not used for anything else.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub cumulative: Option<Decimal>,
    /// The part of an execution that the venue reports in two parts with one id, because it closes one position and
    /// opens the opposite one. `None` for an execution that is reported as a whole.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub effect: Option<PositionEffect>,
    /// Whether the same report closes the order.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub closes: Option<Closing>,
}

impl Execution {
    /// An execution without a fee.
    #[must_use]
    pub fn new(quantity: Decimal, price: Decimal) -> Self {
        Self {
            quantity,
            price,
            fee: None,
            liquidity: None,
            contract: Contract::default(),
            cumulative: None,
            effect: None,
            closes: None,
        }
    }

    /// Returns this execution with a fee.
    #[must_use]
    pub fn with_fee(mut self, fee: impl Into<Option<Fee>>) -> Self {
        self.fee = fee.into();
        self
    }

    /// Returns this execution with the terms of an instrument.
    #[must_use]
    pub fn with_contract(mut self, contract: Contract) -> Self {
        self.contract = contract;
        self
    }

    /// Returns this execution with the executed quantity of the order, as the venue states it.
    #[must_use]
    pub fn with_cumulative(mut self, executed: impl Into<Option<Decimal>>) -> Self {
        self.cumulative = executed.into();
        self
    }

    /// Returns this execution as one part of an execution that the venue reports in two parts.
    #[must_use]
    pub fn with_effect(mut self, effect: impl Into<Option<PositionEffect>>) -> Self {
        self.effect = effect.into();
        self
    }

    /// Returns this execution as one whose report also closes the order.
    #[must_use]
    pub fn with_closing(mut self, closes: impl Into<Option<Closing>>) -> Self {
        self.closes = closes.into();
        self
    }

    pub(super) fn normalized(&self) -> Result<Self, InvalidEvent> {
        Ok(Self {
            quantity: positive("quantity", Some(self.quantity))?.unwrap_or_default(),
            price: number("price", Some(self.price))?.unwrap_or_default(),
            fee: self.fee.as_ref().map(Fee::normalized).transpose()?,
            contract: self.contract.normalized()?,
            cumulative: number("cumulative", self.cumulative)?,
            ..self.clone()
        })
    }
}

/// Names an earlier report of a fill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct FillReference {
    /// The id of the latest report of the fill: the fill itself, or its latest correction; FIX `ExecRefID`.
    pub exec_id: ExecId,
    /// The part of a fill that was reported in two parts.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub effect: Option<PositionEffect>,
}

impl FillReference {
    /// A fill that was reported as a whole.
    #[must_use]
    pub fn new(exec_id: ExecId) -> Self {
        Self {
            exec_id,
            effect: None,
        }
    }

    /// One part of a fill that was reported in two parts.
    #[must_use]
    pub fn part(exec_id: ExecId, effect: PositionEffect) -> Self {
        Self {
            exec_id,
            effect: Some(effect),
        }
    }
}

/// A correction of a fill.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Correction {
    /// The corrected fill.
    pub reference: FillReference,
    /// The quantity that was executed in truth. Greater than zero.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub quantity: Decimal,
    /// The price in truth.
    #[cfg_attr(feature = "serde", serde(with = "tickbook::domain::text::decimal"))]
    pub price: Decimal,
}

impl Correction {
    /// A correction of the quantity and the price. Fee and time of the fill stay.
    #[must_use]
    pub fn new(reference: FillReference, quantity: Decimal, price: Decimal) -> Self {
        Self {
            reference,
            quantity,
            price,
        }
    }

    pub(super) fn normalized(&self) -> Result<Self, InvalidEvent> {
        Ok(Self {
            quantity: positive("quantity", Some(self.quantity))?.unwrap_or_default(),
            price: number("price", Some(self.price))?.unwrap_or_default(),
            ..self.clone()
        })
    }
}
