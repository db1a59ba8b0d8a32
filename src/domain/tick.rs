//! Quotes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::decimal::{DecimalError, check_tick_decimal};
use super::symbol_id::SymbolId;
use super::time::{LEAP_SECOND, earliest_time, is_leap_second, latest_time, truncate_to_micros};

/// The identity of a tick: symbol, instant, and the order within that instant.
///
/// Sorted by symbol, then by time, then by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickKey {
    /// Whose tick it is.
    pub symbol_id: SymbolId,
    /// When it happened, in whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// Its place within the instant.
    pub sequence: i64,
}

/// One quote of one symbol.
///
/// Two ticks with one [`TickKey`] are a duplicate when [`Tick::has_content_of`] holds, else a
/// conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Whose tick it is.
    pub symbol_id: SymbolId,
    /// When it happened at the venue, UTC; stored in whole microseconds.
    pub tick_time: DateTime<Utc>,
    /// The venue's own number where that orders the ticks of one instant, else 0, 1, 2 … within
    /// equal `(symbol_id, tick_time)` in feed order (see
    /// [`SequenceAssigner`](crate::ingest::SequenceAssigner)). Never negative.
    pub sequence: i64,
    /// Price at which one can sell, in units of the quote currency. May be negative or zero.
    pub bid_price: Decimal,
    /// Price at which one can buy, in units of the quote currency. May be below the bid.
    pub ask_price: Decimal,
    /// Quantity offered at the bid, in units of the instrument; 0 when the feed does not say.
    pub bid_volume: Decimal,
    /// Quantity offered at the ask, in units of the instrument; 0 when the feed does not say.
    pub ask_volume: Decimal,
    /// When this side saw it. No part of identity or content.
    pub received_at: Option<DateTime<Utc>>,
}

impl Tick {
    /// A tick with sequence 0, no volumes and no receive time.
    #[must_use]
    pub fn quote(
        symbol_id: SymbolId,
        tick_time: DateTime<Utc>,
        bid_price: Decimal,
        ask_price: Decimal,
    ) -> Self {
        Self {
            symbol_id,
            tick_time,
            sequence: 0,
            bid_price,
            ask_price,
            bid_volume: Decimal::ZERO,
            ask_volume: Decimal::ZERO,
            received_at: None,
        }
    }

    /// The identity.
    #[must_use]
    pub fn key(&self) -> TickKey {
        TickKey {
            symbol_id: self.symbol_id,
            tick_time: self.tick_time,
            sequence: self.sequence,
        }
    }

    /// Whether prices and volumes are equal in value.
    #[must_use]
    pub fn has_content_of(&self, other: &Self) -> bool {
        self.bid_price == other.bid_price
            && self.ask_price == other.ask_price
            && self.bid_volume == other.bid_volume
            && self.ask_volume == other.ask_volume
    }

    /// Whether the bid is above the ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        self.bid_price > self.ask_price
    }

    /// The form in which a tick is stored: times cut to microseconds, numbers without trailing
    /// zeros.
    ///
    /// # Errors
    /// What no store can keep: a symbol id below 1, a time before 1970 or from 2100 on, a negative sequence, a negative
    /// volume, a number that does not fit `NUMERIC(27,12)` exactly.
    pub fn normalized(&self) -> Result<Self, InvalidTick> {
        if self.symbol_id.get() < 1 {
            return Err(InvalidTick::SymbolId(self.symbol_id));
        }
        let tick_time = truncate_to_micros(self.tick_time);
        if tick_time < earliest_time() || tick_time >= latest_time() {
            return Err(InvalidTick::TimeOutOfRange {
                field: "tick_time",
                time: tick_time,
            });
        }
        if is_leap_second(tick_time) {
            return Err(InvalidTick::LeapSecond {
                field: "tick_time",
                time: tick_time,
            });
        }
        let received_at = self.received_at.map(truncate_to_micros);
        if let Some(time) = received_at.filter(|time| is_leap_second(*time)) {
            return Err(InvalidTick::LeapSecond {
                field: "received_at",
                time,
            });
        }
        if let Some(time) = received_at
            && (time < earliest_time() || time >= latest_time())
        {
            return Err(InvalidTick::TimeOutOfRange {
                field: "received_at",
                time,
            });
        }
        if self.sequence < 0 {
            return Err(InvalidTick::NegativeSequence(self.sequence));
        }
        Ok(Self {
            symbol_id: self.symbol_id,
            tick_time,
            sequence: self.sequence,
            bid_price: number("bid_price", self.bid_price)?,
            ask_price: number("ask_price", self.ask_price)?,
            bid_volume: volume("bid_volume", self.bid_volume)?,
            ask_volume: volume("ask_volume", self.ask_volume)?,
            received_at,
        })
    }
}

