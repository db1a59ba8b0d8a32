//! New values of an order.

use rust_decimal::Decimal;

use super::amount::Amount;
use super::invalid_event::InvalidEvent;
use super::order_terms::number;

/// New values of an order. `None` leaves a value as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Replacement {
    /// The new total quantity, including what is executed already. Zero or more.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub quantity: Option<Decimal>,
    /// The new limit price.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub limit_price: Option<Decimal>,
    /// The new stop price.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub stop_price: Option<Decimal>,
}

impl Replacement {
    /// A new total quantity.
    #[must_use]
    pub fn quantity(quantity: Decimal) -> Self {
        Self {
            quantity: Some(quantity),
            ..Self::default()
        }
    }

    /// Returns this replacement with another limit price.
    #[must_use]
    pub fn with_limit_price(mut self, price: impl Into<Option<Decimal>>) -> Self {
        self.limit_price = price.into();
        self
    }

    pub(super) fn normalized(self) -> Result<Self, InvalidEvent> {
        Ok(Self {
            quantity: not_negative("quantity", self.quantity)?,
            limit_price: number("limit_price", self.limit_price)?,
            stop_price: number("stop_price", self.stop_price)?,
        })
    }
}

/// Values that a venue states of an order without a request, for example after a split. `None` leaves a value as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Restatement {
    /// The total quantity.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub quantity: Option<Decimal>,
    /// The executed quantity. The fills keep what was executed; the order keeps the difference as an adjustment.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub executed: Option<Decimal>,
    /// The sum of executed quantity times price.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub notional: Option<Amount>,
}

impl Restatement {
    /// A restatement that changes nothing, such as the renewal of an order on the next trading day.
    #[must_use]
    pub fn renewal() -> Self {
        Self::default()
    }

    /// Returns this restatement with another total quantity.
    #[must_use]
    pub fn with_quantity(mut self, quantity: impl Into<Option<Decimal>>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Returns this restatement with another executed quantity.
    #[must_use]
    pub fn with_executed(mut self, executed: impl Into<Option<Decimal>>) -> Self {
        self.executed = executed.into();
        self
    }

    pub(super) fn normalized(self) -> Result<Self, InvalidEvent> {
        Ok(Self {
            quantity: not_negative("quantity", self.quantity)?,
            executed: not_negative("executed", self.executed)?,
            notional: self.notional,
        })
    }
}

fn not_negative(
    field: &'static str,
    value: Option<Decimal>,
) -> Result<Option<Decimal>, InvalidEvent> {
    match value {
        Some(value) if value < Decimal::ZERO => Err(InvalidEvent::Negative { field, value }),
        value => number(field, value),
    }
}
