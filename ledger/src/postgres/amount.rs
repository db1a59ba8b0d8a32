//! Amounts as PostgreSQL's binary NUMERIC.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Numeric;
use ethnum::I256;
use tickbook::domain::AMOUNT_SCALE;

use crate::domain::Amount;

/// The base of the digits of a NUMERIC.
const BASE: I256 = I256::new(10_000);
/// Decimal places in a digit of a NUMERIC.
const PLACES: i32 = 4;
/// The place of the last digit of an amount: its unit is 10,000 to this power.
const LAST_WEIGHT: i32 = -(AMOUNT_SCALE as i32 / PLACES);

const NEGATIVE: u16 = 0x4000;

/// An amount in a NUMERIC column or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Numeric)]
pub(super) struct PgAmount(pub(super) Amount);

impl ToSql<Numeric, Pg> for PgAmount {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let units = self.0.units();
        let mut digits = Vec::new();
        let mut rest = units.abs();
        while rest > I256::ZERO {
            // below 10,000
            digits.push((rest % BASE).as_u16());
            rest /= BASE;
        }
        let weight = digits.len() as i32 - 1 + LAST_WEIGHT;
        let sign = if units.is_negative() { NEGATIVE } else { 0 };
        let headers = [
            digits.len() as u16,
            weight as u16,
            sign,
            AMOUNT_SCALE as u16,
        ];
        for value in headers.into_iter().chain(digits.into_iter().rev()) {
            out.write_all(&value.to_be_bytes())?;
        }
        Ok(IsNull::No)
    }
}

impl FromSql<Numeric, Pg> for PgAmount {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let amount = decoded(value.as_bytes());
        amount.map(Self).ok_or_else(|| {
            format!("it is not a number with at most {AMOUNT_SCALE} decimal places below 10^30")
                .into()
        })
    }
}

fn decoded(bytes: &[u8]) -> Option<Amount> {
    let (groups, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let [count, weight, sign, _, digits @ ..] = groups else {
        return None;
    };
    let weight = i32::from(i16::from_be_bytes(*weight));
    let sign = u16::from_be_bytes(*sign);
    if digits.len() != usize::from(u16::from_be_bytes(*count)) || ![0, NEGATIVE].contains(&sign) {
        return None;
    }
    let mut units = I256::ZERO;
    for digit in digits {
        units = units.checked_mul(BASE)?;
        units = units.checked_add(I256::from(u16::from_be_bytes(*digit)))?;
    }
    // the place of the last digit that is stored
    let last = weight + 1 - i32::try_from(digits.len()).ok()?;
    for _ in LAST_WEIGHT..last {
        units = units.checked_mul(BASE)?;
    }
    for _ in last..LAST_WEIGHT {
        if units % BASE != I256::ZERO {
            return None;
        }
        units /= BASE;
    }
    Amount::of_units(if sign == NEGATIVE { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    fn binary(count: u16, weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let headers = [count, weight as u16, sign, 24];
        let values = headers.into_iter().chain(digits.iter().copied());
        values.flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn numerics_are_read_to_the_last_place() {
        assert_eq!(decoded(&binary(0, 0, 0, &[])), Some(Amount::ZERO));
        // 12345.6 and -0.000000000000000000000001
        let found = decoded(&binary(3, 1, 0, &[1, 2345, 6000]));
        assert_eq!(found, Some(amount("12345.6")));
        let found = decoded(&binary(1, -6, NEGATIVE, &[1]));
        assert_eq!(found, Some(amount("-0.000000000000000000000001")));
        // zeros at both ends, as other writers send them
        let found = decoded(&binary(4, 1, 0, &[0, 7, 0, 0]));
        assert_eq!(found, Some(amount("7")));
    }

    #[test]
    fn numbers_that_are_no_amounts_are_refused() {
        // one decimal place too many, 10^30, NaN, a missing digit, half a digit
        assert_eq!(decoded(&binary(1, -7, 0, &[1])), None);
        assert_eq!(decoded(&binary(1, 7, 0, &[100])), None);
        assert_eq!(decoded(&binary(0, 0, 0xC000, &[])), None);
        assert_eq!(decoded(&binary(2, 0, 0, &[1])), None);
        assert_eq!(decoded(&[0, 0, 0]), None);
    }
}