fn number(field: &'static str, value: Decimal) -> Result<Decimal, InvalidTick> {
    check_tick_decimal(value).map_err(|source| InvalidTick::Number { field, source })
}

fn volume(field: &'static str, value: Decimal) -> Result<Decimal, InvalidTick> {
    if value.is_sign_negative() && !value.is_zero() {
        return Err(InvalidTick::NegativeVolume { field, value });
    }
    number(field, value)
}

/// Why a tick can be stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTick {
    /// The symbol's number is below 1.
    #[error("symbol_id {0} is not positive: use that of a symbol")]
    SymbolId(SymbolId),
    /// An instant outside of what is kept.
    #[error(
        "{field} {time} is outside of 1970-01-01 to 2100-01-01: \
         check the unit and the epoch of the feed's clock"
    )]
    TimeOutOfRange {
        /// Which of the two times.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// A leap second, which stores would move into the second after it.
    #[error("{field} {time} is a {LEAP_SECOND}")]
    LeapSecond {
        /// Which of the two times.
        field: &'static str,
        /// The instant.
        time: DateTime<Utc>,
    },
    /// The sequence is below zero.
    #[error("sequence {0} is negative: count from 0 within one instant")]
    NegativeSequence(i64),
    /// A quantity is below zero.
    #[error("{field} {value} is negative: send 0 when the feed does not say")]
    NegativeVolume {
        /// Which of the two volumes.
        field: &'static str,
        /// The quantity.
        value: Decimal,
    },
    /// A number cannot be kept exactly.
    #[error("{field} {source}")]
    Number {
        /// Which of the four numbers.
        field: &'static str,
        /// Why.
        source: DecimalError,
    },
}

impl InvalidTick {
    /// The field of [`Tick`] that is wrong.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::SymbolId(_) => "symbol_id",
            Self::NegativeSequence(_) => "sequence",
            Self::TimeOutOfRange { field, .. }
            | Self::LeapSecond { field, .. }
            | Self::NegativeVolume { field, .. }
            | Self::Number { field, .. } => field,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick() -> Tick {
        Tick::quote(
            SymbolId::new(1),
            DateTime::from_timestamp_nanos(1_398_902_400_000_001_999),
            Decimal::new(138_676, 5),
            Decimal::new(1_386_860, 6),
        )
    }

    #[test]
    fn leap_seconds_are_refused_by_name() {
        let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).expect("2016-12-31");
        let of_venue = Tick {
            tick_time: leap,
            ..tick()
        };
        let of_receiver = Tick {
            received_at: Some(leap),
            ..tick()
        };
        for (tick, field) in [(of_venue, "tick_time"), (of_receiver, "received_at")] {
            let refused = tick.normalized().expect_err("no store has it");
            assert_eq!(refused.field(), field);
            let text = refused.to_string();
            assert!(text.contains("leap second"), "{text}");
        }
    }

    #[test]
    fn stored_form_is_cut_to_microseconds_and_free_of_zeros() {
        let stored = tick().normalized().expect("valid");
        assert_eq!(stored.tick_time.timestamp_subsec_nanos(), 1_000);
        assert_eq!(stored.ask_price.to_string(), "1.38686");
        assert!(stored.has_content_of(&tick()));
    }

    #[test]
    fn what_no_store_keeps_is_refused_by_name() {
        let before = Tick {
            tick_time: DateTime::UNIX_EPOCH - chrono::TimeDelta::microseconds(1),
            ..tick()
        };
        let future = Tick {
            tick_time: latest_time(),
            ..tick()
        };
        let sequence = Tick {
            sequence: -1,
            ..tick()
        };
        let volume = Tick {
            bid_volume: Decimal::NEGATIVE_ONE,
            ..tick()
        };
        let decimals = Tick {
            ask_price: Decimal::new(1, 13),
            ..tick()
        };
        let symbol = Tick {
            symbol_id: SymbolId::new(0),
            ..tick()
        };
        for (bad, word) in [
            (symbol, "symbol_id"),
            (before, "tick_time"),
            (future, "tick_time"),
            (sequence, "sequence"),
            (volume, "bid_volume"),
            (decimals, "ask_price"),
        ] {
            let error = bad.normalized().expect_err("invalid");
            assert_eq!(error.field(), word);
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_negative_price_and_a_crossed_quote_are_valid() {
        let crossed = Tick {
            bid_price: Decimal::new(-3763, 2),
            ask_price: Decimal::new(-3764, 2),
            ..tick()
        };
        assert!(crossed.is_crossed());
        assert!(crossed.normalized().is_ok());
    }
}
