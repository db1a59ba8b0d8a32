//! The factor by which a file multiplies its prices.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::domain::excerpt;

const MAX_ZEROS: u32 = 12;

/// The factor by which a file multiplies its prices: 1, 10, 100 … up to 10^12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceScale {
    zeros: u32,
}

impl PriceScale {
    /// Returns the price that the file stores as `scaled`, exactly.
    pub(super) fn price(self, scaled: Decimal) -> Result<Decimal, String> {
        if self.zeros == 0 {
            return Ok(scaled);
        }
        let mut price = scaled.normalize();
        let scale = price.scale() + self.zeros;
        match price.set_scale(scale) {
            Ok(()) => Ok(price.normalize()),
            Err(_) => Err(format!(
                "{scaled} divided by {self} has too many decimal places"
            )),
        }
    }
}

/// The text is not a price scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid price scale {}: expected a power of ten from 1 to 1000000000000", excerpt(.0))]
#[non_exhaustive]
pub struct UnknownPriceScale(pub String);

impl FromStr for PriceScale {
    type Err = UnknownPriceScale;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let zeros = text.strip_prefix('1').filter(|rest| {
            rest.len() <= MAX_ZEROS as usize && rest.bytes().all(|byte| byte == b'0')
        });
        let zeros = zeros.and_then(|zeros| u32::try_from(zeros.len()).ok());
        zeros
            .map(|zeros| Self { zeros })
            .ok_or_else(|| UnknownPriceScale(text.to_owned()))
    }
}

impl fmt::Display for PriceScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1{}", "0".repeat(self.zeros as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_divided_exactly() {
        let price = |scale: &str, text: &str| {
            let scale: PriceScale = scale.parse().expect("a scale");
            let scaled: Decimal = text.parse().expect("a number");
            scale.price(scaled).map(|price| price.to_string())
        };
        assert_eq!(price("10000", "6450000").as_deref(), Ok("645"));
        assert_eq!(price("10000", "-6450001.50").as_deref(), Ok("-645.00015"));
        assert_eq!(price("1", "6450000").as_deref(), Ok("6450000"));
        assert_eq!(price("1000000000000", "1").as_deref(), Ok("0.000000000001"));
        assert!(price("1000000000000", "0.12345678901234567").is_err());
    }

    #[test]
    fn scales_are_powers_of_ten() {
        for text in ["", "0", "2", "01", "1e4", "-10", "10001", "10000000000000"] {
            let refused = text.parse::<PriceScale>().expect_err(text);
            assert!(
                refused.to_string().contains("expected a power of ten"),
                "{refused}"
            );
        }
        assert_eq!(
            "1000"
                .parse()
                .map(|it: PriceScale| it.to_string())
                .as_deref(),
            Ok("1000")
        );
    }
}
