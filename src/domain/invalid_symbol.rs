//! Which names and numbers a symbol may not have.

use rust_decimal::Decimal;

use super::decimal::DecimalError;
use super::excerpt::excerpt;
use super::symbol_id::SymbolId;

/// Longest name, in characters.
const NAME_LENGTH: usize = 50;

/// Longest name of a symbol, in characters.
const SYMBOL_NAME_LENGTH: usize = 100;

/// Why a symbol can be stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSymbol {
    /// The number is below 1.
    #[error("symbol_id {0} is not positive: use 1 or more, or leave it out")]
    Id(SymbolId),
    /// A name is empty, too long, or holds what separates names.
    #[error(
        "{field} {} must have 1 to 50 characters without spaces, colons and commas: \
         rename it",
        excerpt(text)
    )]
    Name {
        /// Which name.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A symbol of that exchange has a name that differs in the case of letters alone.
    #[error(
        "{} differs from {taker} in the case of letters alone: use that name, or rename it",
        excerpt(name)
    )]
    NameTaken {
        /// The name that was given.
        name: String,
        /// Exchange, name and id of the symbol that has it.
        taker: String,
    },
    /// A symbol's name is empty, too long, or has other characters than printable ones.
    #[error(
        "invalid symbol name {}: expected 1 to 100 printable characters, no space at either end",
        excerpt(.0)
    )]
    SymbolName(String),
    /// The digits are not 0 to 12.
    #[error("digits {0} is out of range: use 0 to 12")]
    Digits(i16),
    /// The description holds the one character that PostgreSQL does not keep.
    #[error("description {} holds a NUL character: remove it", excerpt(.0))]
    Description(String),
    /// A part of an instrument is stated, and this part is neither stated nor known.
    #[error("{0} is missing, and nothing is known of the instrument: state it")]
    Missing(&'static str),
    /// A number cannot be kept exactly.
    #[error("{field} {source}")]
    Number {
        /// Which number.
        field: &'static str,
        /// Why.
        source: DecimalError,
    },
    /// A size is zero or negative.
    #[error("{field} {value} is not positive: use a positive number")]
    NotPositive {
        /// Which size.
        field: &'static str,
        /// The size.
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

/// Checks the name of a symbol, which may hold colons, commas and spaces: venues name options and
/// futures with them.
pub(super) fn check_symbol_name(name: &str) -> Result<(), InvalidSymbol> {
    let allowed = |c: char| !c.is_control() && (c == ' ' || !c.is_whitespace());
    let fits = (1..=SYMBOL_NAME_LENGTH).contains(&name.chars().count());
    if fits && name.chars().all(allowed) && name.trim_matches(' ') == name {
        return Ok(());
    }
    Err(InvalidSymbol::SymbolName(name.to_owned()))
}

/// What names of symbols and exchanges are compared by: `text` with `A` to `Z` in lower case. All other
/// characters stay as they are, so that every server and program compares in the same way.
#[must_use]
pub fn folded_name(text: &str) -> String {
    text.to_ascii_lowercase()
}
