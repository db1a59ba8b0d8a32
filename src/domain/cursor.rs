//! Opaque texts that say where a listing goes on.
//!
//! A cursor names the last key that was read, so that it stays right whatever arrives meanwhile. It
//! belongs to one listing: symbol, range, order and, of candles, timeframe and basis are part of it,
//! and with any other the server would silently skip or repeat. It also has a version and a check
//! value. There is no secret in it, since it allows nothing: a forged one names a place of a listing
//! that `from` and `to` could name as well, or it is refused. A key that no row of the listing can
//! have is refused, such as a time outside of the range.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::page::SortOrder;
use super::symbol_id::SymbolId;
use super::time::TimeRange;
use super::timeframe::Timeframe;
use super::{Candle, PriceBasis, Tick};

const VERSION: u8 = 2;
const TICKS: u8 = b't';
const CANDLES: u8 = b'c';
const SYMBOLS: u8 = b's';

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made by this library, cut off, or changed.
    #[error("the cursor is broken: pass next_cursor of the page before, unchanged")]
    Broken,
    /// Made by another version.
    #[error("the cursor has version {0}, this server knows {VERSION}: start again without one")]
    Version(u8),
    /// Made by a listing of something else.
    #[error(
        "the cursor belongs to another listing: \
         keep symbol, timeframe, basis, range and order while paging"
    )]
    Foreign,
}

/// The last tick of a page of ticks; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickCursor {
    /// Time of that tick.
    pub tick_time: DateTime<Utc>,
    /// Sequence of that tick.
    pub sequence: i32,
}

impl TickCursor {
    /// The place of `tick`.
    #[must_use]
    pub fn of(tick: &Tick) -> Self {
        Self {
            tick_time: tick.tick_time,
            sequence: tick.sequence,
        }
    }

    /// The text of this place in the listing of the ticks of `symbol_id` within `range` in `order`.
    #[must_use]
    pub fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String {
        let mut bytes = header(TICKS, symbol_id, range, order);
        bytes.extend(self.tick_time.timestamp_micros().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in that listing.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let rest = strip(&bytes, &header(TICKS, symbol_id, range, order))?;
        let (time, rest) = split::<8>(rest)?;
        let sequence = i32::from_be_bytes(whole(rest)?);
        if sequence < 0 {
            return Err(CursorError::Broken);
        }
        Ok(Self {
            tick_time: instant(time, range)?,
            sequence,
        })
    }
}

/// The last candle of a page of candles; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleCursor {
    /// Open time of that candle.
    pub open_time: DateTime<Utc>,
}

impl CandleCursor {
    /// The place of `candle`.
    #[must_use]
    pub fn of(candle: &Candle) -> Self {
        Self {
            open_time: candle.open_time,
        }
    }

    /// The text of this place in that listing.
    #[must_use]
    pub fn encode(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
        order: SortOrder,
    ) -> String {
        let mut bytes = candle_header(symbol_id, timeframe, basis, range, order);
        bytes.extend(self.open_time.timestamp_micros().to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in that listing.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(
        text: &str,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let rest = strip(
            &bytes,
            &candle_header(symbol_id, timeframe, basis, range, order),
        )?;
        let open_time = instant(whole(rest)?, range)?;
        if timeframe.bucket_start(open_time) != open_time {
            return Err(CursorError::Broken);
        }
        Ok(Self { open_time })
    }
}

/// The last symbol of a page of symbols; the next page starts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolCursor {
    /// Id of that symbol.
    pub symbol_id: SymbolId,
}

impl SymbolCursor {
    /// The text of this place in the listing of symbols.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION, SYMBOLS];
        bytes.extend(self.symbol_id.get().to_be_bytes());
        seal(bytes)
    }

    /// The place that `text` names in the listing of symbols.
    ///
    /// # Errors
    /// A text that is no cursor, of another version or of another listing.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let id = i64::from_be_bytes(whole(strip(&bytes, &[VERSION, SYMBOLS])?)?);
        if id < 1 {
            return Err(CursorError::Broken);
        }
        Ok(Self {
            symbol_id: SymbolId::new(id),
        })
    }
}

fn header(kind: u8, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> Vec<u8> {
    let mut bytes = vec![VERSION, kind, order as u8];
    bytes.extend(symbol_id.get().to_be_bytes());
    // a digest is enough: it guards against mistakes
    let mut digest = crc32fast::Hasher::new();
    for bound in [range.from(), range.to()] {
        digest.update(&bound.timestamp_micros().to_be_bytes());
    }
    bytes.extend(digest.finalize().to_be_bytes());
    bytes
}

fn candle_header(
    symbol_id: SymbolId,
    timeframe: Timeframe,
    basis: PriceBasis,
    range: TimeRange,
    order: SortOrder,
) -> Vec<u8> {
    let mut bytes = header(CANDLES, symbol_id, range, order);
    bytes.extend([timeframe as u8, basis as u8]);
    bytes
}

fn seal(mut bytes: Vec<u8>) -> String {
    let check = crc32fast::hash(&bytes);
    bytes.extend(check.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(text: &str) -> Result<Vec<u8>, CursorError> {
    let mut bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| CursorError::Broken)?;
    let check = bytes.split_off(bytes.len().saturating_sub(4));
    if check != crc32fast::hash(&bytes).to_be_bytes() {
        return Err(CursorError::Broken);
    }
    match bytes.first() {
        Some(&VERSION) => Ok(bytes),
        Some(&other) => Err(CursorError::Version(other)),
        None => Err(CursorError::Broken),
    }
}

fn strip<'a>(bytes: &'a [u8], header: &[u8]) -> Result<&'a [u8], CursorError> {
    bytes.strip_prefix(header).ok_or(CursorError::Foreign)
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), CursorError> {
    bytes
        .split_first_chunk::<N>()
        .map(|(head, rest)| (*head, rest))
        .ok_or(CursorError::Broken)
}

/// The bytes that are left, where they are so many.
fn whole<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CursorError> {
    bytes.try_into().map_err(|_| CursorError::Broken)
}

/// A time that a row of a listing of `range` can have.
fn instant(micros: [u8; 8], range: TimeRange) -> Result<DateTime<Utc>, CursorError> {
    DateTime::from_timestamp_micros(i64::from_be_bytes(micros))
        .filter(|time| range.contains(*time))
        .ok_or(CursorError::Broken)
}

#[cfg(test)]
mod tests;
