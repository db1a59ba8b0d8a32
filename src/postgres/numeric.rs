//! Codec of PostgreSQL's binary NUMERIC, which converts directly to and from the digits of a `Decimal`.
//!
//! The codec of `rust_decimal` takes ten times as long and reads numbers that are too small as zero. This one
//! is exact or fails. Only sums of volumes are rounded, if they have more digits than a `Decimal` holds.

mod encoding;

pub(crate) use encoding::{encode_field, encoded};

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Numeric;
use rust_decimal::Decimal;
use std::io::Write as _;

use crate::domain::{Amount, ExactSum, FRACTION_SCALE, SUM_DIGITS};

/// Decimal digits in one digit of PostgreSQL, which uses base 10,000.
const GROUP: u32 = 4;
/// Maximum number of base-10,000 digits that the 29 decimal digits of the largest `Decimal` need, for any
/// position of the point.
const MAX_GROUPS: usize = 8;
/// Maximum number of decimals of a `Decimal`.
const MAX_DECIMALS: i32 = 28;

const HEADER: usize = 8;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const POSITIVE_INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// The reason why a stored NUMERIC cannot be a `Decimal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NumericError {
    /// The value is NaN.
    #[error("it is NaN: expected a number")]
    NotANumber,
    /// The value is plus or minus infinity.
    #[error("it is infinite")]
    Infinite,
    /// The value has more digits than a `Decimal` holds exactly, before or after the point.
    #[error("it has more digits than a decimal holds (28, or 29 up to 2^96)")]
    TooManyDigits,
    /// The bytes are not a NUMERIC.
    #[error("its bytes are not a NUMERIC")]
    Malformed,
}

/// The parts of a binary NUMERIC.
struct Pieces<'a> {
    negative: bool,
    /// The weight of the first group: 10,000 to this power.
    weight: i32,
    /// Groups of four digits; the first and the last group are not zero.
    digits: &'a [[u8; 2]],
}

impl<'a> Pieces<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, NumericError> {
        let (header, digits) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(NumericError::Malformed)?;
        let [n0, n1, w0, w1, s0, s1, _, _] = *header;
        let count = usize::from(u16::from_be_bytes([n0, n1]));
        let negative = match u16::from_be_bytes([s0, s1]) {
            0 => false,
            NEGATIVE => true,
            NAN => return Err(NumericError::NotANumber),
            POSITIVE_INFINITY | NEGATIVE_INFINITY => return Err(NumericError::Infinite),
            _ => return Err(NumericError::Malformed),
        };
        let (mut digits, []) = digits.as_chunks::<2>() else {
            return Err(NumericError::Malformed);
        };
        if digits.len() != count {
            return Err(NumericError::Malformed);
        }
        let mut weight = i32::from(i16::from_be_bytes([w0, w1]));
        // the server sends no leading or trailing zero groups, but other writers of the format may
        while let [[0, 0], rest @ ..] = digits {
            digits = rest;
            weight -= 1;
        }
        while let [rest @ .., [0, 0]] = digits {
            digits = rest;
        }
        Ok(Self {
            negative,
            weight,
            digits,
        })
    }
}

/// Decodes a binary NUMERIC, without trailing zeros.
///
/// # Errors
/// Fails if a `Decimal` does not hold the value exactly; never rounds.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decimal, NumericError> {
    let Pieces {
        negative,
        weight,
        digits,
    } = Pieces::of(bytes)?;
    let Some((last, before)) = digits.split_last() else {
        return Ok(Decimal::ZERO);
    };
    if digits.len() > MAX_GROUPS {
        return Err(NumericError::TooManyDigits);
    }
    let mut units: u128 = 0;
    for digit in before {
        units = units * 10_000 + u128::from(group(*digit)?);
    }
    // leave out the trailing zeros of the last group, so that nothing has to be divided later
    let (last, last_digits) = without_zeros(group(*last)?);
    units = units * 10_u128.pow(last_digits) + u128::from(last);
    let lowest = weight - before.len() as i32;
    let decimals = -(lowest * GROUP as i32) - (GROUP - last_digits) as i32;
    decimal(units, decimals, negative)
}

/// Decodes a sum of volumes from a binary NUMERIC. Returns the rounded sum, and the exact sum if it differs.
///
/// # Errors
/// Fails for NaN, infinity and malformed bytes, and for sums above 7.9 * 10^28.
pub(crate) fn decode_sum(bytes: &[u8]) -> Result<(Decimal, Option<ExactSum>), NumericError> {
    match decode(bytes) {
        Ok(value) if value.mantissa().unsigned_abs() < 10_u128.pow(SUM_DIGITS) => Ok((value, None)),
        Ok(_) | Err(NumericError::TooManyDigits) => {
            let sum = exact_sum(&Pieces::of(bytes)?)?;
            let value = sum.to_decimal().ok_or(NumericError::TooManyDigits)?;
            Ok((value, Some(sum)))
        }
        Err(error) => Err(error),
    }
}

