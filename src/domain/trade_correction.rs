//! Corrections and cancellations of trades by their venue.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::excerpt::excerpt;
use super::invalid_identity::InvalidIdentity;
use super::symbol_id::SymbolId;
use super::time::truncate_to_micros;
use super::trade::{AggressorSide, InvalidTrade, Trade, TradeKey};

/// The largest number of characters of a [`TradeCorrection::source`].
const MAX_SOURCE_CHARS: usize = 50;

/// How a venue names a trade of one symbol and instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TradeReference {
    /// By [`Trade::sequence`].
    Sequence(i64),
    /// By [`Trade::trade_id`], for venues whose ids are texts. If several trades of the instant have the id, they
    /// are one trade of the venue.
    TradeId(String),
}

impl fmt::Display for TradeReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(sequence) => write!(f, "sequence {sequence}"),
            Self::TradeId(id) => write!(f, "trade_id {}", excerpt(id)),
        }
    }
}

/// The content that a venue gives a trade instead of the earlier one. The id of the trade stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CorrectedTrade {
    /// See [`Trade::price`].
    pub price: Decimal,
    /// See [`Trade::quantity`].
    pub quantity: Decimal,
    /// See [`Trade::aggressor_side`].
    pub aggressor_side: Option<AggressorSide>,
    /// See [`Trade::is_block`].
    pub is_block: bool,
}

impl CorrectedTrade {
    /// A content of an unknown side, without block flag.
    #[must_use]
    pub fn new(price: Decimal, quantity: Decimal) -> Self {
        Self {
            price,
            quantity,
            aggressor_side: None,
            is_block: false,
        }
    }

    /// Returns this content with another aggressor side. `None` means unknown.
    #[must_use]
    pub fn with_aggressor_side(mut self, side: impl Into<Option<AggressorSide>>) -> Self {
        self.aggressor_side = side.into();
        self
    }

    /// Returns this content as that of a block trade, or of a trade of the order book.
    #[must_use]
    pub fn with_block(mut self, is_block: bool) -> Self {
        self.is_block = is_block;
        self
    }

    fn of(trade: &Trade) -> Self {
        Self {
            price: trade.price,
            quantity: trade.quantity,
            aggressor_side: trade.aggressor_side,
            is_block: trade.is_block,
        }
    }

    fn applied_to(self, trade: Trade) -> Trade {
        trade
            .with_price(self.price)
            .with_quantity(self.quantity)
            .with_aggressor_side(self.aggressor_side)
            .with_block(self.is_block)
    }
}

/// A correction or cancellation of one trade.
///
/// The correction with the latest [`corrected_at`](Self::corrected_at) decides what is stored of its trade; of
/// several with the same time the last one that arrived decides. Corrections may therefore arrive in any order,
/// repeatedly, and before their trade.
///
/// # Examples
/// ```
/// use chrono::{TimeDelta, Utc};
/// use tickbook::domain::{CorrectedTrade, SymbolId, Trade, TradeCorrection, TradeReference};
///
/// let now = Utc::now();
/// let trade = Trade::new(SymbolId::new(7), now, 450.into(), 2.into()).with_sequence(12);
/// let later = now + TimeDelta::seconds(40);
/// let by = || TradeReference::Sequence(12);
/// let corrected = TradeCorrection::new(SymbolId::new(7), now, by(), later, "kraken")
///     .with_content(CorrectedTrade::new(45.into(), 2.into()));
/// let settled = corrected.settled(&[trade.clone()], None);
/// assert_eq!(settled.replaced, Some(trade.clone().with_price(45.into())));
///
/// let cancelled = TradeCorrection::new(SymbolId::new(7), now, by(), later, "kraken");
/// assert_eq!(cancelled.settled(&[trade.clone()], None).removed, [trade.key()]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TradeCorrection {
    /// The symbol of the trade.
    pub symbol_id: SymbolId,
    /// The time of the trade at the venue; stored in whole microseconds.
    pub trade_time: DateTime<Utc>,
    /// The trade among the trades of its instant.
    pub trade: TradeReference,
    /// The content of the trade from now on; `None` for a cancellation, which removes the trade.
    pub content: Option<CorrectedTrade>,
    /// The time at which the venue corrected the trade; stored in whole microseconds.
    pub corrected_at: DateTime<Utc>,
    /// The origin of the correction, such as the name of a feed: 1 to 50 printable characters.
    pub source: String,
}

/// Why a correction is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCorrection {
    /// The trade that it names, or the content that it gives, is invalid.
    #[error(transparent)]
    Trade(#[from] InvalidTrade),
    /// The time of the correction is outside of the supported range.
    #[error(transparent)]
    CorrectedAt(InvalidIdentity),
    /// The source is empty, too long, or not printable. Holds the source, cut to 40 characters.
    #[error("invalid source {0}: expected 1 to {MAX_SOURCE_CHARS} printable characters")]
    Source(String),
}

impl InvalidCorrection {
    /// The invalid field.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Trade(invalid) => invalid.field(),
            Self::CorrectedAt(_) => "corrected_at",
            Self::Source(_) => "source",
        }
    }
}

/// The effect of a correction on the stored trades of its instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SettledTrade {
    /// The trade as it was before: as it is stored, or as it was when it was cancelled. `None` if it has not
    /// arrived.
    pub before: Option<Trade>,
    /// The trade to store, in place of a row with the same key; `None` if it is stored already.
    pub replaced: Option<Trade>,
    /// The keys of the rows to remove, in order.
    pub removed: Vec<TradeKey>,
}

impl SettledTrade {
    /// Whether the stored trades stay as they are.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.replaced.is_none() && self.removed.is_empty()
    }
}

