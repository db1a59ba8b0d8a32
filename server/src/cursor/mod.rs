//! Cursor codec: opaque texts that name the key at which a listing continues.
//!
//! A cursor belongs to one listing: it encodes symbol, range, order and, for candles, timeframe and basis; for the
//! ledger, a checksum of all parameters. It also holds a version and a checksum. A cursor contains no secret, because it grants no access: a forged
//! cursor is either refused or names a place that `from` and `to` could name as well. A key that no row of
//! the listing can have, such as a time outside of the range, is refused.

mod books;
mod exchanges;
mod gaps;
mod ledger;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use tickbook::domain::{
    CandleCursor, PriceBasis, SortOrder, SymbolCursor, SymbolId, TickCursor, TimeRange, Timeframe,
    TradeCursor,
};
use tickbook::repository::CorrectionId;

pub use exchanges::ExchangeCursor;
pub use gaps::GapCursorText;
pub use ledger::{LedgerCursorText, LedgerList, LedgerListing};

const VERSION: u8 = 3;
const TICKS: u8 = b't';
const TRADES: u8 = b'x';
const CORRECTIONS: u8 = b'k';
const CANDLES: u8 = b'c';
const SYMBOLS: u8 = b's';

/// Why a text is not a valid cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// Not produced by this server, cut off, or changed.
    #[error("invalid cursor: pass next_cursor of the previous page unchanged")]
    Broken,
    /// Produced by another version.
    #[error(
        "the cursor has version {0}, this server supports {VERSION}: start again without a cursor"
    )]
    Version(u8),
    /// Produced by another listing.
    #[error("the cursor belongs to another listing: keep all other parameters while paging")]
    Foreign,
}

/// Cursor codec of ticks, trades, and snapshots and intervals of order books.
pub trait RangeCursorText: Sized {
    /// Encodes this position in the listing of the rows of `symbol_id` within `range` in `order`.
    fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String;

    /// Decodes a position in that listing.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError>;
}

impl RangeCursorText for TickCursor {
    fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String {
        let header = header(TICKS, symbol_id, range, order);
        encode_place(header, self.tick_time, self.sequence)
    }

    fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let header = header(TICKS, symbol_id, range, order);
        let (tick_time, sequence) = decode_place(text, &header)?;
        let cursor = Self {
            tick_time,
            sequence,
        };
        possible(cursor, cursor.is_possible(range))
    }
}

impl RangeCursorText for TradeCursor {
    fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String {
        let header = header(TRADES, symbol_id, range, order);
        encode_place(header, self.trade_time, self.sequence)
    }

    fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let header = header(TRADES, symbol_id, range, order);
        let (trade_time, sequence) = decode_place(text, &header)?;
        let cursor = Self {
            trade_time,
            sequence,
        };
        possible(cursor, cursor.is_possible(range))
    }
}

fn encode_place(mut header: Vec<u8>, time: DateTime<Utc>, sequence: i64) -> String {
    header.extend(time.timestamp_micros().to_be_bytes());
    header.extend(sequence.to_be_bytes());
    seal(header)
}

fn decode_place(text: &str, header: &[u8]) -> Result<(DateTime<Utc>, i64), CursorError> {
    let bytes = open(text)?;
    let (time, rest) = split::<8>(strip(&bytes, header)?)?;
    Ok((instant(time)?, i64::from_be_bytes(whole(rest)?)))
}

/// Cursor codec of candles.
pub trait CandleCursorText: Sized {
    /// Encodes this position in the listing of the candles of `symbol_id`, `timeframe` and `basis` within
    /// `range` in `order`.
    fn encode(
        &self,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
        order: SortOrder,
    ) -> String;

    /// Decodes a position in that listing.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(
        text: &str,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError>;
}

impl CandleCursorText for CandleCursor {
    fn encode(
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

    fn decode(
        text: &str,
        symbol_id: SymbolId,
        timeframe: Timeframe,
        basis: PriceBasis,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let header = candle_header(symbol_id, timeframe, basis, range, order);
        let cursor = Self {
            open_time: instant(whole(strip(&bytes, &header)?)?)?,
        };
        possible(cursor, cursor.is_possible(timeframe, range))
    }
}

/// Cursor codec of symbols.
pub trait SymbolCursorText: Sized {
    /// Encodes this position in the listing of symbols.
    fn encode(&self) -> String;

    /// Decodes a position in the listing of symbols.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(text: &str) -> Result<Self, CursorError>;
}

impl SymbolCursorText for SymbolCursor {
    fn encode(&self) -> String {
        let mut bytes = vec![VERSION, SYMBOLS];
        bytes.extend(self.symbol_id.get().to_be_bytes());
        seal(bytes)
    }

    fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let id = i64::from_be_bytes(whole(strip(&bytes, &[VERSION, SYMBOLS])?)?);
        let cursor = Self {
            symbol_id: SymbolId::new(id),
        };
        possible(cursor, cursor.is_possible())
    }
}

/// Cursor codec of corrections of trades.
pub trait CorrectionCursorText: Sized {
    /// Encodes this position in the listing of the corrections of `symbol_id` within `range`.
    fn encode(&self, symbol_id: SymbolId, range: TimeRange) -> String;

    /// Decodes a position in that listing.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(text: &str, symbol_id: SymbolId, range: TimeRange) -> Result<Self, CursorError>;
}

impl CorrectionCursorText for CorrectionId {
    fn encode(&self, symbol_id: SymbolId, range: TimeRange) -> String {
        let mut bytes = header(CORRECTIONS, symbol_id, range, SortOrder::Ascending);
        bytes.extend(self.get().to_be_bytes());
        seal(bytes)
    }

    fn decode(text: &str, symbol_id: SymbolId, range: TimeRange) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let header = header(CORRECTIONS, symbol_id, range, SortOrder::Ascending);
        let id = i64::from_be_bytes(whole(strip(&bytes, &header)?)?);
        possible(Self::new(id), id > 0)
    }
}

fn possible<C>(cursor: C, is_possible: bool) -> Result<C, CursorError> {
    is_possible.then_some(cursor).ok_or(CursorError::Broken)
}

fn header(kind: u8, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> Vec<u8> {
    let mut bytes = vec![VERSION, kind, order as u8];
    bytes.extend(symbol_id.get().to_be_bytes());
    // a checksum is enough: it only guards against mistakes
    let mut digest = crc32fast::Hasher::new();
    for bound in [range.start(), range.end()] {
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
    let timeframe = timeframe.as_str().as_bytes();
    // a name has at most six bytes; its length separates it from what follows
    bytes.extend([basis as u8, timeframe.len() as u8]);
    bytes.extend(timeframe);
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

/// The remaining bytes, if there are exactly `N`.
fn whole<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CursorError> {
    bytes.try_into().map_err(|_| CursorError::Broken)
}

fn instant(micros: [u8; 8]) -> Result<DateTime<Utc>, CursorError> {
    DateTime::from_timestamp_micros(i64::from_be_bytes(micros)).ok_or(CursorError::Broken)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
