//! Numbers, times and texts as few bytes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// The sign of a decimal, beside its scale.
const NEGATIVE: u8 = 0x80;

/// Bytes that a record is written to. Small numbers take few bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordWriter(Vec<u8>);

impl RecordWriter {
    /// Has no bytes yet, and room for so many.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// All that was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes one byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Writes bytes as they are, without their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes a number.
    pub fn unsigned(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Writes a number of either sign.
    pub fn signed(&mut self, value: i64) {
        let folded = ((value << 1) ^ (value >> 63)) as u64;
        self.unsigned(u128::from(folded));
    }

    /// Writes a time; few bytes where its second is close to `second` of 1970.
    pub fn time(&mut self, time: DateTime<Utc>, second: i64) {
        self.signed(time.timestamp().wrapping_sub(second));
        // whole microseconds, which is what feeds have, take fewer bytes; the lowest bit says which
        let nanos = u128::from(time.timestamp_subsec_nanos());
        if nanos.is_multiple_of(1_000) {
            self.unsigned(nanos / 1_000 * 2);
        } else {
            self.unsigned(nanos * 2 + 1);
        }
    }

    /// Writes a decimal with its scale and sign.
    pub fn decimal(&mut self, number: Decimal) {
        let sign = if number.is_sign_negative() {
            NEGATIVE
        } else {
            0
        };
        // a scale is at most 28
        self.0.push(sign | number.scale() as u8);
        self.unsigned(number.mantissa().unsigned_abs());
    }

    /// Writes a text with its length.
    pub fn text(&mut self, text: &str) {
        self.unsigned(text.len() as u128);
        self.bytes(text.as_bytes());
    }
}

/// Bytes that a record is read from: what a [`RecordWriter`] wrote, in the same order. Every method
/// returns `None` where the bytes end, or are no such value.
#[derive(Debug, Clone)]
pub struct RecordReader<'a>(&'a [u8]);

impl<'a> RecordReader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.0.len()
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// Reads so many bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Reads a number.
    pub fn unsigned(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
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

    /// Reads a number of either sign.
    pub fn signed(&mut self) -> Option<i64> {
        let folded = u64::try_from(self.unsigned()?).ok()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// Reads a time that was written with the same `second`.
    pub fn time(&mut self, second: i64) -> Option<DateTime<Utc>> {
        let second = second.wrapping_add(self.signed()?);
        let folded = self.unsigned()?;
        let factor = if folded & 1 == 0 { 1_000 } else { 1 };
        let nanos = u32::try_from((folded >> 1).checked_mul(factor)?).ok()?;
        DateTime::from_timestamp(second, nanos)
    }

    /// Reads a decimal.
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
