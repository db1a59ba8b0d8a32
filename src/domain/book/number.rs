//! Non-negative decimals with the digits of a message.

use std::fmt;

use rust_decimal::Decimal;

/// The largest number of digits after the point of a [`BookNumber`].
pub const MAX_BOOK_DECIMALS: u8 = 18;

/// The powers of ten that an `i64` holds.
const POWERS: [i64; MAX_BOOK_DECIMALS as usize + 1] = {
    let mut powers = [1; MAX_BOOK_DECIMALS as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The powers of ten that an `i64` holds, and 0 for other exponents.
static FACTORS: [i64; 256] = {
    let mut factors = [0; 256];
    let mut at = 0;
    while at < POWERS.len() {
        factors[at] = POWERS[at];
        at += 1;
    }
    factors
};

/// Why a text is not a [`BookNumber`]. The caller puts the text before the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookNumberError {
    /// The text has other characters than digits and one point between them.
    #[error("is not a number: expected digits such as 0.3521")]
    NotANumber,
    /// The digits do not fit 64 bits, or more than 18 of them are after the point.
    #[error("has too many digits: expected at most 18")]
    TooManyDigits,
}

/// A price or quantity of a book: an integer and the position of the point, 0 or more.
///
/// `0.50` and `0.5` have the same value, but other digits: they are not equal. [`normalized`](Self::normalized)
/// makes them equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BookNumber {
    units: i64,
    decimals: u8,
}

impl BookNumber {
    /// A number from its units of 10^-`decimals`. Returns `None` if `units` is negative, or `decimals` above
    /// [`MAX_BOOK_DECIMALS`].
    #[must_use]
    pub fn new(units: i64, decimals: u8) -> Option<Self> {
        let fits = units >= 0 && decimals <= MAX_BOOK_DECIMALS;
        fits.then_some(Self { units, decimals })
    }

    /// Parses digits with at most one point between them, such as `0.3521` or `62807.0`.
    ///
    /// Zeros at the end of the fraction are kept, unless the digits fit 64 bits only without them.
    ///
    /// # Errors
    /// A text with a sign, an exponent or other characters, or a number that does not fit.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, BookNumberError> {
        let text = text.as_ref();
        if text.len() <= MAX_BOOK_DECIMALS.into() {
            return Self::parse_short(text);
        }
        let point = text.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(at) if at + 1 < text.len() => (&text[..at], &text[at + 1..]),
            Some(_) => return Err(BookNumberError::NotANumber),
            None => (text, &text[text.len()..]),
        };
        let digits = || whole.iter().chain(fraction);
        if whole.is_empty() || !digits().all(u8::is_ascii_digit) {
            return Err(BookNumberError::NotANumber);
        }
        // eighteen digits always fit
        if whole.len() + fraction.len() <= MAX_BOOK_DECIMALS.into() {
            let add = |units: i64, digit: &u8| units * 10 + i64::from(digit - b'0');
            return Ok(Self {
                units: digits().fold(0, add),
                decimals: fraction.len() as u8,
            });
        }
        Self::parse_long(whole, fraction)
    }

    /// Parses at most 18 characters, whose digits always fit, in one pass.
    fn parse_short(text: &[u8]) -> Result<Self, BookNumberError> {
        let (mut units, mut point) = (0, None);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'0'..=b'9' => units = units * 10 + i64::from(byte - b'0'),
                b'.' if at > 0 && point.is_none() => point = Some(at),
                _ => return Err(BookNumberError::NotANumber),
            }
        }
        let decimals = match point {
            Some(point) => text.len() - point - 1,
            None => 0,
        };
        if text.is_empty() || (point.is_some() && decimals == 0) {
            return Err(BookNumberError::NotANumber);
        }
        Ok(Self {
            units,
            decimals: decimals as u8,
        })
    }

    fn parse_long(whole: &[u8], fraction: &[u8]) -> Result<Self, BookNumberError> {
        let last = fraction.iter().rposition(|digit| *digit != b'0');
        let fraction = &fraction[..last.map_or(0, |last| last + 1)];
        let units = whole
            .iter()
            .chain(fraction)
            .try_fold(0_i64, |units, digit| {
                units.checked_mul(10)?.checked_add((digit - b'0').into())
            });
        let decimals = u8::try_from(fraction.len()).ok();
        units
            .zip(decimals)
            .and_then(|(units, decimals)| Self::new(units, decimals))
            .ok_or(BookNumberError::TooManyDigits)
    }

    /// The value in units of 10^-[`decimals`](Self::decimals).
    #[must_use]
    pub fn units(self) -> i64 {
        self.units
    }

    /// The number of digits after the point, at most [`MAX_BOOK_DECIMALS`].
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether the value is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The value in units of 10^-`decimals`. Returns `None` if it has a fraction of such a unit, or does
    /// not fit.
    #[must_use]
    #[inline]
    pub fn units_at(self, decimals: u8) -> Option<i64> {
        // also for equal decimals: a processor cannot predict which numbers of a venue have them
        match FACTORS[usize::from(decimals.wrapping_sub(self.decimals))] {
            0 => self.units_at_fewer(decimals),
            factor => self.units.checked_mul(factor),
        }
    }

    /// As [`units_at`](Self::units_at), for fewer decimals or too many.
    #[cold]
    fn units_at_fewer(self, decimals: u8) -> Option<i64> {
        let power = POWERS.get(usize::from(self.decimals.checked_sub(decimals)?))?;
        (self.units % power == 0).then(|| self.units / power)
    }

    /// The same value without zeros at the end of the fraction.
    #[must_use]
    pub fn normalized(self) -> Self {
        let Self {
            mut units,
            mut decimals,
        } = self;
        // constant divisors cost a tenth of variable ones
        while decimals >= 4 && units % 10_000 == 0 {
            units /= 10_000;
            decimals -= 4;
        }
        while decimals > 0 && units % 10 == 0 {
            units /= 10;
            decimals -= 1;
        }
        Self { units, decimals }
    }
}

