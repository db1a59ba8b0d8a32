//! Trades: executions that a venue reported.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::{DecimalError, check_tick_decimal};
use super::excerpt::excerpt;
use super::invalid_identity::{Identity, InvalidIdentity};
use super::market_event::MarketEvent;
use super::symbol_id::SymbolId;

/// The largest number of characters of a [`Trade::trade_id`].
pub const MAX_TRADE_ID_CHARS: usize = 100;

/// The identity of a trade: symbol, instant, and sequence within that instant.
///
/// Ordered by symbol, then time, then sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeKey {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time, in whole microseconds.
    pub trade_time: DateTime<Utc>,
    /// The order within the instant.
    pub sequence: i64,
}

/// The side of the order that removed liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggressorSide {
    /// A buyer took an offer.
    Buy,
    /// A seller hit a bid.
    Sell,
}

impl AggressorSide {
    /// Both sides.
    pub const ALL: &'static [Self] = &[Self::Buy, Self::Sell];

    /// `buy` or `sell`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

impl fmt::Display for AggressorSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not an aggressor side. Holds the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid aggressor side {0}: expected buy or sell, or omit it if it is unknown")]
#[non_exhaustive]
pub struct UnknownAggressorSide(pub String);

impl FromStr for AggressorSide {
    type Err = UnknownAggressorSide;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut sides = Self::ALL.iter();
        let side = sides.find(|side| side.as_str() == text);
        side.copied()
            .ok_or_else(|| UnknownAggressorSide(excerpt(text)))
    }
}

/// Why a trade is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTrade {
    /// The symbol, a time, the sequence or the occurrence is invalid.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// The quantity is zero or negative.
    #[error("quantity {0} is not positive: a trade exchanges more than nothing")]
    QuantityNotPositive(Decimal),
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// The trade id is empty, too long, or not printable. Holds the id, cut to 40 characters.
    #[error("invalid trade_id {0}: expected 1 to {MAX_TRADE_ID_CHARS} printable characters")]
    TradeId(String),
}

impl InvalidTrade {
    /// The invalid field of [`Trade`].
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Identity(invalid) => invalid.field(),
            Self::QuantityNotPositive(_) => "quantity",
            Self::TradeId(_) => "trade_id",
            Self::Number { field, .. } => field,
        }
    }
}

/// The content of a trade, compared by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TradeContent {
    trade_id: Option<String>,
    numbers: (Decimal, Decimal),
    aggressor_side: Option<AggressorSide>,
    is_block: bool,
}

/// A trade of a symbol.
///
/// Two sequenced trades with the same [`TradeKey`] are duplicates if [`Trade::has_content_of`] holds,
/// otherwise they conflict. A venue whose trade ids are integers gives the sequence. A venue whose ids are
/// texts, or that has none, gives *unsequenced* trades: with occurrence k such a trade makes the store hold at
/// least k + 1 rows of its symbol, instant and content, each with its own sequence. The `trade_id` is a part of
/// the content.
///
/// # Examples
/// ```
/// use chrono::DateTime;
/// use rust_decimal::Decimal;
/// use tickbook::domain::{AggressorSide, SymbolId, Trade};
///
/// let time = DateTime::from_timestamp_micros(1_398_902_400_292_000).expect("a time");
/// let trade = Trade::new(SymbolId::new(7), time, Decimal::new(45_213, 2), Decimal::new(15, 1))
///     .with_sequence(8_812_345)
///     .with_aggressor_side(AggressorSide::Buy);
/// assert!(trade.normalized().is_ok());
///
/// let empty = Trade::new(SymbolId::new(7), time, Decimal::ONE, Decimal::ZERO);
/// assert_eq!(empty.normalized().expect_err("no quantity").field(), "quantity");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trade {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time of the trade at the venue, UTC; stored in whole microseconds.
    pub trade_time: DateTime<Utc>,
    /// The number that the venue gave the trade. For an unsequenced trade it is the position within its
    /// instant in the order of its source, which the store may change. Never negative.
    pub sequence: i64,
    /// `Some` for an unsequenced trade: the number of trades with the same symbol, instant and content that
    /// its source sent before it (see [`OccurrenceCounter`](crate::ingest::OccurrenceCounter)). `None` for
    /// every stored trade.
    pub occurrence: Option<u32>,
    /// The id of a venue whose ids are not integers, 1 to 100 printable characters.
    pub trade_id: Option<String>,
    /// The price of one unit, in units of the quote currency. May be negative or zero.
    pub price: Decimal,
    /// The traded quantity, in units of the instrument. Greater than zero.
    pub quantity: Decimal,
    /// The side of the order that removed liquidity; `None` if it is unknown.
    pub aggressor_side: Option<AggressorSide>,
    /// Whether the trade was negotiated outside of the order book.
    pub is_block: bool,
    /// The time at which this system received the trade. Not part of its identity or content.
    pub received_at: Option<DateTime<Utc>>,
}

