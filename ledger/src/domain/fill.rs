//! Fills: executions of the orders of an account.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use tickbook::domain::SymbolId;

use super::amount::{Amount, AmountError};
use super::event_key::ContentHash;
use super::execution::{Contract, Fee, Liquidity, PositionEffect};
use super::ids::{ExecId, OrderId, Venue};
use super::order_terms::Side;
use super::position_key::PositionKey;

/// The identity of a fill within its account: its first report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FillId {
    /// A report with an id.
    Report {
        /// The venue.
        venue: Venue,
        /// The id of the report.
        exec_id: ExecId,
        /// The part of an execution that was reported in two parts.
        effect: Option<PositionEffect>,
    },
    /// A report without an id: its content.
    Content(ContentHash),
}

/// Writes the id of the report and the part, without the venue.
impl fmt::Display for FillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report {
                exec_id, effect, ..
            } => match effect {
                Some(effect) => write!(f, "{exec_id} ({effect})"),
                None => exec_id.fmt(f),
            },
            Self::Content(hash) => hash.fmt(f),
        }
    }
}

/// The order of fills: by time at the venue, then as the venue numbers them, then by arrival. Costs are computed in
/// this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FillOrder {
    /// The time at the venue, in whole microseconds.
    pub trade_time: DateTime<Utc>,
    /// See [`OrderEvent::venue_sequence`](super::OrderEvent::venue_sequence).
    pub venue_sequence: i64,
    /// The number of the event in the account.
    pub sequence: i64,
}

impl FillOrder {
    /// The place of a fill.
    #[must_use]
    pub fn new(trade_time: DateTime<Utc>, venue_sequence: i64, sequence: i64) -> Self {
        Self {
            trade_time,
            venue_sequence,
            sequence,
        }
    }
}

/// A fill in its present form.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fill {
    /// The identity.
    pub fill_id: FillId,
    /// Its place among the fills of the account.
    pub order: FillOrder,
    /// The order that was executed.
    pub order_id: OrderId,
    /// The position that it changed.
    pub position: PositionKey,
    /// The side of the order.
    pub side: Side,
    /// The quantity, after corrections. Greater than zero.
    pub quantity: Decimal,
    /// The price, after corrections.
    pub price: Decimal,
    /// The fee. A correction of the fill does not change it.
    pub fee: Option<Fee>,
    /// Whether the execution added liquidity.
    pub liquidity: Option<Liquidity>,
    /// The terms of the instrument at the time of the fill.
    pub contract: Contract,
    /// The trading day at the venue.
    pub trading_day: Option<NaiveDate>,
    /// The id of the latest report: the fill itself, its latest correction, or its bust.
    pub latest_exec_id: Option<ExecId>,
    /// The number of corrections and busts.
    pub versions: u32,
    /// Whether the fill was withdrawn. It counts in no sum.
    pub is_busted: bool,
}

impl Fill {
    /// The instrument.
    #[must_use]
    pub fn symbol_id(&self) -> SymbolId {
        self.position.symbol_id
    }

    /// The quantity; negative for a sale.
    #[must_use]
    pub fn signed_quantity(&self) -> Decimal {
        self.side.signed(self.quantity)
    }

    /// Price times quantity, without the multiplier of a contract.
    ///
    /// # Errors
    /// The product is out of range.
    pub fn notional(&self) -> Result<Amount, AmountError> {
        Amount::of(self.price, self.quantity)
    }
}
