//! Named texts that describe a change or an event.

use std::collections::BTreeMap;

use tickbook::domain::excerpt;

/// The largest number of details of a change or an event.
pub const MAX_DETAILS: usize = 50;

/// The largest number of characters of a detail.
pub const MAX_DETAIL_CHARS: usize = 5_000;

/// Names with texts, such as the arguments of a change. At most 50 names of 1 to 100 printable characters; each text
/// has at most 5,000 characters without NUL.
pub type Details = BTreeMap<String, String>;

/// Details cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDetails {
    /// There are too many.
    #[error("{0} details: expected at most {MAX_DETAILS}")]
    TooMany(usize),
    /// A name is invalid.
    #[error("invalid name {} of a detail: expected 1 to 100 printable characters", excerpt(.0))]
    Name(String),
    /// A text is invalid.
    #[error("invalid detail {}: expected at most {MAX_DETAIL_CHARS} characters without NUL", excerpt(.0))]
    Text(String),
}

/// Checks the number, the names and the texts.
pub(super) fn check_details(details: &Details) -> Result<(), InvalidDetails> {
    if details.len() > MAX_DETAILS {
        return Err(InvalidDetails::TooMany(details.len()));
    }
    for (name, text) in details {
        if !is_plain(name, 1, 100) {
            return Err(InvalidDetails::Name(name.clone()));
        }
        if text.contains('\0') || text.chars().count() > MAX_DETAIL_CHARS {
            return Err(InvalidDetails::Text(name.clone()));
        }
    }
    Ok(())
}

/// Whether a text has this many characters and none of them is a control character.
pub(super) fn is_plain(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
