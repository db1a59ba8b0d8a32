//! Writes messages.

use std::fmt;
use std::io::Write as _;

use super::error::EncodeError;
use super::framer::checksum;
use super::redacted::Redacted;
use super::tag::{self, Tag};
use super::{BEGIN_STRING, SEPARATOR};

/// The fields of a message from `MsgType` on. [`finish`](Self::finish) adds what precedes and follows them.
///
/// # Examples
/// ```
/// use tickbook_feeds::fix::{MessageBuilder, Redacted, tag};
///
/// let message = MessageBuilder::new("A").field(tag::MSG_SEQ_NUM, 1).field(tag::PASSWORD, "secret").finish()?;
/// assert_eq!(Redacted(&message).to_string(), "8=FIX.4.4|9=21|35=A|34=1|554=***|10=026");
/// # Ok::<(), tickbook_feeds::fix::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct MessageBuilder {
    fields: Vec<u8>,
    error: Option<EncodeError>,
}

impl MessageBuilder {
    /// A message with only its type.
    #[must_use]
    pub fn new(msg_type: &str) -> Self {
        let builder = Self {
            fields: Vec::with_capacity(256),
            error: None,
        };
        builder.field(tag::MSG_TYPE, msg_type)
    }

    /// Adds a field.
    #[must_use]
    pub fn field(self, tag: Tag, value: impl fmt::Display) -> Self {
        self.add(tag, |bytes| write!(bytes, "{value}"))
    }

    /// Adds a field whose value may be no text.
    #[must_use]
    pub fn bytes(self, tag: Tag, value: &[u8]) -> Self {
        self.add(tag, |bytes| bytes.write_all(value))
    }

    /// Adds fields that have separators already, such as those of [`body`](Self::body).
    #[must_use]
    pub fn fields(mut self, fields: &[u8]) -> Self {
        self.fields.extend_from_slice(fields);
        self
    }

    fn add(mut self, tag: Tag, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Self {
        // a vector accepts every write
        let _ = write!(self.fields, "{tag}=");
        let start = self.fields.len();
        let _ = write(&mut self.fields);
        let value = &self.fields[start..];
        let error = match value {
            [] => Some(EncodeError::Empty(tag)),
            _ if value.contains(&SEPARATOR) => Some(EncodeError::Separator(tag)),
            _ => None,
        };
        self.error = self.error.or(error);
        self.fields.push(SEPARATOR);
        self
    }

    /// The fields from `MsgType` on, with their separators.
    ///
    /// # Errors
    /// A value that is empty or contains the separator.
    pub fn body(self) -> Result<Vec<u8>, EncodeError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.fields),
        }
    }

    /// The whole message, with `BeginString`, `BodyLength` and `CheckSum`.
    ///
    /// # Errors
    /// A value that is empty or contains the separator.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        let fields = self.body()?;
        let separator = char::from(SEPARATOR);
        let begin = format!("8={BEGIN_STRING}{separator}9={}{separator}", fields.len());
        let mut message = begin.into_bytes();
        message.extend_from_slice(&fields);
        let sum = checksum(&message);
        let _ = write!(message, "10={sum:03}{separator}");
        Ok(message)
    }
}

/// The fields in a readable form, without secret values.
impl fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Redacted(&self.fields).fmt(f)
    }
}