impl TradeCorrection {
    /// A cancellation, which [`with_content`](Self::with_content) makes a correction.
    #[must_use]
    pub fn new(
        symbol_id: SymbolId,
        trade_time: DateTime<Utc>,
        trade: TradeReference,
        corrected_at: DateTime<Utc>,
        source: impl Into<String>,
    ) -> Self {
        Self {
            symbol_id,
            trade_time,
            trade,
            content: None,
            corrected_at,
            source: source.into(),
        }
    }

    /// Returns this correction with another content. `None` makes it a cancellation.
    #[must_use]
    pub fn with_content(mut self, content: impl Into<Option<CorrectedTrade>>) -> Self {
        self.content = content.into();
        self
    }

    /// Whether it cancels its trade.
    #[must_use]
    pub fn is_cancellation(&self) -> bool {
        self.content.is_none()
    }

    /// Whether both correct the same trade.
    #[must_use]
    pub fn is_of_trade_of(&self, other: &Self) -> bool {
        self.symbol_id == other.symbol_id
            && self.trade_time == other.trade_time
            && self.trade == other.trade
    }

    /// Whether it was sent again as `other`: of the same trade, time and content, from any source.
    #[must_use]
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        self.is_of_trade_of(other)
            && self.corrected_at == other.corrected_at
            && self.content == other.content
    }

    /// Whether it is about `trade`.
    #[must_use]
    pub fn concerns(&self, trade: &Trade) -> bool {
        let is_named = match &self.trade {
            TradeReference::Sequence(sequence) => trade.sequence == *sequence,
            TradeReference::TradeId(id) => trade.trade_id.as_ref() == Some(id),
        };
        is_named && trade.symbol_id == self.symbol_id && trade.trade_time == self.trade_time
    }

    /// Returns what the correction makes of `stored`, which has the stored trades of its symbol and instant.
    /// `cancelled` is its trade if an earlier correction has removed it.
    ///
    /// Of several trades with the id that it names, the one with the lowest sequence stays. A correction of a
    /// cancelled trade restores it.
    #[must_use]
    pub fn settled(&self, stored: &[Trade], cancelled: Option<&Trade>) -> SettledTrade {
        let mut rows: Vec<_> = stored.iter().filter(|trade| self.concerns(trade)).collect();
        rows.sort_by_key(|trade| trade.sequence);
        let Some(first) = rows.first() else {
            return self.restored(stored, cancelled);
        };
        let before = Some(Trade::clone(first));
        let Some(content) = self.content else {
            return SettledTrade {
                before,
                replaced: None,
                removed: rows.iter().map(|trade| trade.key()).collect(),
            };
        };
        let is_stored = CorrectedTrade::of(first) == content;
        SettledTrade {
            replaced: (!is_stored).then(|| content.applied_to(Trade::clone(first))),
            before,
            removed: rows[1..].iter().map(|trade| trade.key()).collect(),
        }
    }

    fn restored(&self, stored: &[Trade], cancelled: Option<&Trade>) -> SettledTrade {
        let (Some(content), Some(cancelled)) = (self.content, cancelled) else {
            return SettledTrade::default();
        };
        let mut trade = content.applied_to(cancelled.clone());
        let sequences = stored.iter().map(|trade| trade.sequence);
        // a trade without a number of the venue may have got the sequence meanwhile
        if sequences.clone().any(|taken| taken == trade.sequence) {
            trade.sequence = sequences.max().unwrap_or(0).saturating_add(1);
        }
        SettledTrade {
            before: Some(cancelled.clone()),
            replaced: Some(trade),
            removed: Vec::new(),
        }
    }

    /// Returns the correction in the form in which it is stored: times truncated to microseconds, numbers
    /// without trailing zeros.
    ///
    /// # Errors
    /// An invalid correction: a symbol id below 1, a time before 1970 or from 2100 on, a leap second, a negative
    /// sequence, a trade id or source that is empty, too long or not printable, a quantity of zero or less, or a
    /// number that does not fit `NUMERIC(27,12)` exactly.
    pub fn normalized(&self) -> Result<Self, InvalidCorrection> {
        // a cancellation has no content, so any valid one stands for it
        let content = self
            .content
            .unwrap_or(CorrectedTrade::new(Decimal::ONE, Decimal::ONE));
        let trade = Trade::new(
            self.symbol_id,
            self.trade_time,
            content.price,
            content.quantity,
        );
        let trade = match &self.trade {
            TradeReference::Sequence(sequence) => trade.with_sequence(*sequence),
            TradeReference::TradeId(id) => trade.with_trade_id(id.clone()),
        };
        let trade = trade
            .with_aggressor_side(content.aggressor_side)
            .with_block(content.is_block)
            .normalized()?;
        let at = trade
            .clone()
            .with_trade_time(self.corrected_at)
            .normalized();
        match at {
            Ok(_) => {}
            Err(InvalidTrade::Identity(invalid)) => {
                return Err(InvalidCorrection::CorrectedAt(
                    invalid.of_field("corrected_at"),
                ));
            }
            Err(invalid) => return Err(invalid.into()),
        }
        let characters = self.source.chars().count();
        let is_printable = !self.source.chars().any(char::is_control);
        if !(1..=MAX_SOURCE_CHARS).contains(&characters) || !is_printable {
            return Err(InvalidCorrection::Source(excerpt(&self.source)));
        }
        Ok(Self {
            symbol_id: trade.symbol_id,
            trade_time: trade.trade_time,
            trade: self.trade.clone(),
            content: self.content.map(|_| CorrectedTrade::of(&trade)),
            corrected_at: truncate_to_micros(self.corrected_at),
            source: self.source.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
