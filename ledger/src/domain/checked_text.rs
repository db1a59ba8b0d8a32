//! Texts with a largest length.

use tickbook::domain::excerpt;

/// A text is too short, too long or not printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {field} {text}: expected {min} to {max} printable characters")]
#[non_exhaustive]
pub struct InvalidText {
    /// The field.
    pub field: &'static str,
    /// The text, quoted and cut to 40 characters.
    pub text: String,
    /// The smallest number of characters.
    pub min: usize,
    /// The largest number of characters.
    pub max: usize,
}

/// Checks that a text has `min` to `max` characters and no control characters.
pub(super) fn check_text(
    field: &'static str,
    text: &str,
    min: usize,
    max: usize,
) -> Result<(), InvalidText> {
    let has_length = (min..=max).contains(&text.chars().count());
    match has_length && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(InvalidText {
            field,
            text: excerpt(text),
            min,
            max,
        }),
    }
}
