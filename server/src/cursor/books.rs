//! Cursor codecs of order books.

use chrono::{DateTime, Utc};
use tickbook::domain::{BookCursor, SortOrder, SymbolId, TimeRange};

use super::{
    CursorError, RangeCursorText, decode_place, encode_place, header, instant, open, possible,
    seal, strip, whole,
};

const SNAPSHOTS: u8 = b'b';
const INTERVALS: u8 = b'i';

/// Pages of one listing of snapshots may have different depths.
impl RangeCursorText for BookCursor {
    fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String {
        let header = header(SNAPSHOTS, symbol_id, range, order);
        encode_place(header, self.time, self.sequence)
    }

    fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let header = header(SNAPSHOTS, symbol_id, range, order);
        let (time, sequence) = decode_place(text, &header)?;
        let cursor = Self { time, sequence };
        possible(cursor, cursor.is_possible(range))
    }
}

/// The start of an interval. The listing has the intervals that overlap the range.
impl RangeCursorText for DateTime<Utc> {
    fn encode(&self, symbol_id: SymbolId, range: TimeRange, order: SortOrder) -> String {
        let mut bytes = header(INTERVALS, symbol_id, range, order);
        bytes.extend(self.timestamp_micros().to_be_bytes());
        seal(bytes)
    }

    fn decode(
        text: &str,
        symbol_id: SymbolId,
        range: TimeRange,
        order: SortOrder,
    ) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let header = header(INTERVALS, symbol_id, range, order);
        let start = instant(whole(strip(&bytes, &header)?)?)?;
        // an interval that overlaps the range may begin before it
        possible(
            start,
            TimeRange::all().contains(start) && start < range.end(),
        )
    }
}
