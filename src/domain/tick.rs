//! Ticks: quotes of a symbol.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::{CANDLE_PRICE_SCALE, check_tick_decimal};
use super::invalid_identity::Identity;
use super::invalid_tick::InvalidTick;
use super::market_event::MarketEvent;
use super::price_basis::PriceBasis;
use super::symbol_id::SymbolId;

/// The identity of a tick: symbol, instant, and sequence within that instant.
///
/// Ordered by symbol, then time, then sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickKey {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time, in whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The order within the instant.
    pub sequence: i64,
}

/// Prices and volumes of a tick, compared by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TickContent {
    bid: (Option<Decimal>, Option<Decimal>),
    ask: (Option<Decimal>, Option<Decimal>),
}

/// A quote of a symbol.
///
/// At least one side has a price. A price of `None` means that the venue does not quote the side, and a
/// volume of `None` that it is unknown; a volume of 0 means zero.
///
/// Two sequenced ticks with the same [`TickKey`] are duplicates if [`Tick::has_content_of`] holds, otherwise
/// they conflict. An unsequenced tick never conflicts: with occurrence k it makes the store hold at least
/// k + 1 rows of its symbol, instant and content, each with its own sequence.
///
/// # Examples
/// ```
/// use chrono::DateTime;
/// use rust_decimal::Decimal;
/// use tickbook::domain::{SymbolId, Tick};
///
/// let time = DateTime::from_timestamp_micros(1_398_902_400_292_000).expect("a time");
/// let both = Tick::quote(SymbolId::new(7), time, Decimal::new(138_676, 5), Decimal::new(138_682, 5))
///     .with_sequence(1)
///     .with_volumes(Decimal::from(500_000), None);
/// assert!(both.normalized().is_ok());
///
/// let bid_alone = Tick::new(SymbolId::new(7), time).with_bid(Decimal::new(138_676, 5));
/// assert_eq!(bid_alone.ask_price, None);
/// assert!(bid_alone.normalized().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The symbol.
    pub symbol_id: SymbolId,
    /// The time of the tick at the venue, UTC; stored in whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The number that the venue gave the tick. For an unsequenced tick it is the position within its instant
    /// in the order of its source, which the store may change. Never negative.
    pub sequence: i64,
    /// `Some` for an unsequenced tick, which the venue does not number: the number of ticks with the same
    /// symbol, instant and content that its source sent before it (see
    /// [`OccurrenceCounter`](crate::ingest::OccurrenceCounter)). `None` for every stored tick.
    pub occurrence: Option<u32>,
    /// The price at which one can sell, in units of the quote currency. May be negative or zero. `None` if
    /// the bid is absent.
    pub bid_price: Option<Decimal>,
    /// The price at which one can buy, in units of the quote currency. May be below the bid. `None` if the
    /// ask is absent.
    pub ask_price: Option<Decimal>,
    /// The quantity offered at the bid, in units of the instrument. `None` if it is unknown or the bid is
    /// absent.
    pub bid_volume: Option<Decimal>,
    /// The quantity offered at the ask, in units of the instrument. `None` if it is unknown or the ask is
    /// absent.
    pub ask_volume: Option<Decimal>,
    /// The time at which this system received the tick. Not part of its identity or content.
    pub received_at: Option<DateTime<Utc>>,
}

impl Tick {
    /// A tick with sequence 0 and without sides and receive time. To be stored, it needs at least one side.
    #[must_use]
    pub fn new(symbol_id: SymbolId, tick_time: DateTime<Utc>) -> Self {
        Self {
            symbol_id,
            tick_time,
            sequence: 0,
            occurrence: None,
            bid_price: None,
            ask_price: None,
            bid_volume: None,
            ask_volume: None,
            received_at: None,
        }
    }

    /// A tick with both sides and sequence 0. The volumes and the receive time are unknown.
    #[must_use]
    pub fn quote(
        symbol_id: SymbolId,
        tick_time: DateTime<Utc>,
        bid_price: Decimal,
        ask_price: Decimal,
    ) -> Self {
        Self::new(symbol_id, tick_time)
            .with_bid(bid_price)
            .with_ask(ask_price)
    }

