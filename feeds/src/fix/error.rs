//! Errors of messages.

use super::message::MAX_FIELDS;
use super::tag::Tag;

/// Why bytes are not a message. They are skipped: the sequence numbers show that a message is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Garbled {
    /// Bytes before the beginning of a message. Holds their number.
    #[error("{0} bytes before the beginning of a message")]
    Garbage(usize),
    /// `BodyLength` is not the second field, or not a number.
    #[error("a message without a body length")]
    BodyLength,
    /// The message is longer than the limit. Holds the length of its body.
    #[error("a body of {0} bytes is longer than the limit")]
    TooLong(usize),
    /// There is no `CheckSum` where the body ends.
    #[error("no checksum after the stated length of the body")]
    Trailer,
    /// The checksum is that of other bytes.
    #[error("checksum {stated}, computed {computed}")]
    CheckSum {
        /// The checksum in the message.
        stated: u16,
        /// The checksum of the bytes.
        computed: u16,
    },
}

/// Why a message cannot be split into fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A field has no tag: a number without leading zeros, followed by `=`. Holds the position of the field.
    #[error("no tag at byte {0}")]
    Tag(usize),
    /// A field does not end with a separator. Holds its tag.
    #[error("field {0} does not end")]
    Unterminated(Tag),
    /// Raw data does not have the length that the field before states. Holds the tag of the data.
    #[error("data field {0} does not have the stated length")]
    DataLength(Tag),
    /// The message does not begin with `BeginString`, `BodyLength` and `MsgType`.
    #[error("the message does not begin with the fields 8, 9 and 35")]
    Header,
    /// The last field is not `CheckSum`.
    #[error("the message does not end with the field 10")]
    Trailer,
    /// The message has too many fields.
    #[error("more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// The message is longer than 4 GiB.
    #[error("message of {0} bytes")]
    TooLong(usize),
}

/// The fault of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// It is required, and absent.
    #[error("is missing")]
    Missing,
    /// Its value is empty.
    #[error("has no value")]
    Empty,
    /// Its value is of another form: a number of up to 18 digits, `Y` or `N`, a time or a text in UTF-8.
    #[error("has an invalid value")]
    Format,
    /// Its value is none of the allowed ones.
    #[error("has none of the allowed values")]
    Value,
    /// A repeating group has another number of entries than its count.
    #[error("counts {stated} entries of {found}")]
    Count {
        /// The count in the message.
        stated: u64,
        /// The number of entries.
        found: u64,
    },
    /// It occurs more than once.
    #[error("occurs more than once")]
    Repeated,
    /// It is a field of the header behind a field of the body.
    #[error("is out of order")]
    Order,
}

/// A field that is not as the message requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("field {tag} {fault}")]
#[non_exhaustive]
pub struct FieldError {
    /// The tag of the field.
    pub tag: Tag,
    /// What is wrong with it.
    pub fault: FieldFault,
}

impl FieldError {
    pub(crate) fn new(tag: Tag, fault: FieldFault) -> Self {
        Self { tag, fault }
    }
}

/// Why a message cannot be written. It does not contain the value, which may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value contains the separator. Holds the tag.
    #[error("the value of field {0} contains a separator")]
    Separator(Tag),
    /// A value is empty. Holds the tag.
    #[error("the value of field {0} is empty")]
    Empty(Tag),
}
