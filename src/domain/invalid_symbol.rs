//! Validation of the names and numbers of a symbol.

use rust_decimal::Decimal;

use super::decimal::DecimalError;
use super::excerpt::excerpt;
use super::symbol_id::SymbolId;

/// The largest length of a name, in characters.
const NAME_LENGTH: usize = 50;

/// The largest length of a symbol's name, in characters.
const SYMBOL_NAME_LENGTH: usize = 100;

/// Why a symbol is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSymbol {
    /// The id is below 1.
    #[error("invalid symbol_id {0}: expected 1 or more; omit it to assign one")]
    Id(SymbolId),
    /// A name is empty, is too long, or contains a separator of names.
    #[error(
        "invalid {field} {}: expected 1 to 50 characters without spaces, colons and commas",
        excerpt(text)
    )]
    Name {
        /// The field.
        field: &'static str,
        /// The invalid text.
        text: String,
    },
    /// Another symbol of the exchange has a name that differs only in case.
    #[error(
        "{} differs from {taker} only in case: use that name, or choose another one",
        excerpt(name)
    )]
    NameTaken {
        /// The given name.
        name: String,
        /// Exchange, name and id of the other symbol.
        taker: String,
    },
    /// A symbol's name is empty, is too long, or contains unprintable characters.
    #[error(
        "invalid symbol name {}: expected 1 to 100 printable characters, no space at either end",
        excerpt(.0)
    )]
    SymbolName(String),
    /// The digits are not from 0 to 12.
    #[error("invalid digits {0}: expected 0 to 12")]
    Digits(i16),
    /// The description contains a NUL character, which PostgreSQL cannot store.
    #[error("description {} contains a NUL character: remove it", excerpt(.0))]
    Description(String),
    /// The symbol has an incomplete instrument: this required field is neither given nor stored.
    #[error("{0} is missing: a symbol without an instrument requires it")]
    Missing(&'static str),
    /// A number cannot be stored exactly.
    #[error("{field} {source}")]
    Number {
        /// The field.
        field: &'static str,
        /// The reason.
        source: DecimalError,
    },
    /// A size is zero or negative.
    #[error("{field} {value} is not positive: use a positive number")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// The value.
        value: Decimal,
    },
}

pub(super) fn check_name(field: &'static str, text: &str) -> Result<(), InvalidSymbol> {
    let allowed = |c: char| !c.is_control() && !c.is_whitespace() && c != ':' && c != ',';
    let length = text.chars().count();
    if length == 0 || length > NAME_LENGTH || !text.chars().all(allowed) {
        return Err(InvalidSymbol::Name {
            field,
            text: text.to_owned(),
        });
    }
    Ok(())
}

/// Checks the name of a symbol. It may contain colons, commas and spaces, which venues use in names of
/// options and futures.
pub(super) fn check_symbol_name(name: &str) -> Result<(), InvalidSymbol> {
    let allowed = |c: char| !c.is_control() && (c == ' ' || !c.is_whitespace());
    let fits = (1..=SYMBOL_NAME_LENGTH).contains(&name.chars().count());
    if fits && name.chars().all(allowed) && name.trim_matches(' ') == name {
        return Ok(());
    }
    Err(InvalidSymbol::SymbolName(name.to_owned()))
}

/// Folds a name of a symbol or exchange for comparison: `text` with `A` to `Z` in lower case. All other
/// characters are unchanged, so every server and program compares names in the same way.
#[must_use]
pub fn folded_name(text: &str) -> String {
    text.to_ascii_lowercase()
}
