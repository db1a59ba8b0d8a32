//! Finds messages in a stream of bytes.

use super::SEPARATOR;
use super::error::Garbled;

/// The largest body of a message in bytes.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;

/// How every message begins.
const BEGIN: &[u8] = b"8=FIX";
/// The length of `10=000` with its separator.
const TRAILER: usize = 7;
/// The longest beginning of a message: `8=FIXT.1.1` and `9=` with 10 digits, each with a separator.
const MAX_PREFIX: usize = 32;

/// The finding at the beginning of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    /// A message with the right length and checksum, from its field 8 to the separator after its field 10.
    Message(&'a [u8]),
    /// Bytes that are not a message, and were skipped.
    Garbled(Garbled),
}

/// Splits chunks of any length into messages.
///
/// The buffer holds at most one message of [`MAX_MESSAGE_BYTES`] and the last chunk. After bytes that are not a
/// message the next one is searched for by its beginning.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// The beginning of what was not returned yet.
    start: usize,
    limit: usize,
}

/// The beginning of the buffer.
enum Scan {
    /// More bytes are needed.
    Incomplete,
    /// A message of this length.
    Message(usize),
    /// Bytes to skip.
    Garbled(usize, Garbled),
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            limit: MAX_MESSAGE_BYTES,
        }
    }

    /// Refuses messages whose body is longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(MAX_MESSAGE_BYTES);
        self
    }

    /// Discards all bytes.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
    }

    /// The number of bytes that wait for the rest of their message.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Appends bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.start > 0 && (self.start == self.buffer.len() || self.start > self.buffer.len() / 2)
        {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// The next message, or what was skipped; `None` until more bytes are pushed.
    pub fn next_message(&mut self) -> Option<Framed<'_>> {
        let begin = self.start;
        match scan(&self.buffer[begin..], self.limit) {
            Scan::Incomplete => None,
            Scan::Garbled(length, garbled) => {
                self.start += length;
                Some(Framed::Garbled(garbled))
            }
            Scan::Message(length) => {
                self.start += length;
                Some(Framed::Message(&self.buffer[begin..begin + length]))
            }
        }
    }
}

/// The position of the beginning of a message, or of a part of it at the end of the bytes.
fn beginning(bytes: &[u8]) -> usize {
    let is_beginning = |at: &usize| {
        let rest = &bytes[*at..];
        let length = rest.len().min(BEGIN.len());
        rest[..length] == BEGIN[..length]
    };
    let candidates = bytes.iter().enumerate();
    let mut candidates = candidates.filter_map(|(at, byte)| (*byte == b'8').then_some(at));
    candidates.find(is_beginning).unwrap_or(bytes.len())
}

/// Skips the beginning of a message, so that the search continues behind it.
fn skip(garbled: Garbled) -> Scan {
    Scan::Garbled(BEGIN.len(), garbled)
}

fn scan(bytes: &[u8], limit: usize) -> Scan {
    let garbage = beginning(bytes);
    if garbage > 0 {
        return Scan::Garbled(garbage, Garbled::Garbage(garbage));
    }
    let prefix = &bytes[..bytes.len().min(MAX_PREFIX)];
    let mut ends = prefix.iter().enumerate();
    let mut end = || ends.find_map(|(at, byte)| (*byte == SEPARATOR).then_some(at));
    let (Some(first), Some(second)) = (end(), end()) else {
        return match bytes.len() < MAX_PREFIX {
            true => Scan::Incomplete,
            false => skip(Garbled::BodyLength),
        };
    };
    let digits = prefix[first + 1..second].strip_prefix(b"9=");
    let length = digits.and_then(super::value::unsigned);
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
        return skip(Garbled::BodyLength);
    };
    if length > limit {
        return skip(Garbled::TooLong(length));
    }
    let body_end = second + 1 + length;
    let total = body_end + TRAILER;
    if bytes.len() < total {
        return Scan::Incomplete;
    }
    let (message, trailer) = bytes[..total].split_at(body_end);
    let Some(stated) = stated_checksum(trailer).filter(|_| message.ends_with(&[SEPARATOR])) else {
        return skip(Garbled::Trailer);
    };
    let computed = checksum(message);
    match computed == stated {
        true => Scan::Message(total),
        // the length was right, so the message as a whole is skipped
        false => Scan::Garbled(total, Garbled::CheckSum { stated, computed }),
    }
}

fn stated_checksum(trailer: &[u8]) -> Option<u16> {
    let digits = trailer.strip_prefix(b"10=")?;
    let digits = digits.strip_suffix(&[SEPARATOR])?;
    let value = super::value::unsigned(digits)?;
    u16::try_from(value).ok()
}

/// The sum of all bytes modulo 256.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    sum.into()
}