    /// Returns this tick with another symbol.
    #[must_use]
    pub fn with_symbol_id(mut self, symbol_id: SymbolId) -> Self {
        self.symbol_id = symbol_id;
        self
    }

    /// Returns this tick with another time.
    #[must_use]
    pub fn with_tick_time(mut self, tick_time: DateTime<Utc>) -> Self {
        self.tick_time = tick_time;
        self
    }

    /// Returns this tick with another sequence.
    #[must_use]
    pub fn with_sequence(mut self, sequence: i64) -> Self {
        self.sequence = sequence;
        self
    }

    /// Returns this tick as an unsequenced one whose source sent `occurrence` equal ticks before it.
    #[must_use]
    pub fn with_occurrence(mut self, occurrence: impl Into<Option<u32>>) -> Self {
        self.occurrence = occurrence.into();
        self
    }

    /// Returns this tick with another bid price. `None` removes the bid and its volume.
    #[must_use]
    pub fn with_bid(mut self, price: impl Into<Option<Decimal>>) -> Self {
        self.bid_price = price.into();
        if self.bid_price.is_none() {
            self.bid_volume = None;
        }
        self
    }

    /// Returns this tick with another ask price. `None` removes the ask and its volume.
    #[must_use]
    pub fn with_ask(mut self, price: impl Into<Option<Decimal>>) -> Self {
        self.ask_price = price.into();
        if self.ask_price.is_none() {
            self.ask_volume = None;
        }
        self
    }

    /// Returns this tick with other volumes at the bid and at the ask. `None` means unknown.
    #[must_use]
    pub fn with_volumes(
        self,
        bid: impl Into<Option<Decimal>>,
        ask: impl Into<Option<Decimal>>,
    ) -> Self {
        self.with_bid_volume(bid).with_ask_volume(ask)
    }

    /// Returns this tick with another volume at the bid. `None` means unknown.
    #[must_use]
    pub fn with_bid_volume(mut self, volume: impl Into<Option<Decimal>>) -> Self {
        self.bid_volume = volume.into();
        self
    }

    /// Returns this tick with another volume at the ask. `None` means unknown.
    #[must_use]
    pub fn with_ask_volume(mut self, volume: impl Into<Option<Decimal>>) -> Self {
        self.ask_volume = volume.into();
        self
    }

    /// Returns this tick with another time of receipt. `None` means unknown.
    #[must_use]
    pub fn with_received_at(mut self, received_at: impl Into<Option<DateTime<Utc>>>) -> Self {
        self.received_at = received_at.into();
        self
    }

    /// Whether the tick has the price of `basis`: the bid, the ask, or both for the mid.
    #[must_use]
    pub fn has(&self, basis: PriceBasis) -> bool {
        match basis {
            PriceBasis::Bid => self.bid_price.is_some(),
            PriceBasis::Ask => self.ask_price.is_some(),
            PriceBasis::Mid => self.bid_price.is_some() && self.ask_price.is_some(),
            PriceBasis::Trade => false,
        }
    }

    /// Returns the price of `basis`. The mid is exactly half of bid plus ask.
    ///
    /// Returns `None` if the tick does not have the price, or if the mid needs more digits than a decimal
    /// has. The mid of a tick that can be stored never does.
    #[must_use]
    pub fn price(&self, basis: PriceBasis) -> Option<Decimal> {
        match basis {
            PriceBasis::Bid => self.bid_price,
            PriceBasis::Ask => self.ask_price,
            PriceBasis::Mid => mid_price(self.bid_price?, self.ask_price?),
            PriceBasis::Trade => None,
        }
    }

    /// Returns the identity.
    #[must_use]
    pub fn key(&self) -> TickKey {
        MarketEvent::key(self)
    }

