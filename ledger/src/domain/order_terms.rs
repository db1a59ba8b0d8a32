//! The terms of an order.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, check_tick_decimal};

use super::account::PositionMode;
use super::ids::{OrderId, PositionId, StrategyId};
use super::invalid_event::InvalidEvent;
use super::names::names;

/// The side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Increases the position.
    Buy,
    /// Decreases the position.
    Sell,
}

names!(Side, "side" {
    Buy => "buy",
    Sell => "sell",
});

impl Side {
    /// `quantity` for a purchase, `-quantity` for a sale.
    #[must_use]
    pub fn signed(self, quantity: Decimal) -> Decimal {
        match self {
            Self::Buy => quantity,
            Self::Sell => -quantity,
        }
    }
}

/// How an order is executed.
///
/// Brokers that name stop orders SL (with a limit price) and SL-M (without) mean the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OrderType {
    /// At any price.
    Market,
    /// At the limit price or a better one.
    Limit,
    /// At any price, once the stop price is reached.
    Stop,
    /// At the limit price or a better one, once the stop price is reached.
    StopLimit,
}

names!(OrderType, "order type" {
    Market => "market",
    Limit => "limit",
    Stop => "stop",
    StopLimit => "stop_limit",
});

/// How long an order is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum TimeInForce {
    /// Until the end of the trading day.
    #[default]
    Day,
    /// Until it is canceled.
    GoodTillCancel,
    /// Until [`OrderTerms::expires_at`].
    GoodTillDate,
    /// The part that is not executed at once is canceled.
    ImmediateOrCancel,
    /// The order is canceled unless all of it is executed at once.
    FillOrKill,
    /// At the opening.
    AtTheOpening,
    /// At the close.
    AtTheClose,
}

names!(TimeInForce, "time in force" {
    Day => "day",
    GoodTillCancel => "gtc",
    GoodTillDate => "gtd",
    ImmediateOrCancel => "ioc",
    FillOrKill => "fok",
    AtTheOpening => "opening",
    AtTheClose => "close",
});

impl TimeInForce {
    /// Whether the order may be in force for several trading days.
    #[must_use]
    pub fn is_good_till(self) -> bool {
        matches!(self, Self::GoodTillCancel | Self::GoodTillDate)
    }

    /// Whether the venue cancels what is not executed at once. Such orders do not expire.
    #[must_use]
    pub fn is_immediate(self) -> bool {
        matches!(self, Self::ImmediateOrCancel | Self::FillOrKill)
    }
}

/// The terms of an order.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::domain::{OrderTerms, Side, TimeInForce};
///
/// let terms = OrderTerms::limit(SymbolId::new(7), Side::Buy, Decimal::new(15, 1), Decimal::new(45_213, 2))
///     .with_time_in_force(TimeInForce::GoodTillCancel);
/// assert!(terms.normalized().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct OrderTerms {
    /// The instrument.
    pub symbol_id: SymbolId,
    /// The side.
    pub side: Side,
    /// How the order is executed.
    pub order_type: OrderType,
    /// How long it is in force.
    pub time_in_force: TimeInForce,
    /// The ordered quantity, in units of the instrument; greater than zero. `None` until the venue states it, for an
    /// order that gives an amount of money.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub quantity: Option<Decimal>,
    /// The limit price, in the quote currency.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub limit_price: Option<Decimal>,
    /// The stop price, in the quote currency.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub stop_price: Option<Decimal>,
    /// The price of the instrument when the decision to trade was made, for the measurement of slippage.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "tickbook::domain::text::optional_decimal"
        )
    )]
    pub arrival_price: Option<Decimal>,
    /// When a [`TimeInForce::GoodTillDate`] order expires.
    #[cfg_attr(
        feature = "serde",
        serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "super::text::optional_time"
        )
    )]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the venue refuses the order if it would be executed at once.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub is_post_only: bool,
    /// Whether the order may only close a position.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "super::text::is_default")
    )]
    pub is_reduce_only: bool,
    /// The strategy that owns the order and its position.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub strategy_id: Option<StrategyId>,
    /// The position of a hedging account.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub position_id: Option<PositionId>,
    /// The order that this one is a part of.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub parent_order_id: Option<OrderId>,
}

impl OrderTerms {
    /// A market order for the day. `quantity` may be `None`, see [`OrderTerms::quantity`].
    #[must_use]
    pub fn market(symbol_id: SymbolId, side: Side, quantity: impl Into<Option<Decimal>>) -> Self {
        Self {
            symbol_id,
            side,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
            quantity: quantity.into(),
            limit_price: None,
            stop_price: None,
            arrival_price: None,
            expires_at: None,
            is_post_only: false,
            is_reduce_only: false,
            strategy_id: None,
            position_id: None,
            parent_order_id: None,
        }
    }