impl Trade {
    /// A trade with sequence 0. The aggressor side, the id and the receive time are unknown.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        trade_time: DateTime<Utc>,
        price: Decimal,
        quantity: Decimal,
    ) -> Self {
        Self {
            symbol_id,
            trade_time,
            sequence: 0,
            occurrence: None,
            trade_id: None,
            price,
            quantity,
            aggressor_side: None,
            is_block: false,
            received_at: None,
        }
    }

    /// Returns this trade with another symbol.
    #[must_use]
    pub fn with_symbol_id(mut self, symbol_id: SymbolId) -> Self {
        self.symbol_id = symbol_id;
        self
    }

    /// Returns this trade with another time.
    #[must_use]
    pub fn with_trade_time(mut self, trade_time: DateTime<Utc>) -> Self {
        self.trade_time = trade_time;
        self
    }

    /// Returns this trade with another sequence.
    #[must_use]
    pub fn with_sequence(mut self, sequence: i64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns this trade as an unsequenced one whose source sent `occurrence` equal trades before it.
    #[must_use]
    pub fn with_occurrence(mut self, occurrence: impl Into<Option<u32>>) -> Self {
        self.occurrence = occurrence.into();
        self
    }

    /// Returns this trade with another id of the venue.
    #[must_use]
    pub fn with_trade_id(mut self, trade_id: impl Into<Option<String>>) -> Self {
        self.trade_id = trade_id.into();
        self
    }

    /// Returns this trade with another price.
    #[must_use]
    pub fn with_price(mut self, price: Decimal) -> Self {
        self.price = price;
        self
    }

    /// Returns this trade with another quantity.
    #[must_use]
    pub fn with_quantity(mut self, quantity: Decimal) -> Self {
        self.quantity = quantity;
        self
    }

    /// Returns this trade with another aggressor side. `None` means unknown.
    #[must_use]
    pub fn with_aggressor_side(mut self, side: impl Into<Option<AggressorSide>>) -> Self {
        self.aggressor_side = side.into();
        self
    }

    /// Returns this trade as a block trade, or as a trade of the order book.
    #[must_use]
    pub fn with_block(mut self, is_block: bool) -> Self {
        self.is_block = is_block;
        self
    }

    /// Returns this trade with another time of receipt. `None` means unknown.
    #[must_use]
    pub fn with_received_at(mut self, received_at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.received_at = received_at.into();
        self
    }

    /// Returns the identity.
    #[must_use]
    pub fn key(&self) -> TradeKey {
        MarketEvent::key(self)
    }

    /// Whether the trade id, price, quantity, side and block flag are equal in value.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        MarketEvent::has_content_of(self, other)
    }

    /// Returns the trade in the form in which it is stored: times truncated to microseconds, numbers without
    /// trailing zeros.
    ///
    /// # Errors
    /// An invalid trade: a symbol id below 1, a time before 1970 or from 2100 on, a leap second, a negative
    /// sequence, an occurrence of 1,000,000 or more, a trade id that is empty, longer than 100 characters or
    /// not printable, a quantity of zero or less, or a number that does not fit `NUMERIC(27,12)` exactly.
    pub fn normalized(&self) -> Result<Self, InvalidTrade> {
        let identity = Identity {
            symbol_id: self.symbol_id,
            time: self.trade_time,
            received_at: self.received_at,
            sequence: self.sequence,
            occurrence: self.occurrence,
        };
        let identity = identity.normalized("trade_time", "trades")?;
        if let Some(id) = &self.trade_id
            && !is_trade_id(id)
        {
            return Err(InvalidTrade::TradeId(excerpt(id)));
        }
        if self.quantity <= Decimal::ZERO {
            return Err(InvalidTrade::QuantityNotPositive(self.quantity));
        }
        Ok(Self {
            trade_time: identity.time,
            received_at: identity.received_at,
            price: number("price", self.price)?,
            quantity: number("quantity", self.quantity)?,
            ..self.clone()
        })
    }
}

fn is_trade_id(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_TRADE_ID_CHARS && !id.chars().any(char::is_control)
}

fn number(field: &'static str, value: Decimal) -> Result<Decimal, InvalidTrade> {
    check_tick_decimal(value).map_err(|source| InvalidTrade::Number { field, source })
}

impl MarketEvent for Trade {
    type Key = TradeKey;
    type Content = TradeContent;
    type Invalid = InvalidTrade;

    fn key_of(symbol_id: SymbolId, trade_time: DateTime<Utc>, sequence: i64) -> TradeKey {
        TradeKey {
            symbol_id,
            trade_time,
            sequence,
        }
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.trade_time
    }

    fn sequence(&self) -> i64 {
        self.sequence
    }

    fn occurrence(&self) -> Option<u32> {
        self.occurrence
    }

    fn set_symbol_id(&mut self, symbol_id: SymbolId) {
        self.symbol_id = symbol_id;
    }

    fn number(&mut self, sequence: i64, occurrence: Option<u32>) {
        (self.sequence, self.occurrence) = (sequence, occurrence);
    }

    fn content(&self) -> TradeContent {
        TradeContent {
            trade_id: self.trade_id.clone(),
            numbers: (self.price, self.quantity),
            aggressor_side: self.aggressor_side,
            is_block: self.is_block,
        }
    }

    fn normalized(&self) -> Result<Self, InvalidTrade> {
        Self::normalized(self)
    }

    fn has_content_of(&self, other: &Self) -> bool {
        self.price == other.price
            && self.quantity == other.quantity
            && self.aggressor_side == other.aggressor_side
            && self.is_block == other.is_block
            && self.trade_id == other.trade_id
    }
}

#[cfg(test)]
mod tests;
