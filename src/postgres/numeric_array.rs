//! Codec of PostgreSQL's binary arrays of NUMERIC.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::{Array, Nullable, Numeric};
use rust_decimal::Decimal;

use super::numeric::{NumericError, decode as decode_number, encode_field};

/// The object id of the type NUMERIC.
const NUMERIC_OID: u32 = 1_700;

/// The length of an array without elements: three numbers of four bytes.
const HEADER: usize = 12;

/// Appends an array in the server's format: its length in four bytes, and the bytes.
pub(super) fn encode(numbers: impl ExactSizeIterator<Item = Decimal>, out: &mut Vec<u8>) {
    const FIRST_INDEX: i32 = 1;
    let start = out.len();
    let count = numbers.len();
    // at most 24 bytes and their length for each number
    out.reserve(4 + HEADER + 8 + count * 28);
    // an empty array has no dimension
    let dimensions = i32::from(count > 0);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&dimensions.to_be_bytes());
    // no flags: no element is NULL
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&NUMERIC_OID.to_be_bytes());
    if count > 0 {
        // the domain allows far fewer than 2^31 elements
        out.extend_from_slice(&(count as i32).to_be_bytes());
        out.extend_from_slice(&FIRST_INDEX.to_be_bytes());
    }
    for number in numbers {
        encode_field(number, out);
    }
    write_length(start, out);
}

/// Appends an array as text, such as `{1.5,-2}`, in the server's format.
pub(super) fn encode_text(numbers: impl Iterator<Item = Decimal>, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(b'{');
    let mut comma = "";
    for number in numbers {
        // writing to a vector does not fail
        let _ = write!(out, "{comma}{number}");
        comma = ",";
    }
    out.push(b'}');
    write_length(start, out);
}

/// Writes the number of bytes after the first four ones from `start` into these.
fn write_length(start: usize, out: &mut [u8]) {
    let length = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// The reason why a stored array cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArrayError {
    #[error("it has {0} dimensions: expected one")]
    Dimensions(i32),
    #[error("element {0} is NULL: expected a number")]
    Null(usize),
    #[error("element {index}: {source}")]
    Number { index: usize, source: NumericError },
    #[error("its bytes are not an array of NUMERIC")]
    Malformed,
}

/// Reads a binary array.
fn decode(bytes: &[u8]) -> Result<Vec<Decimal>, ArrayError> {
    let (header, mut rest) = bytes
        .split_at_checked(HEADER)
        .ok_or(ArrayError::Malformed)?;
    let (numbers, _) = header.as_chunks::<4>();
    let [dimensions, _, oid] = numbers else {
        return Err(ArrayError::Malformed);
    };
    if u32::from_be_bytes(*oid) != NUMERIC_OID {
        return Err(ArrayError::Malformed);
    }
    match i32::from_be_bytes(*dimensions) {
        0 if rest.is_empty() => return Ok(Vec::new()),
        1 => {}
        0 => return Err(ArrayError::Malformed),
        dimensions => return Err(ArrayError::Dimensions(dimensions)),
    }
    let mut next = |count: usize| {
        let (bytes, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(bytes)
    };
    let mut number = || {
        let bytes = next(4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(i32::from_be_bytes).ok_or(ArrayError::Malformed)
    };
    let count = usize::try_from(number()?).map_err(|_| ArrayError::Malformed)?;
    number()?;
    // each element has a length of four bytes
    let mut decoded = Vec::with_capacity(count.min(bytes.len() / 4));
    for index in 1..=count {
        let bytes = next(4).and_then(|bytes| bytes.try_into().ok());
        let length = match bytes.map(i32::from_be_bytes) {
            Some(-1) => return Err(ArrayError::Null(index)),
            Some(length) => usize::try_from(length).map_err(|_| ArrayError::Malformed)?,
            None => return Err(ArrayError::Malformed),
        };
        let bytes = next(length).ok_or(ArrayError::Malformed)?;
        let number = decode_number(bytes).map_err(|source| ArrayError::Number { index, source })?;
        decoded.push(number);
    }
    match rest.is_empty() {
        true => Ok(decoded),
        false => Err(ArrayError::Malformed),
    }
}

/// The content of a column of NUMERIC arrays, or the reason why it cannot be read, so that the reader of a row
/// can name the row in its error.
#[derive(Debug, Clone, PartialEq, Eq, FromSqlRow)]
pub(crate) struct StoredNumerics(pub(crate) Result<Vec<Decimal>, ArrayError>);

impl FromSql<Array<Nullable<Numeric>>, Pg> for StoredNumerics {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(decode(value.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded_array(numbers: &[Decimal]) -> Vec<u8> {
        let mut out = vec![7];
        encode(numbers.iter().copied(), &mut out);
        let length = i32::from_be_bytes(out[1..5].try_into().expect("four bytes"));
        assert_eq!(usize::try_from(length).expect("positive"), out.len() - 5);
        out.split_off(5)
    }

    #[test]
    fn arrays_as_texts_have_their_length() {
        let mut out = Vec::new();
        let numbers = [Decimal::new(15, 1), Decimal::new(-2, 0)];
        encode_text(numbers.into_iter(), &mut out);
        assert_eq!(out, b"\0\0\0\x08{1.5,-2}");
        out.clear();
        encode_text([].into_iter(), &mut out);
        assert_eq!(out, b"\0\0\0\x02{}");
    }

    #[test]
    fn other_arrays_give_a_reason() {
        let one = encoded_array(&[Decimal::ONE]);
        let with = |at: usize, byte: u8| {
            let mut bytes = one.clone();
            bytes[at] = byte;
            decode(&bytes)
        };
        assert_eq!(with(3, 2), Err(ArrayError::Dimensions(2)));
        assert_eq!(with(11, 0), Err(ArrayError::Malformed), "another type");
        assert_eq!(with(15, 2), Err(ArrayError::Malformed), "too short");
        let mut null = one.clone();
        null.truncate(20);
        null.extend_from_slice(&(-1_i32).to_be_bytes());
        assert_eq!(decode(&null), Err(ArrayError::Null(1)));
        for end in 0..one.len() {
            assert_eq!(decode(&one[..end]), Err(ArrayError::Malformed), "{end}");
        }
    }

    proptest! {
        #[test]
        fn arrays_are_read_as_written(
            numbers in prop::collection::vec((any::<i64>(), 0_u32..13), 0..30),
        ) {
            let numbers: Vec<_> = numbers
                .into_iter()
                .map(|(units, scale)| Decimal::new(units, scale))
                .collect();
            let read = decode(&encoded_array(&numbers)).expect("an array");
            prop_assert_eq!(read, numbers);
        }
    }
}