    /// A limit order for the day.
    #[must_use]
    pub fn limit(symbol_id: SymbolId, side: Side, quantity: Decimal, limit_price: Decimal) -> Self {
        let mut terms = Self::market(symbol_id, side, quantity);
        (terms.order_type, terms.limit_price) = (OrderType::Limit, Some(limit_price));
        terms
    }

    /// Returns these terms with another time in force.
    #[must_use]
    pub fn with_time_in_force(mut self, time_in_force: TimeInForce) -> Self {
        self.time_in_force = time_in_force;
        self
    }

    /// Returns these terms for a strategy.
    #[must_use]
    pub fn with_strategy(mut self, strategy_id: impl Into<Option<StrategyId>>) -> Self {
        self.strategy_id = strategy_id.into();
        self
    }

    /// Returns these terms for a position of a hedging account.
    #[must_use]
    pub fn with_position_id(mut self, position_id: impl Into<Option<PositionId>>) -> Self {
        self.position_id = position_id.into();
        self
    }

    /// Returns these terms with a stop price, as a stop or stop-limit order.
    #[must_use]
    pub fn with_stop_price(mut self, stop_price: Decimal) -> Self {
        self.order_type = match self.limit_price {
            Some(_) => OrderType::StopLimit,
            None => OrderType::Stop,
        };
        self.stop_price = Some(stop_price);
        self
    }

    /// Returns these terms as an order that may only close a position.
    #[must_use]
    pub fn reduce_only(mut self) -> Self {
        self.is_reduce_only = true;
        self
    }

    /// The name of the position that the order changes: `net` for netting. For hedging it is the position id of the
    /// order, otherwise `long` or `short`: a purchase opens `long`, and a reduce-only purchase closes `short`.
    #[must_use]
    pub fn position_name(&self, mode: PositionMode) -> &str {
        match (mode, &self.position_id) {
            (PositionMode::Netting, _) => "net",
            (PositionMode::Hedging, Some(id)) => id.as_str(),
            (PositionMode::Hedging, None) => match (self.side, self.is_reduce_only) {
                (Side::Buy, false) | (Side::Sell, true) => "long",
                (Side::Sell, false) | (Side::Buy, true) => "short",
            },
        }
    }

    /// Returns the terms with numbers without trailing zeros.
    ///
    /// # Errors
    /// A symbol or strategy id below 1, a quantity of zero or less, or a number that does not fit `NUMERIC(27,12)`.
    pub fn normalized(&self) -> Result<Self, InvalidEvent> {
        if self.symbol_id.get() < 1 {
            return Err(InvalidEvent::Symbol(self.symbol_id));
        }
        if let Some(id) = self.strategy_id
            && id.get() < 1
        {
            return Err(InvalidEvent::Strategy(id));
        }
        Ok(Self {
            quantity: positive("quantity", self.quantity)?,
            limit_price: number("limit_price", self.limit_price)?,
            stop_price: number("stop_price", self.stop_price)?,
            arrival_price: number("arrival_price", self.arrival_price)?,
            ..self.clone()
        })
    }
}

/// A number without trailing zeros.
pub(super) fn number(
    field: &'static str,
    value: Option<Decimal>,
) -> Result<Option<Decimal>, InvalidEvent> {
    let checked = value.map(check_tick_decimal).transpose();
    checked.map_err(|source| InvalidEvent::Number { field, source })
}

/// A number above zero, without trailing zeros.
pub(super) fn positive(
    field: &'static str,
    value: Option<Decimal>,
) -> Result<Option<Decimal>, InvalidEvent> {
    match value {
        Some(value) if value <= Decimal::ZERO => Err(InvalidEvent::NotPositive { field, value }),
        value => number(field, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_hedging_orders_have_names() {
        let name = |side, closes: bool| {
            let mut terms = OrderTerms::market(SymbolId::new(1), side, None);
            terms.is_reduce_only = closes;
            terms.position_name(PositionMode::Hedging).to_owned()
        };
        assert_eq!(
            (name(Side::Buy, false), name(Side::Buy, true)),
            ("long".into(), "short".into())
        );
        assert_eq!(
            (name(Side::Sell, false), name(Side::Sell, true)),
            ("short".into(), "long".into())
        );
        let id = PositionId::new("17").expect("an id");
        let terms = OrderTerms::market(SymbolId::new(1), Side::Buy, None).with_position_id(id);
        assert_eq!(terms.position_name(PositionMode::Hedging), "17");
        assert_eq!(terms.position_name(PositionMode::Netting), "net");
    }
}