    /// Whether prices and volumes are equal in value. An absent side equals only an absent side, and an
    /// unknown volume only an unknown volume.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        MarketEvent::has_content_of(self, other)
    }

    /// Whether the bid is above the ask. A tick with one side is not crossed.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        let sides = self.bid_price.zip(self.ask_price);
        sides.is_some_and(|(bid, ask)| bid > ask)
    }

    /// Returns the tick in the form in which it is stored: times truncated to microseconds, numbers without
    /// trailing zeros.
    ///
    /// # Errors
    /// An invalid tick: a symbol id below 1, a time before 1970 or from 2100 on, a leap second, a negative
    /// sequence, an occurrence of 1,000,000 or more, no side at all, a volume of an absent side, a negative
    /// volume, or a number that does not fit `NUMERIC(27,12)` exactly.
    pub fn normalized(&self) -> Result<Self, InvalidTick> {
        let identity = Identity {
            symbol_id: self.symbol_id,
            time: self.tick_time,
            received_at: self.received_at,
            sequence: self.sequence,
            occurrence: self.occurrence,
        };
        let identity = identity.normalized("tick_time", "ticks")?;
        if self.bid_price.is_none() && self.ask_price.is_none() {
            return Err(InvalidTick::NoSide);
        }
        Ok(Self {
            symbol_id: self.symbol_id,
            tick_time: identity.time,
            sequence: self.sequence,
            occurrence: self.occurrence,
            bid_price: number("bid_price", self.bid_price)?,
            ask_price: number("ask_price", self.ask_price)?,
            bid_volume: volume("bid_volume", self.bid_volume, self.bid_price)?,
            ask_volume: volume("ask_volume", self.ask_volume, self.ask_price)?,
            received_at: identity.received_at,
        })
    }
}

impl MarketEvent for Tick {
    type Key = TickKey;
    type Content = TickContent;
    type Invalid = InvalidTick;

    fn key_of(symbol_id: SymbolId, tick_time: DateTime<Utc>, sequence: i64) -> TickKey {
        TickKey {
            symbol_id,
            tick_time,
            sequence,
        }
    }

    fn symbol_id(&self) -> SymbolId {
        self.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.tick_time
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

    fn content(&self) -> TickContent {
        TickContent {
            bid: (self.bid_price, self.bid_volume),
            ask: (self.ask_price, self.ask_volume),
        }
    }

    fn normalized(&self) -> Result<Self, InvalidTick> {
        Self::normalized(self)
    }
}

fn number(field: &'static str, value: Option<Decimal>) -> Result<Option<Decimal>, InvalidTick> {
    let check =
        |value| check_tick_decimal(value).map_err(|source| InvalidTick::Number { field, source });
    value.map(check).transpose()
}

fn volume(
    field: &'static str,
    volume: Option<Decimal>,
    price: Option<Decimal>,
) -> Result<Option<Decimal>, InvalidTick> {
    if let Some(value) = volume.filter(|_| price.is_none()) {
        return Err(InvalidTick::VolumeWithoutPrice { field, value });
    }
    if let Some(value) = volume.filter(|value| value.is_sign_negative() && !value.is_zero()) {
        return Err(InvalidTick::NegativeVolume { field, value });
    }
    number(field, volume)
}

/// Half of the sum, exact; `None` if it does not fit a decimal.
fn mid_price(bid: Decimal, ask: Decimal) -> Option<Decimal> {
    let units = |price: Decimal| {
        let missing = CANDLE_PRICE_SCALE.checked_sub(price.scale())?;
        price.mantissa().checked_mul(10_i128.pow(missing))
    };
    // five tenths of the sum
    let half = units(bid)?.checked_add(units(ask)?)?.checked_mul(5)?;
    let (mut half, mut scale) = (half, CANDLE_PRICE_SCALE + 1);
    while scale > 0 && half % 10 == 0 {
        half /= 10;
        scale -= 1;
    }
    Decimal::try_from_i128_with_scale(half, scale).ok()
}

#[cfg(test)]
mod tests;
