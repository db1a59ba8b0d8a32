//! Why an order event is invalid.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{DecimalError, SymbolId};

use super::ids::StrategyId;

/// Why an order event is invalid by itself, without regard to its order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// The symbol id is below 1.
    #[error("invalid symbol_id {0}: expected 1 or more")]
    Symbol(SymbolId),
    /// The strategy id is below 1.
    #[error("invalid strategy_id {0}: expected 1 or more")]
    Strategy(StrategyId),
    /// A quantity is zero or negative.
    #[error("{field} {value} is not positive")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// The number.
        value: Decimal,
    },
    /// A number is negative.
    #[error("{field} {value} is negative")]
    Negative {
        /// The field.
        field: &'static str,
        /// The number.
        value: Decimal,
    },
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// A required field is missing.
    #[error("{field} is missing: {kind} events require it")]
    Missing {
        /// The field.
        field: &'static str,
        /// The kind of event.
        kind: &'static str,
    },
    /// A time is before 1970, from 2100 on, or a leap second.
    #[error("invalid {field} {time}: expected a time from 1970 to 2099 that is no leap second")]
    Time {
        /// The field.
        field: &'static str,
        /// The time.
        time: DateTime<Utc>,
    },
    /// A text is too long or contains a NUL character.
    #[error("invalid {0}: expected at most 500 characters without NUL")]
    Text(&'static str),
}
