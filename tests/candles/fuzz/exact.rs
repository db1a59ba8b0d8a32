//! The fold of the model, in integers of its own: nothing of the library's arithmetic is used.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{PriceBasis, Tick};

/// Decimals of every number here: those of a mid.
const SCALE: u32 = 13;

/// More significant digits of a result are rounded away.
const DIGITS: u32 = 28;

/// What a candle takes of a tick, in units of `10^-13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    bid: Option<i128>,
    ask: Option<i128>,
    volume: i128,
}

impl Quote {
    pub(crate) fn of(tick: &Tick) -> Self {
        Self {
            bid: tick.bid_price.map(units),
            ask: tick.ask_price.map(units),
            // an unknown volume counts as nothing
            volume: tick.bid_volume.map_or(0, units) + tick.ask_volume.map_or(0, units),
        }
    }

    /// `None` where the quote has no such price.
    pub(crate) fn price(self, basis: PriceBasis) -> Option<i128> {
        match basis {
            PriceBasis::Bid => self.bid,
            PriceBasis::Ask => self.ask,
            // both are multiples of ten, so that the half is exact
            PriceBasis::Mid => Some((self.bid? + self.ask?) / 2),
            _ => panic!("the model has no {basis}"),
        }
    }
}

/// A candle as the model makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) open_time: i64,
    open: i128,
    high: i128,
    low: i128,
    close: i128,
    volume: i128,
    pub(crate) tick_count: i64,
}

impl Folded {
    /// Of those quotes that have the price, in the order of their keys; none has no candle.
    pub(crate) fn of(
        open_time: i64,
        basis: PriceBasis,
        quotes: impl Iterator<Item = Quote>,
    ) -> Option<Self> {
        let mut folded: Option<Self> = None;
        for quote in quotes {
            let Some(price) = quote.price(basis) else {
                continue;
            };
            let whole = folded.get_or_insert(Self {
                open_time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: 0,
                tick_count: 0,
            });
            whole.high = whole.high.max(price);
            whole.low = whole.low.min(price);
            whole.close = price;
            whole.volume += quote.volume;
            whole.tick_count += 1;
        }
        folded
    }

    /// The fields in the order open, high, low, close, volume.
    pub(crate) fn numbers(&self) -> [Decimal; 5] {
        [self.open, self.high, self.low, self.close, self.volume].map(rounded)
    }
}

pub(crate) fn time_of(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("a time of a tick")
}

fn units(value: Decimal) -> i128 {
    let missing = SCALE.checked_sub(value.scale()).expect("few decimals");
    value.mantissa() * 10_i128.pow(missing)
}

/// Half away from zero, to 28 significant digits.
fn rounded(mut units: i128) -> Decimal {
    let mut scale = SCALE;
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    let digits = units.unsigned_abs().checked_ilog10().map_or(1, |it| it + 1);
    if digits > DIGITS {
        let step = 10_i128.pow(digits - DIGITS);
        let half = step / 2 * units.signum();
        units = (units + half) / step;
        scale -= digits - DIGITS;
    }
    Decimal::try_from_i128_with_scale(units, scale)
        .expect("28 digits fit")
        .normalize()
}

#[test]
fn rounding_is_half_away_from_zero_at_28_digits() {
    let text = |units| rounded(units).to_string();
    // 30 digits, 13 of them decimals
    assert_eq!(
        text(100_000_000_000_000_000_000_000_000_050),
        "10000000000000000.00000000001"
    );
    assert_eq!(
        text(-100_000_000_000_000_000_000_000_000_049),
        "-10000000000000000"
    );
    assert_eq!(text(-15_000_000_000_000), "-1.5");
    assert_eq!(text(0), "0");
}
