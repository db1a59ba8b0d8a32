//! Codec of numbers, times and texts in few bytes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// The sign of a decimal, in the byte of its scale.
const NEGATIVE: u8 = 0x80;

/// Writes records as bytes. Small numbers take few bytes, and so do times close to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordWriter {
    bytes: Vec<u8>,
    /// The last time, to which the next ones are relative.
    second: i64,
}

impl RecordWriter {
    /// Creates an empty writer with that capacity.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            second: 0,
        }
    }

    /// The bytes that were written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes bytes as they are, without their length.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes an unsigned number.
    #[inline]
    pub fn unsigned(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Writes a signed number.
    #[inline]
    pub fn signed(&mut self, value: i64) {
        let folded = ((value << 1) ^ (value >> 63)) as u64;
        self.unsigned(u128::from(folded));
    }

    /// Writes a time and makes it the reference of later ones, also in the next record.
    #[inline]
    pub fn time(&mut self, time: DateTime<Utc>) {
        let second = time.timestamp();
        self.moment(time, second);
        self.second = second;
    }

    /// Writes a time that is close to the last one of [`time`](Self::time).
    #[inline]
    pub fn time_nearby(&mut self, time: DateTime<Utc>) {
        self.moment(time, time.timestamp());
    }

    #[inline]
    fn moment(&mut self, time: DateTime<Utc>, second: i64) {
        self.signed(second.wrapping_sub(self.second));
        // whole microseconds, which feeds usually have, take fewer bytes; the lowest bit distinguishes them
        let nanos = u128::from(time.timestamp_subsec_nanos());
        if nanos.is_multiple_of(1_000) {
            self.unsigned(nanos / 1_000 * 2);
        } else {
            self.unsigned(nanos * 2 + 1);
        }
    }

    /// Writes a decimal with its scale and sign.
    #[inline]
    pub fn decimal(&mut self, number: Decimal) {
        let sign = if number.is_sign_negative() {
            NEGATIVE
        } else {
            0
        };
        // a scale is at most 28
        self.bytes.push(sign | number.scale() as u8);
        self.unsigned(number.mantissa().unsigned_abs());
    }

    /// Writes a text with its length.
    pub fn text(&mut self, text: &str) {
        self.unsigned(text.len() as u128);
        self.bytes(text.as_bytes());
    }
}

/// Reads a record from the bytes of a [`RecordWriter`], in the order in which they were written. Every method
/// returns `None` if too few bytes are left, or for an invalid value.
#[derive(Debug, Clone)]
pub struct RecordReader<'a> {
    rest: &'a [u8],
    /// The last time, to which the next ones are relative.
    second: i64,
}

impl<'a> RecordReader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            second: 0,
        }
    }

    /// The number of bytes that are not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads one byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// Reads `count` bytes.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    /// Reads an unsigned number.
    #[inline]
    pub fn unsigned(&mut self) -> Option<u128> {
        // nearly all numbers have at most nine bytes and need no wide arithmetic
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value.into());
            }
        }
        self.unsigned_beyond(value.into())
    }

    fn unsigned_beyond(&mut self, mut value: u128) -> Option<u128> {
        for shift in (63..128).step_by(7) {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7f);
            if part.leading_zeros() < shift {
                return None;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Reads a signed number.
    #[inline]
    pub fn signed(&mut self) -> Option<i64> {
        let folded = u64::try_from(self.unsigned()?).ok()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// Reads a time and makes it the reference of later ones.
    #[inline]
    pub fn time(&mut self) -> Option<DateTime<Utc>> {
        let second = self.second.wrapping_add(self.signed()?);
        self.second = second;
        self.moment(second)
    }

    /// Reads a time that is close to the last one of [`time`](Self::time).
    #[inline]
    pub fn time_nearby(&mut self) -> Option<DateTime<Utc>> {
        let second = self.second.wrapping_add(self.signed()?);
        self.moment(second)
    }

    #[inline]
    fn moment(&mut self, second: i64) -> Option<DateTime<Utc>> {
        let folded = self.unsigned()?;
        let factor = if folded & 1 == 0 { 1_000 } else { 1 };
        let nanos = u32::try_from((folded >> 1).checked_mul(factor)?).ok()?;
        DateTime::from_timestamp(second, nanos)
    }

    /// Reads a decimal.
    #[inline]
    pub fn decimal(&mut self) -> Option<Decimal> {
        let head = self.byte()?;
        let mantissa = i128::try_from(self.unsigned()?).ok()?;
        let scale = u32::from(head & !NEGATIVE);
        let mut number = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
        number.set_sign_negative(head & NEGATIVE != 0);
        Some(number)
    }

    /// Reads a text.
    pub fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }
}
