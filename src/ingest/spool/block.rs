//! Ticks as bytes: small, with a version and a check value, so that damage is found and never read
//! as a tick.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{SymbolId, Tick};

/// The version written first in every block.
const VERSION: u8 = 1;
/// Check value, version, number of ticks, time of acceptance.
pub(super) const HEADER: usize = 4 + 1 + 4 + 8;
/// No tick takes fewer bytes.
const SMALLEST_TICK: usize = 13;
/// The sign of a decimal, beside its scale.
const NEGATIVE: u8 = 0x80;

/// Why bytes are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BlockError {
    #[error("the check value does not fit the bytes")]
    Damaged,
    #[error("it has version {0}, this program knows version {VERSION}")]
    Version(u8),
    #[error("the check value fits, but the bytes are no ticks")]
    Malformed,
}

/// The bytes of ticks that were accepted at `accepted_at`, the first of them.
pub(super) fn encode(ticks: &[Tick], accepted_at: DateTime<Utc>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + ticks.len() * 40);
    bytes.extend_from_slice(&[0; 4]);
    bytes.push(VERSION);
    // a batch has at most 100,000 ticks
    bytes.extend_from_slice(&(ticks.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&accepted_at.timestamp_micros().to_le_bytes());
    let mut before = (0, 0);
    for tick in ticks {
        before = put_tick(&mut bytes, tick, before);
    }
    seal(&mut bytes);
    bytes
}

/// How many ticks a block says to hold, and since when; checks nothing else.
pub(super) fn header(bytes: &[u8]) -> Option<(u32, DateTime<Utc>)> {
    let count = u32::from_le_bytes(bytes.get(5..9)?.try_into().ok()?);
    let micros = i64::from_le_bytes(bytes.get(9..HEADER)?.try_into().ok()?);
    Some((count, DateTime::from_timestamp_micros(micros)?))
}

/// The ticks of a block.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Tick>, BlockError> {
    let version = check(bytes)?;
    if version != VERSION {
        return Err(BlockError::Version(version));
    }
    let (count, _) = header(bytes).ok_or(BlockError::Malformed)?;
    let mut reader = Reader(&bytes[HEADER..]);
    let count = count as usize;
    if count > reader.0.len() / SMALLEST_TICK {
        return Err(BlockError::Malformed);
    }
    let mut ticks = Vec::with_capacity(count);
    let mut before = (0, 0);
    for _ in 0..count {
        let tick = reader.tick(&mut before).ok_or(BlockError::Malformed)?;
        ticks.push(tick);
    }
    if reader.0.is_empty() {
        Ok(ticks)
    } else {
        Err(BlockError::Malformed)
    }
}

/// Writes the check value of everything behind it into the first four bytes.
pub(super) fn seal(bytes: &mut [u8]) {
    let check = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&check.to_le_bytes());
}

/// The version of sealed bytes whose check value fits.
pub(super) fn check(bytes: &[u8]) -> Result<u8, BlockError> {
    let (check, rest) = bytes.split_first_chunk().ok_or(BlockError::Damaged)?;
    let version = rest.first().ok_or(BlockError::Damaged)?;
    if u32::from_le_bytes(*check) == crc32fast::hash(rest) {
        Ok(*version)
    } else {
        Err(BlockError::Damaged)
    }
}

/// Writes one tick, symbol and second as differences to the tick before.
pub(super) fn put_tick(bytes: &mut Vec<u8>, tick: &Tick, before: (i64, i64)) -> (i64, i64) {
    let symbol = tick.symbol_id.get();
    let second = tick.tick_time.timestamp();
    put_signed(bytes, symbol.wrapping_sub(before.0));
    put_signed(bytes, second.wrapping_sub(before.1));
    put_nanos(bytes, tick.tick_time.timestamp_subsec_nanos());
    put_signed(bytes, tick.sequence);
    let numbers = [
        tick.bid_price,
        tick.ask_price,
        tick.bid_volume,
        tick.ask_volume,
    ];
    for number in numbers {
        let sign = if number.is_sign_negative() {
            NEGATIVE
        } else {
            0
        };
        // a scale is at most 28
        bytes.push(sign | number.scale() as u8);
        put_unsigned(bytes, number.mantissa().unsigned_abs());
    }
    match tick.received_at {
        None => bytes.push(0),
        Some(received_at) => {
            bytes.push(1);
            put_signed(bytes, received_at.timestamp().wrapping_sub(second));
            put_nanos(bytes, received_at.timestamp_subsec_nanos());
        }
    }
    (symbol, second)
}

pub(super) fn put_unsigned(bytes: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Small numbers of either sign take few bytes.
fn put_signed(bytes: &mut Vec<u8>, value: i64) {
    let folded = ((value << 1) ^ (value >> 63)) as u64;
    put_unsigned(bytes, u128::from(folded));
}

/// Whole microseconds, which is what feeds have, take fewer bytes; the lowest bit says which.
fn put_nanos(bytes: &mut Vec<u8>, nanos: u32) {
    let nanos = u128::from(nanos);
    if nanos.is_multiple_of(1_000) {
        put_unsigned(bytes, nanos / 1_000 * 2);
    } else {
        put_unsigned(bytes, nanos * 2 + 1);
    }
}

/// The bytes that are not read yet.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn tick(&mut self, before: &mut (i64, i64)) -> Option<Tick> {
        let symbol = before.0.wrapping_add(self.signed()?);
        let second = before.1.wrapping_add(self.signed()?);
        *before = (symbol, second);
        let tick_time = self.time(second)?;
        let sequence = self.signed()?;
        let [bid_price, ask_price, bid_volume, ask_volume] = [
            self.decimal()?,
            self.decimal()?,
            self.decimal()?,
            self.decimal()?,
        ];
        let received_at = match self.byte()? {
            0 => None,
            1 => {
                let received = second.wrapping_add(self.signed()?);
                Some(self.time(received)?)
            }
            _ => return None,
        };
        Some(Tick {
            symbol_id: SymbolId::new(symbol),
            tick_time,
            sequence,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            received_at,
        })
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn unsigned(&mut self) -> Option<u128> {
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

    fn signed(&mut self) -> Option<i64> {
        let folded = u64::try_from(self.unsigned()?).ok()?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    fn time(&mut self, second: i64) -> Option<DateTime<Utc>> {
        let folded = self.unsigned()?;
        let factor = if folded & 1 == 0 { 1_000 } else { 1 };
        let nanos = u32::try_from((folded >> 1).checked_mul(factor)?).ok()?;
        DateTime::from_timestamp(second, nanos)
    }

    fn decimal(&mut self) -> Option<Decimal> {
        let head = self.byte()?;
        let mantissa = i128::try_from(self.unsigned()?).ok()?;
        let scale = u32::from(head & !NEGATIVE);
        let mut number = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
        number.set_sign_negative(head & NEGATIVE != 0);
        Some(number)
    }
}

#[cfg(test)]
mod tests;
