//! A round trip: what was opened and closed again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::amount::{Amount, AmountError};
use crate::domain::execution::Fee;
use crate::domain::ids::{Currency, OrderId};
use crate::domain::order_terms::Side;

/// Sums of fees by currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Fees {
    /// The sums.
    pub by_currency: BTreeMap<Currency, Amount>,
}

impl Fees {
    /// Adds a fee.
    ///
    /// # Errors
    /// The sum is out of range.
    pub fn add(&mut self, fee: &Fee) -> Result<(), AmountError> {
        self.add_amount(&fee.currency, Amount::try_from(fee.amount)?)
    }

    /// Adds an amount in a currency.
    ///
    /// # Errors
    /// The sum is out of range.
    pub fn add_amount(&mut self, currency: &Currency, amount: Amount) -> Result<(), AmountError> {
        let sum = self.by_currency.entry(currency.clone()).or_default();
        *sum = sum.plus(amount)?;
        Ok(())
    }

    /// Adds other sums.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn add_all(&mut self, other: &Self) -> Result<(), AmountError> {
        other
            .by_currency
            .iter()
            .try_for_each(|(currency, amount)| self.add_amount(currency, *amount))
    }

    /// The sum in a currency.
    #[must_use]
    pub fn of(&self, currency: &Currency) -> Amount {
        self.by_currency.get(currency).copied().unwrap_or_default()
    }
}

/// A quantity that was opened and closed again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoundTrip {
    /// `Buy` for a long position, `Sell` for a short one.
    pub side: Side,
    /// The quantity, greater than zero.
    pub quantity: Decimal,
    /// When it was opened.
    pub entered_at: DateTime<Utc>,
    /// When it was closed.
    pub exited_at: DateTime<Utc>,
    /// The average price of the opening fills, rounded half to even at 12 decimal places; `None` if it is out of range.
    pub entry_price: Option<Decimal>,
    /// The average price of the closing fills, likewise.
    pub exit_price: Option<Decimal>,
    /// The profit without fees, in the quote currency; for inverse contracts in the base currency.
    pub profit: Amount,
    /// The fees, by currency.
    pub fees: Fees,
    /// The orders of the fills.
    pub order_ids: BTreeSet<OrderId>,
}

impl RoundTrip {
    /// The profit less the fees in `currency`. Fees in other currencies are not converted.
    ///
    /// # Errors
    /// The amount is out of range.
    pub fn net_profit(&self, currency: &Currency) -> Result<Amount, AmountError> {
        self.profit.minus(self.fees.of(currency))
    }
}
