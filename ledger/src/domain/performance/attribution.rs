//! Attributes realized profits and fees to strategies, symbols, orders and days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use tickbook::domain::{SymbolId, TimeRange};

use super::round_trip::Fees;
use crate::domain::account::CostMethod;
use crate::domain::amount::{Amount, AmountError};
use crate::domain::fill::Fill;
use crate::domain::ids::{OrderId, StrategyId};
use crate::domain::order_terms::Side;
use crate::domain::position::Position;
use crate::domain::position_key::PositionKey;

/// A strategy and a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct AttributionKey {
    /// The strategy of the order; `None` without one.
    pub strategy_id: Option<StrategyId>,
    /// The instrument.
    pub symbol_id: SymbolId,
}

impl AttributionKey {
    /// A strategy and a symbol.
    #[must_use]
    pub fn new(strategy_id: impl Into<Option<StrategyId>>, symbol_id: SymbolId) -> Self {
        Self {
            strategy_id: strategy_id.into(),
            symbol_id,
        }
    }
}

/// What fills contributed to the result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Contribution {
    /// The number of fills.
    pub fills: u64,
    /// Price times quantity of purchases, without the multiplier of a contract.
    pub bought: Amount,
    /// Price times quantity of sales, likewise.
    pub sold: Amount,
    /// The profit that the fills realized, without fees, in the quote currency.
    pub realized: Amount,
    /// The fees.
    pub fees: Fees,
}

impl Contribution {
    fn add(&mut self, fill: &Fill, realized: Amount) -> Result<(), AmountError> {
        self.fills += 1;
        let side = match fill.side {
            Side::Buy => &mut self.bought,
            Side::Sell => &mut self.sold,
        };
        *side = side.plus(fill.notional()?)?;
        self.realized = self.realized.plus(realized)?;
        if let Some(fee) = &fill.fee {
            self.fees.add(fee)?;
        }
        Ok(())
    }
}

/// The contributions of the fills of an account. Each of the three divides the same total.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Attribution {
    /// By strategy and symbol.
    pub by_key: BTreeMap<AttributionKey, Contribution>,
    /// By order. A profit belongs to the order whose fill closed the quantity.
    pub by_order: BTreeMap<OrderId, Contribution>,
    /// By day of the time zone of the account. A fill at midnight belongs to the new day.
    pub by_day: BTreeMap<NaiveDate, Contribution>,
}

/// Attributes the fills within `range`. `fills` are all fills of the account since its start, in the order of
/// [`Fill::order`]: earlier fills determine the cost of what fills within the range close. Busted fills count nothing.
///
/// # Errors
/// An amount is out of range.
pub fn attribute<'a>(
    method: CostMethod,
    zone: Tz,
    range: TimeRange,
    fills: impl IntoIterator<Item = &'a Fill>,
) -> Result<Attribution, AmountError> {
    let mut found = Attribution::default();
    let mut positions: BTreeMap<&PositionKey, Position> = BTreeMap::new();
    for fill in fills.into_iter().filter(|fill| !fill.is_busted) {
        let position = positions.entry(&fill.position).or_default();
        let before = position.realized;
        position.add(method, fill)?;
        let time = fill.order.trade_time;
        if !range.contains(time) {
            continue;
        }
        let realized = position.realized.minus(before)?;
        let key = AttributionKey::new(fill.position.strategy_id, fill.position.symbol_id);
        let day = time.with_timezone(&zone).date_naive();
        found.by_key.entry(key).or_default().add(fill, realized)?;
        let of_order = found.by_order.entry(fill.order_id.clone()).or_default();
        of_order.add(fill, realized)?;
        found.by_day.entry(day).or_default().add(fill, realized)?;
    }
    Ok(found)
}
