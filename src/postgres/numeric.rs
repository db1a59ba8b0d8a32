//! Codec of PostgreSQL's binary NUMERIC, which converts directly to and from the digits of a `Decimal`.
//!
//! The codec of `rust_decimal` takes ten times as long and reads numbers that are too small as zero. This one
//! is exact or fails. Only sums of volumes are rounded, if they have more digits than a `Decimal` holds.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Numeric;
use rust_decimal::Decimal;
use std::io::Write as _;

use crate::domain::{ExactSum, FRACTION_SCALE, SUM_DIGITS};

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

/// Encodes `value` as binary NUMERIC. Returns the buffer and the number of its bytes that are used. Keeps the
/// number of decimals, so `1.50` stays `1.50`.
pub(crate) fn encoded(value: Decimal) -> ([u8; HEADER + 2 * MAX_GROUPS], usize) {
    // a decimal has at most 28 decimals, which fit every integer
    let scale = value.scale();
    let fraction_groups = scale.div_ceil(GROUP);
    let padding = fraction_groups * GROUP - scale;
    let units = value.mantissa().unsigned_abs() * 10_u128.pow(padding);
    let groups = groups_of(units);

    let first = groups.iter().position(|group| *group != 0);
    let end = groups
        .iter()
        .rposition(|group| *group != 0)
        .map_or(0, |last| last + 1);
    let first = first.unwrap_or(end);
    let weight = if end == 0 {
        0
    } else {
        MAX_GROUPS as i16 - 1 - first as i16 - fraction_groups as i16
    };
    let negative = end != 0 && value.is_sign_negative();

    let mut bytes = [0; HEADER + 2 * MAX_GROUPS];
    bytes[0..2].copy_from_slice(&((end - first) as u16).to_be_bytes());
    bytes[2..4].copy_from_slice(&weight.to_be_bytes());
    bytes[4..6].copy_from_slice(&(if negative { NEGATIVE } else { 0 }).to_be_bytes());
    bytes[6..8].copy_from_slice(&(scale as u16).to_be_bytes());
    let mut length = HEADER;
    for group in &groups[first..end] {
        bytes[length..length + 2].copy_from_slice(&group.to_be_bytes());
        length += 2;
    }
    (bytes, length)
}

/// The base-10,000 digits of `units`, most significant first.
fn groups_of(units: u128) -> [u16; MAX_GROUPS] {
    const HALF: u128 = 10_u128.pow(GROUP * MAX_GROUPS as u32 / 2);
    // 64-bit division is several times as fast as 128-bit division, and sufficient for most numbers
    let halves = if units < HALF {
        [0, units as u64]
    } else {
        [(units / HALF) as u64, (units % HALF) as u64]
    };
    let mut groups = [0; MAX_GROUPS];
    for (half, digits) in halves.into_iter().zip(groups.chunks_exact_mut(4)) {
        let mut rest = half;
        for digit in digits.iter_mut().rev() {
            *digit = (rest % 10_000) as u16;
            rest /= 10_000;
        }
    }
    groups
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

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
