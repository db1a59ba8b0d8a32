//! The fold of the model, in integers. It uses no arithmetic of the library.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{PriceBasis, Tick};

/// The number of decimals of every number here, which a mid price needs.
const SCALE: u32 = 13;

/// The number of significant digits of a result; further digits are rounded.
const DIGITS: u32 = 28;

/// The prices and the volume of a tick, in units of `10^-13`.
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
            // an unknown volume counts as zero
            volume: tick.bid_volume.map_or(0, units) + tick.ask_volume.map_or(0, units),
        }
    }

    /// The price of `basis`; `None` if the quote does not have it.
    pub(crate) fn price(self, basis: PriceBasis) -> Option<i128> {
        match basis {
            PriceBasis::Bid => self.bid,
            PriceBasis::Ask => self.ask,
            // both prices are multiples of ten, so the half is exact
            PriceBasis::Mid => Some((self.bid? + self.ask?) / 2),
            // the model has the price of a trade as its bid
            PriceBasis::Trade => self.bid,
            _ => panic!("the model has no {basis}"),
        }
    }
}

/// A candle computed by the model.
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
    /// Folds the quotes that have the price of `basis`, in key order; `None` if there are none.
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

/// Rounds to 28 significant digits, half away from zero.
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
