//! Slippage: the cost of execution against the price at the arrival of an order.

use rust_decimal::Decimal;

use crate::domain::amount::{Amount, AmountError};
use crate::domain::order::Order;
use crate::domain::order_terms::Side;

/// Basis points of one.
const BASIS_POINTS: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// The slippage of executed quantity. A cost is positive: a purchase above the arrival price, or a sale below it.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::performance::Slippage;
/// use tickbook_ledger::domain::{Amount, Side};
///
/// // 10 bought at 100.05 on average, with an arrival price of 100
/// let notional = Amount::of(Decimal::new(10_005, 2), Decimal::TEN)?;
/// let found = Slippage::of(Side::Buy, Decimal::TEN, notional, Some(Decimal::ONE_HUNDRED))?;
/// assert_eq!(found.and_then(|it| it.basis_points), Some(Decimal::from(5)));
/// # Ok::<_, tickbook_ledger::domain::AmountError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slippage {
    /// The executed quantity.
    pub quantity: Decimal,
    /// Price times quantity paid more, or received less, than at the arrival price. Without the multiplier of a
    /// contract.
    pub cost: Amount,
    /// The cost in basis points of the value at the arrival price, rounded half to even at 12 decimal places; `None` if
    /// the arrival price is zero.
    pub basis_points: Option<Decimal>,
}

impl Slippage {
    /// The slippage of a quantity that was executed for `notional`; `None` without an arrival price or without a
    /// quantity.
    ///
    /// # Errors
    /// An amount is out of range.
    pub fn of(
        side: Side,
        quantity: Decimal,
        notional: Amount,
        arrival_price: Option<Decimal>,
    ) -> Result<Option<Self>, AmountError> {
        let Some(arrival_price) = arrival_price.filter(|_| quantity > Decimal::ZERO) else {
            return Ok(None);
        };
        let difference = notional.minus(Amount::of(arrival_price, quantity)?)?;
        let cost = match side {
            Side::Buy => difference,
            Side::Sell => -difference,
        };
        let per_unit = Amount::quotient(cost.times(BASIS_POINTS)?, quantity)?;
        Ok(Some(Self {
            quantity,
            cost,
            basis_points: per_unit.per_unit(arrival_price.abs()),
        }))
    }

    /// The slippage of the fills of an order, in their present form. Quantities that the venue restated without a fill do
    /// not count.
    ///
    /// # Errors
    /// An amount is out of range.
    pub fn of_order(order: &Order) -> Result<Option<Self>, AmountError> {
        let terms = &order.terms;
        Self::of(
            terms.side,
            order.filled,
            order.filled_notional,
            terms.arrival_price,
        )
    }
}

/// The slippage of several orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SlippageSummary {
    /// The number of orders with a slippage.
    pub orders: u64,
    /// The sum of the costs.
    pub cost: Amount,
    /// The sum of the magnitudes of the values at the arrival prices.
    pub arrival_value: Amount,
}

impl SlippageSummary {
    /// Adds an order, if it has an arrival price and fills.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn add(&mut self, order: &Order) -> Result<(), AmountError> {
        let (Some(found), Some(arrival)) = (Slippage::of_order(order)?, order.terms.arrival_price)
        else {
            return Ok(());
        };
        self.orders += 1;
        self.cost = self.cost.plus(found.cost)?;
        let value = Amount::of(arrival.abs(), found.quantity)?;
        self.arrival_value = self.arrival_value.plus(value)?;
        Ok(())
    }

    /// All costs in basis points of all values at the arrival prices; `None` if these are zero. Orders in different
    /// quote currencies cannot be added.
    #[must_use]
    pub fn basis_points(&self) -> Option<f64> {
        Some(self.cost.ratio(self.arrival_value)? * 10_000.0)
    }
}
