//! Sums of the trades of a candle, and the average price of them.

use rust_decimal::Decimal;

use super::amount::Amount;
use super::exact_sum::{ExactSum, FRACTION_SCALE};

/// The decimal places of a volume-weighted average price.
pub const VWAP_SCALE: u32 = 9;

/// The sums of the trades of a candle, besides its volume and its number of trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TradeVolumes {
    /// Sum of the quantities of trades with the aggressor side `Buy`, in units of the instrument. Exact with
    /// up to 28 significant digits, otherwise rounded to 28, half away from zero.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub buy_volume: Decimal,
    /// Sum of price times quantity, in units of the quote currency. Exact.
    pub notional: Amount,
}

impl TradeVolumes {
    /// Creates the sums of trades.
    #[must_use]
    pub fn new(buy_volume: Decimal, notional: Amount) -> Self {
        Self {
            buy_volume,
            notional,
        }
    }

    /// Returns the average price per unit of trades with the sum of quantities `volume`: notional divided by
    /// volume, rounded to nine decimal places, half to even. Returns `None` if `volume` is zero or negative, or if the
    /// price does not fit a decimal.
    #[must_use]
    pub fn vwap(&self, volume: Decimal) -> Option<Decimal> {
        let volume = volume.normalize();
        let divisor = volume.mantissa();
        if divisor <= 0 {
            return None;
        }
        let (negative, whole, fraction) = self.notional.sum().parts();
        let places = FRACTION_SCALE as usize;
        // the digits of the notional, with the point where division by the units of the volume needs it
        let digits = format!("{whole}{fraction:0places$}");
        let integer_digits = digits.len() - places + volume.scale() as usize;
        // one more, which decides the rounding together with all that follows
        let wanted = integer_digits + VWAP_SCALE as usize + 1;
        let (mut quotient, mut rest) = (0_u128, 0_u128);
        let divisor = divisor.unsigned_abs();
        let all = digits.bytes().map(|digit| u128::from(digit - b'0'));
        for digit in all.clone().chain(std::iter::repeat(0)).take(wanted) {
            // the divisor is below 2^96
            rest = rest * 10 + digit;
            quotient = quotient.checked_mul(10)?.checked_add(rest / divisor)?;
            rest %= divisor;
        }
        let is_more = rest != 0 || all.skip(wanted).any(|digit| digit != 0);
        let (kept, next) = (quotient / 10, quotient % 10);
        let rounds_up = match next {
            5 => is_more || kept % 2 == 1,
            digit => digit > 5,
        };
        let units = i128::try_from(kept + u128::from(rounds_up)).ok()?;
        let units = if negative { -units } else { units };
        let price = Decimal::try_from_i128_with_scale(units, VWAP_SCALE).ok()?;
        Some(price.normalize())
    }
}

/// The exact sums of trades, from which candles are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TradeSums {
    pub(crate) buy_volume: ExactSum,
    pub(crate) notional: Amount,
}

impl TradeSums {
    pub(crate) fn checked_merge(self, other: Self) -> Option<Self> {
        Some(Self {
            buy_volume: self.buy_volume.checked_merge(other.buy_volume)?,
            notional: self.notional.checked_add(other.notional)?,
        })
    }

    /// Returns the sums as a reader sees them. Returns `None` if the buy volume exceeds a decimal.
    pub(crate) fn to_volumes(self) -> Option<TradeVolumes> {
        let buy_volume = self.buy_volume.to_decimal()?;
        Some(TradeVolumes::new(buy_volume, self.notional))
    }
}

impl From<TradeVolumes> for TradeSums {
    fn from(volumes: TradeVolumes) -> Self {
        Self {
            buy_volume: volumes.buy_volume.into(),
            notional: volumes.notional,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vwap(notional: &str, volume: &str) -> Option<String> {
        let notional = notional.parse().expect("an amount");
        let volume: Decimal = volume.parse().expect("a decimal");
        let vwap = TradeVolumes::new(Decimal::ZERO, notional).vwap(volume);
        vwap.map(|price| price.to_string())
    }

    #[test]
    fn average_price_is_rounded_half_to_even() {
        for (notional, volume, expected) in [
            ("10", "4", "2.5"),
            ("1", "3", "0.333333333"),
            ("2", "3", "0.666666667"),
            ("-2", "3", "-0.666666667"),
            ("0.0000000005", "1", "0"),
            ("0.0000000015", "1", "0.000000002"),
            ("0.000000000500000000000001", "1", "0.000000001"),
            ("0.0000000025", "1", "0.000000002"),
            ("0", "5", "0"),
            ("0.000000000000000000000001", "0.000000000001", "0"),
            ("0.000000001000000000000000", "0.000000000001", "1000"),
            ("7", "0.7", "10"),
            (
                "999999999999999999999999998000.000000000000000000000001",
                "999999999999999.999999999999",
                "1000000000000000",
            ),
        ] {
            let found = vwap(notional, volume);
            assert_eq!(found.as_deref(), Some(expected), "{notional} / {volume}");
        }
    }

    #[test]
    fn trades_without_volume_have_no_average_price() {
        assert_eq!(vwap("10", "0"), None);
        assert_eq!(vwap("10", "-1"), None);
        let most = "9999999999999999999999999999999999";
        assert_eq!(vwap(most, "0.0000000000000000000000000001"), None);
    }
}