/// The digits, with a point if `decimals` is not 0.
impl fmt::Display for BookNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, decimals } = *self;
        if decimals == 0 {
            return write!(f, "{units}");
        }
        let power = POWERS[usize::from(decimals)];
        let (whole, fraction) = (units / power, units % power);
        write!(f, "{whole}.{fraction:0width$}", width = decimals.into())
    }
}

/// The same digits.
impl From<BookNumber> for Decimal {
    fn from(number: BookNumber) -> Self {
        Self::new(number.units, number.decimals.into())
    }
}

/// The same value without trailing zeros.
impl TryFrom<Decimal> for BookNumber {
    type Error = BookNumberError;

    fn try_from(value: Decimal) -> Result<Self, Self::Error> {
        let value = value.normalize();
        if value.is_sign_negative() && !value.is_zero() {
            return Err(BookNumberError::NotANumber);
        }
        let units = i64::try_from(value.mantissa()).ok();
        let decimals = u8::try_from(value.scale()).ok();
        units
            .zip(decimals)
            .and_then(|(units, decimals)| Self::new(units, decimals))
            .ok_or(BookNumberError::TooManyDigits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(i64, u8), BookNumberError> {
        BookNumber::parse(text).map(|number| (number.units(), number.decimals()))
    }

    #[test]
    fn digits_of_the_message_are_kept() {
        for (text, units, decimals) in [
            ("0.35210000", 35_210_000, 8),
            ("62807.0", 628_070, 1),
            ("9999999997.00000", 999_999_999_700_000, 5),
            ("9223372036854775807", i64::MAX, 0),
            ("9.223372036854775807", i64::MAX, 18),
            ("0", 0, 0),
            ("007", 7, 0),
            ("0.00000000", 0, 8),
            ("0000000000000000000000000012.5", 125, 1),
        ] {
            assert_eq!(read(text), Ok((units, decimals)), "{text}");
        }
        // only the zeros that do not fit are dropped, all of them
        assert_eq!(read("12.50000000000000000000"), Ok((125, 1)));
        assert_eq!(read("9999999997.000000000"), Ok((9_999_999_997, 0)));
    }

    #[test]
    fn invalid_numbers_are_refused() {
        let bad = [
            "", ".", "1.", ".5", "-1", "+1", "1e5", "1.2.3", " 1", "1 ", "NaN", "0x1", "1,5",
            "\"1\"",
        ];
        for text in bad {
            assert_eq!(read(text), Err(BookNumberError::NotANumber), "{text:?}");
        }
        let long = "1".repeat(4_000);
        for text in [
            "9223372036854775808",
            "9999999997.000000001234",
            "0.0000000000000000001",
            &long,
        ] {
            assert_eq!(read(text), Err(BookNumberError::TooManyDigits), "{text}");
        }
        assert_eq!(
            BookNumber::try_from(Decimal::NEGATIVE_ONE),
            Err(BookNumberError::NotANumber)
        );
        assert_eq!(BookNumber::new(-1, 0), None);
        assert_eq!(BookNumber::new(1, 19), None);
    }

    #[test]
    fn normalized_fractions_end_without_zeros() {
        for zeros in 0..=18_u8 {
            for decimals in 0..=18_u8 {
                let of =
                    |zeros: u8, decimals| BookNumber::new(7 * POWERS[usize::from(zeros)], decimals);
                let dropped = zeros.min(decimals);
                let normalized = of(zeros, decimals).map(BookNumber::normalized);
                assert_eq!(normalized, of(zeros - dropped, decimals - dropped));
                let zero = BookNumber::new(0, decimals).map(BookNumber::normalized);
                assert_eq!(zero, BookNumber::new(0, 0));
            }
        }
    }

    #[test]
    fn units_at_another_precision_are_exact_or_absent() {
        let number = BookNumber::parse("1.50").expect("a number");
        assert_eq!(number.units_at(1), Some(15));
        assert_eq!(number.units_at(4), Some(15_000));
        assert_eq!(number.units_at(0), None);
        assert_eq!(number.units_at(200), None);
        let large = BookNumber::parse("9999999997").expect("a number");
        assert_eq!(large.units_at(5), Some(999_999_999_700_000));
        assert_eq!(large.units_at(9), None, "10^19 does not fit");
    }

    proptest! {
        #[test]
        fn texts_of_numbers_are_read_as_the_numbers(units in 0..=i64::MAX, decimals in 0_u8..=18) {
            let number = BookNumber::new(units, decimals).expect("in range");
            let text = number.to_string();
            let read = BookNumber::parse(&text).expect("a number");
            prop_assert_eq!(read.normalized(), number.normalized());
            let decimal = Decimal::from(number);
            prop_assert_eq!(decimal.to_string(), text);
            prop_assert_eq!(BookNumber::try_from(decimal), Ok(number.normalized()));
        }
    }
}
