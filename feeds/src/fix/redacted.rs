//! Messages in a readable form, without passwords.

use std::borrow::Cow;
use std::fmt;

use super::SEPARATOR;
use super::builder::MessageBuilder;
use super::message::Message;
use super::tag::{self, Tag};

/// The fields whose values are never shown.
const SECRET: [Tag; 3] = [tag::PASSWORD, tag::NEW_PASSWORD, tag::RAW_DATA];

/// Writes a field. Bytes that cannot be printed are escaped.
pub(super) fn write_field(f: &mut fmt::Formatter<'_>, tag: Tag, value: &[u8]) -> fmt::Result {
    match SECRET.contains(&tag) {
        true => write!(f, "{tag}=***"),
        false => write!(f, "{tag}={}", value.escape_ascii()),
    }
}

/// Displays the bytes of a message with `|` as separator and without passwords, for logs and errors.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a [u8]);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.strip_suffix(&[SEPARATOR]).unwrap_or(self.0);
        for (at, field) in bytes.split(|byte| *byte == SEPARATOR).enumerate() {
            if at > 0 {
                f.write_str("|")?;
            }
            let equals = field.iter().position(|byte| *byte == b'=');
            let tag = equals.and_then(|at| super::value::unsigned(&field[..at]));
            let tag = tag.and_then(|tag| Tag::try_from(tag).ok());
            match equals.zip(tag) {
                Some((at, tag)) => write_field(f, tag, &field[at + 1..])?,
                None => write!(f, "{}", field.escape_ascii())?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The fields in which a venue writes to people.
const TEXTS: [Tag; 2] = [tag::TEXT, tag::ENCODED_TEXT];

/// Characters that a line of a recording, or a text of a database, cannot have.
const UNRECORDED: [char; 3] = ['\r', '\n', '\0'];

/// The text of a message for a recording, without passwords. `secret` is not shown in texts of the venue.
///
/// A message with a password, or with bytes that no line of text can have, is written again without them, with the
/// length and the checksum of what is left. It loses its raw data. Any other message is unchanged.
#[must_use]
pub fn recordable<'m>(message: &Message<'m>, secret: Option<&str>) -> Cow<'m, str> {
    let secret = secret.filter(|secret| !secret.is_empty());
    let is_told = |value: &[u8]| {
        let found = |secret: &str| {
            value
                .windows(secret.len())
                .any(|it| it == secret.as_bytes())
        };
        secret.is_some_and(found)
    };
    let is_secret = |(tag, value): (Tag, &[u8])| {
        SECRET.contains(&tag) || (TEXTS.contains(&tag) && is_told(value))
    };
    match std::str::from_utf8(message.bytes()) {
        Ok(text) if !text.contains(UNRECORDED) && !message.iter().any(is_secret) => {
            Cow::Borrowed(text)
        }
        _ => Cow::Owned(rewritten(message, secret)),
    }
}

fn rewritten(message: &Message<'_>, secret: Option<&str>) -> String {
    let msg_type = String::from_utf8_lossy(message.msg_type());
    let mut builder = MessageBuilder::new(&msg_type);
    let mut data = None;
    for (tag, value) in message.iter() {
        let is_framing = [
            tag::BEGIN_STRING,
            tag::BODY_LENGTH,
            tag::MSG_TYPE,
            tag::CHECK_SUM,
        ]
        .contains(&tag);
        let is_data = data.take() == Some(tag);
        data = tag::data_of(tag);
        if is_framing || is_data || data.is_some() {
            continue;
        }
        let mut text = String::from_utf8_lossy(value).replace(UNRECORDED, " ");
        if SECRET.contains(&tag) {
            "***".clone_into(&mut text);
        } else if let Some(secret) = secret.filter(|_| TEXTS.contains(&tag)) {
            text = text.replace(secret, "***");
        }
        builder = builder.fields(format!("{tag}={text}{}", char::from(SEPARATOR)).as_bytes());
    }
    // only an empty type cannot be written
    let bytes = builder.finish().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
