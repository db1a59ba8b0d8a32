//! Cursor codec of gaps of feeds.

use tickbook::domain::{FeedChannel, FeedGapKey, SortOrder, SymbolId, TimeRange};

use super::{CursorError, header, instant, open, possible, seal, split, strip, whole};

const GAPS: u8 = b'g';

/// Cursor codec of the gaps of a feed.
pub trait GapCursorText: Sized {
    /// Encodes this position in the listing of the gaps of its feed within `range`.
    fn encode(&self, range: TimeRange) -> String;

    /// Decodes a position in the listing of the gaps of `feed` within `range`.
    ///
    /// # Errors
    /// The text is not a cursor, or belongs to another version or another listing.
    fn decode(text: &str, feed: &str, range: TimeRange) -> Result<Self, CursorError>;
}

/// A checksum of the feed takes the place of the symbol, of which a listing may have several.
fn gap_header(feed: &str, range: TimeRange) -> Vec<u8> {
    let feed = SymbolId::new(crc32fast::hash(feed.as_bytes()).into());
    header(GAPS, feed, range, SortOrder::Ascending)
}

impl GapCursorText for FeedGapKey {
    fn encode(&self, range: TimeRange) -> String {
        let mut bytes = gap_header(&self.feed, range);
        bytes.extend(self.from.timestamp_micros().to_be_bytes());
        bytes.extend(self.symbol_id.get().to_be_bytes());
        bytes.push(self.channel as u8);
        seal(bytes)
    }

    fn decode(text: &str, feed: &str, range: TimeRange) -> Result<Self, CursorError> {
        let bytes = open(text)?;
        let rest = strip(&bytes, &gap_header(feed, range))?;
        let (from, rest) = split::<8>(rest)?;
        let (symbol_id, rest) = split::<8>(rest)?;
        let [channel] = whole(rest)?;
        let from = instant(from)?;
        let symbol_id = SymbolId::new(i64::from_be_bytes(symbol_id));
        let mut channels = FeedChannel::ALL.iter().copied();
        let channel = channels.find(|known| *known as u8 == channel);
        let channel = channel.ok_or(CursorError::Broken)?;
        let is_possible = range.contains(from) && symbol_id.get() > 0;
        possible(Self::new(from, feed, symbol_id, channel), is_possible)
    }
}
