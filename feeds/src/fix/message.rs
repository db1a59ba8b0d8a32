//! A message as a list of fields.

use std::ops::Deref;

use super::SEPARATOR;
use super::error::DecodeError;
use super::fields::{Fields, Span};
use super::tag::{self, Tag};

/// The largest number of fields of a message.
pub const MAX_FIELDS: usize = 1_000_000;

/// Splits messages into fields. It keeps its memory, so that a message allocates nothing.
#[derive(Debug, Default)]
pub struct Decoder {
    spans: Vec<Span>,
}

/// The fields of a message, in their order. It borrows from the bytes and from the decoder.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    bytes: &'m [u8],
    fields: Fields<'m>,
}

impl Decoder {
    /// A decoder without memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Splits a message that [`Framer`](super::Framer) found. Length and checksum are not checked again.
    ///
    /// # Errors
    /// Bytes that are not fields, and a message without the first three fields or the last one.
    pub fn decode<'m>(&'m mut self, bytes: &'m [u8]) -> Result<Message<'m>, DecodeError> {
        split(bytes, &mut self.spans)?;
        let tags = |at: usize| self.spans.get(at).map(|span| span.tag);
        if [tags(0), tags(1), tags(2)]
            != [tag::BEGIN_STRING, tag::BODY_LENGTH, tag::MSG_TYPE].map(Some)
        {
            return Err(DecodeError::Header);
        }
        if self.spans.last().map(|span| span.tag) != Some(tag::CHECK_SUM) {
            return Err(DecodeError::Trailer);
        }
        let fields = Fields::new(bytes, &self.spans);
        Ok(Message { bytes, fields })
    }
}

impl<'m> Message<'m> {
    /// The bytes of the message.
    #[must_use]
    pub fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// The type, such as `W`.
    #[must_use]
    pub fn msg_type(&self) -> &'m [u8] {
        self.fields.get(tag::MSG_TYPE).unwrap_or_default()
    }
}

impl<'m> Deref for Message<'m> {
    type Target = Fields<'m>;

    fn deref(&self) -> &Fields<'m> {
        &self.fields
    }
}

fn split(bytes: &[u8], spans: &mut Vec<Span>) -> Result<(), DecodeError> {
    spans.clear();
    if u32::try_from(bytes.len()).is_err() {
        return Err(DecodeError::TooLong(bytes.len()));
    }
    let mut at = 0;
    // the tag and the length of the raw data that the last field announced
    let mut data: Option<(Tag, usize)> = None;
    while at < bytes.len() {
        if spans.len() == MAX_FIELDS {
            return Err(DecodeError::TooManyFields);
        }
        let (tag, start) = read_tag(bytes, at)?;
        let length = match data.take() {
            Some((data_tag, length)) if data_tag == tag => {
                let separator = start.checked_add(length).and_then(|end| bytes.get(end));
                match separator == Some(&SEPARATOR) {
                    true => length,
                    false => return Err(DecodeError::DataLength(tag)),
                }
            }
            _ => {
                let mut value = bytes[start..].iter();
                let length = value.position(|byte| *byte == SEPARATOR);
                length.ok_or(DecodeError::Unterminated(tag))?
            }
        };
        let end = start + length;
        if let Some(data_tag) = tag::data_of(tag) {
            let length = super::value::unsigned(&bytes[start..end]);
            let length = length.and_then(|length| usize::try_from(length).ok());
            data = length.map(|length| (data_tag, length));
        }
        spans.push(Span::new(tag, start, end));
        at = end + 1;
    }
    Ok(())
}

/// The tag at `at`, and the position of its value.
fn read_tag(bytes: &[u8], at: usize) -> Result<(Tag, usize), DecodeError> {
    let mut tag: Tag = 0;
    for (length, byte) in bytes[at..].iter().enumerate() {
        match byte {
            b'0' if length == 0 => break,
            b'0'..=b'9' if length < 9 => tag = tag * 10 + Tag::from(byte - b'0'),
            b'=' if length > 0 => return Ok((tag, at + length + 1)),
            _ => break,
        }
    }
    Err(DecodeError::Tag(at))
}
