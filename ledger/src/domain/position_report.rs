//! Positions as venues report them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    SymbolId, check_tick_decimal, earliest_time, latest_time, truncate_to_micros,
};

use super::invalid_event::InvalidEvent;
use super::order_terms::number;

/// A position as a venue reports it, with what only the venue knows. It is kept apart from the positions that the fills
/// give, so that both can be compared.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook::domain::SymbolId;
/// use tickbook_ledger::domain::PositionReport;
///
/// let report = PositionReport::new(SymbolId::new(7), "net", Decimal::from(-2), "2024-05-01T12:00:00Z".parse()?)
///     .with_margin(Decimal::from(150))
///     .with_liquidation_price(Decimal::from(71_250));
/// assert!(report.normalized().is_ok());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionReport {
    /// The instrument.
    pub symbol_id: SymbolId,
    /// The name of the position, see [`PositionKey::name`](super::PositionKey::name).
    pub position_name: String,
    /// The time at the venue, UTC; stored in whole microseconds.
    pub reported_at: DateTime<Utc>,
    /// The quantity; negative for a short position.
    pub quantity: Decimal,
    /// The average price of the open quantity.
    pub average_price: Option<Decimal>,
    /// The margin that the position binds, in the currency of the account.
    pub margin: Option<Decimal>,
    /// The leverage.
    pub leverage: Option<Decimal>,
    /// The price at which the venue closes the position.
    pub liquidation_price: Option<Decimal>,
    /// When this system received the report; `None` for the time at which it is stored.
    pub received_at: Option<DateTime<Utc>>,
}

impl PositionReport {
    /// A report of a quantity.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        position_name: impl Into<String>,
        quantity: Decimal,
        reported_at: DateTime<Utc>,
    ) -> Self {
        Self {
            symbol_id,
            position_name: position_name.into(),
            reported_at,
            quantity,
            average_price: None,
            margin: None,
            leverage: None,
            liquidation_price: None,
            received_at: None,
        }
    }

    /// Returns this report with an average price.
    #[must_use]
    pub fn with_average_price(mut self, price: impl Into<Option<Decimal>>) -> Self {
        self.average_price = price.into();
        self
    }

    /// Returns this report with a margin.
    #[must_use]
    pub fn with_margin(mut self, margin: impl Into<Option<Decimal>>) -> Self {
        self.margin = margin.into();
        self
    }

    /// Returns this report with a leverage.
    #[must_use]
    pub fn with_leverage(mut self, leverage: impl Into<Option<Decimal>>) -> Self {
        self.leverage = leverage.into();
        self
    }

    /// Returns this report with a liquidation price.
    #[must_use]
    pub fn with_liquidation_price(mut self, price: impl Into<Option<Decimal>>) -> Self {
        self.liquidation_price = price.into();
        self
    }

    /// Returns this report with the time of its receipt.
    #[must_use]
    pub fn with_received_at(mut self, time: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.received_at = time.into();
        self
    }

    /// Returns the report in the form in which it is stored.
    ///
    /// # Errors
    /// A symbol id below 1, a name that is not an id, a number that does not fit `NUMERIC(27,12)`, or a time before 1970
    /// or from 2100 on.
    pub fn normalized(&self) -> Result<Self, InvalidEvent> {
        if self.symbol_id.get() < 1 {
            return Err(InvalidEvent::Symbol(self.symbol_id));
        }
        if super::ids::PositionId::new(self.position_name.clone()).is_err() {
            return Err(InvalidEvent::Text("position_name"));
        }
        let time = |field, time: DateTime<Utc>| {
            let is_stored = time >= earliest_time() && time < latest_time();
            let is_stored = is_stored && time.timestamp_subsec_nanos() < 1_000_000_000;
            match is_stored {
                true => Ok(truncate_to_micros(time)),
                false => Err(InvalidEvent::Time { field, time }),
            }
        };
        let quantity = check_tick_decimal(self.quantity);
        let received_at = self.received_at.map(|it| time("received_at", it));
        Ok(Self {
            symbol_id: self.symbol_id,
            position_name: self.position_name.clone(),
            reported_at: time("reported_at", self.reported_at)?,
            quantity: quantity.map_err(|source| InvalidEvent::Number {
                field: "quantity",
                source,
            })?,
            average_price: number("average_price", self.average_price)?,
            margin: number("margin", self.margin)?,
            leverage: number("leverage", self.leverage)?,
            liquidation_price: number("liquidation_price", self.liquidation_price)?,
            received_at: received_at.transpose()?,
        })
    }
}