/// Omits decimals after the 29th, which do not affect the rounding of the sum.
fn exact_sum(pieces: &Pieces<'_>) -> Result<ExactSum, NumericError> {
    const GROUPS: i32 = FRACTION_SCALE.div_ceil(GROUP) as i32;
    let (mut whole, mut fraction) = (0_u128, 0_u128);
    for (index, digit) in pieces.digits.iter().enumerate() {
        let digits = u128::from(group(*digit)?);
        // at most 65,535 groups
        let place = pieces.weight - index as i32;
        if place >= 0 {
            let unit = 10_000_u128.checked_pow(place.unsigned_abs());
            let part = unit.and_then(|unit| unit.checked_mul(digits));
            let more = part.and_then(|part| whole.checked_add(part));
            whole = more.ok_or(NumericError::TooManyDigits)?;
        } else if place >= -GROUPS {
            let decimals = place.unsigned_abs() * GROUP;
            fraction += match FRACTION_SCALE.checked_sub(decimals) {
                Some(shift) => digits * 10_u128.pow(shift),
                None => digits / 10_u128.pow(decimals - FRACTION_SCALE),
            };
        }
    }
    ExactSum::of_parts(pieces.negative, whole, fraction).ok_or(NumericError::TooManyDigits)
}

fn group(digit: [u8; 2]) -> Result<u16, NumericError> {
    let digit = u16::from_be_bytes(digit);
    if digit < 10_000 {
        Ok(digit)
    } else {
        Err(NumericError::Malformed)
    }
}

/// Removes the trailing zeros of a group that is not zero. Returns the remaining value and its number of
/// decimal digits.
fn without_zeros(group: u16) -> (u16, u32) {
    let (mut group, mut digits) = (group, GROUP);
    while group % 10 == 0 && digits > 1 {
        group /= 10;
        digits -= 1;
    }
    (group, digits)
}

/// `units` without trailing zeros, shifted by `decimals` digits.
fn decimal(units: u128, decimals: i32, negative: bool) -> Result<Decimal, NumericError> {
    let (units, scale) = if decimals >= 0 {
        (Some(units), decimals)
    } else {
        let shifted = 10_u128
            .checked_pow(decimals.unsigned_abs())
            .and_then(|power| units.checked_mul(power));
        (shifted, 0)
    };
    match units {
        Some(units) if units >> 96 == 0 && scale <= MAX_DECIMALS => {
            let (low, middle, high) = (units as u32, (units >> 32) as u32, (units >> 64) as u32);
            Ok(Decimal::from_parts(
                low,
                middle,
                high,
                negative,
                scale as u32,
            ))
        }
        _ => Err(NumericError::TooManyDigits),
    }
}

/// A decimal in a NUMERIC column or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Numeric)]
pub struct PgDecimal(pub Decimal);

impl FromSql<Numeric, Pg> for PgDecimal {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(decode(value.as_bytes())?))
    }
}

impl ToSql<Numeric, Pg> for PgDecimal {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let (bytes, length) = encoded(self.0);
        out.write_all(&bytes[..length])?;
        Ok(IsNull::No)
    }
}

/// The content of a NUMERIC column, or the reason why it is not a decimal, so that the reader of a row can
/// name the row in its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct StoredNumeric(pub(crate) Result<Decimal, NumericError>);

impl FromSql<Numeric, Pg> for StoredNumeric {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(decode(value.as_bytes())))
    }
}

/// The content of a column of volumes: the rounded sum, and the exact sum if it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct StoredSum(pub(crate) Result<(Decimal, Option<ExactSum>), NumericError>);

impl FromSql<Numeric, Pg> for StoredSum {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(decode_sum(value.as_bytes())))
    }
}

/// The content of a column of amounts, or the reason why it is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct StoredAmount(pub(crate) Result<Amount, NumericError>);

impl FromSql<Numeric, Pg> for StoredAmount {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let sum = Pieces::of(value.as_bytes()).and_then(|pieces| exact_sum(&pieces));
        Ok(Self(sum.map(Amount::of_sum)))
    }
}

/// An amount in a NUMERIC parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression)]
#[diesel(sql_type = Numeric)]
pub(crate) struct PgAmount(pub(crate) Amount);

impl ToSql<Numeric, Pg> for PgAmount {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let (negative, whole, fraction) = self.0.sum().parts();
        const DECIMAL_GROUPS: u32 = FRACTION_SCALE.div_ceil(GROUP);
        let padding = DECIMAL_GROUPS * GROUP - FRACTION_SCALE;
        let (mut digits, mut rest) = (Vec::new(), whole);
        while rest > 0 {
            digits.push((rest % 10_000) as u16);
            rest /= 10_000;
        }
        let weight = digits.len() as i16 - 1;
        digits.reverse();
        let mut rest = fraction * 10_u128.pow(padding);
        for place in (0..DECIMAL_GROUPS).rev() {
            let unit = 10_u128.pow(place * GROUP);
            digits.push((rest / unit) as u16);
            rest %= unit;
        }
        // the server strips groups of zeros at both ends
        for header in [
            digits.len() as u16,
            weight as u16,
            if negative { NEGATIVE } else { 0 },
            FRACTION_SCALE as u16,
        ] {
            out.write_all(&header.to_be_bytes())?;
        }
        for group in digits {
            out.write_all(&group.to_be_bytes())?;
        }
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
