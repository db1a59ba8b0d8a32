//! The symbols of a message: ids and names, or `"all"`.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tickbook::domain::{SymbolId, SymbolReference, excerpt};

use super::{SYMBOLS, Symbols};

/// The symbols as received; reading stops at the maximum.
pub(super) enum RawSymbols {
    Some(Vec<RawSymbol>),
    All,
}

/// An id or a name.
pub(super) enum RawSymbol {
    Id(i64),
    Name(String),
}

impl Default for RawSymbols {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl RawSymbols {
    /// Checks the ids and the names.
    ///
    /// # Errors
    /// There is none, or one is invalid.
    pub(super) fn checked(self) -> Result<Symbols, String> {
        let Self::Some(given) = self else {
            return Ok(Symbols::All);
        };
        if given.is_empty() {
            let reason = r#"symbols is missing or empty: give ids or names, as in [1, "oanda:EURUSD"], or "all""#;
            return Err(reason.to_owned());
        }
        let mut references = Vec::new();
        for symbol in given {
            let reference = match symbol {
                RawSymbol::Id(id) if id < 1 => {
                    return Err(format!(
                        "symbols: invalid id {id}: expected positive integers"
                    ));
                }
                RawSymbol::Id(id) => SymbolReference::named(id.to_string()),
                RawSymbol::Name(name) => name
                    .parse::<SymbolReference>()
                    .map_err(|error| format!("symbols: {error}"))?,
            };
            references.push(reference);
        }
        let ids: Option<Vec<SymbolId>> = references.iter().map(SymbolReference::id).collect();
        Ok(ids.map_or(Symbols::Named(references), Symbols::Ids))
    }
}

impl<'de> Deserialize<'de> for RawSymbols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SymbolsVisitor)
    }
}

struct SymbolsVisitor;

impl<'de> Visitor<'de> for SymbolsVisitor {
    type Value = RawSymbols;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of symbol ids and names, or \"all\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawSymbols, E> {
        if text == "all" {
            return Ok(RawSymbols::All);
        }
        let shown = excerpt(text);
        Err(E::custom(format_args!(
            "symbols is {shown}: expected an array or \"all\""
        )))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<RawSymbols, A::Error> {
        let mut symbols = Vec::new();
        while let Some(symbol) = array.next_element()? {
            if symbols.len() == SYMBOLS {
                return Err(A::Error::custom(format_args!(
                    "symbols has more than {SYMBOLS} ids: send at most {SYMBOLS} in a message"
                )));
            }
            symbols.push(symbol);
        }
        Ok(RawSymbols::Some(symbols))
    }
}

impl<'de> Deserialize<'de> for RawSymbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SymbolVisitor)
    }
}

struct SymbolVisitor;

impl Visitor<'_> for SymbolVisitor {
    type Value = RawSymbol;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol id or name")
    }

    fn visit_i64<E>(self, id: i64) -> Result<RawSymbol, E> {
        Ok(RawSymbol::Id(id))
    }

    fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<RawSymbol, E> {
        let id = i64::try_from(id)
            .map_err(|_| E::custom(format_args!("symbols: invalid id {id}: it is too large")))?;
        Ok(RawSymbol::Id(id))
    }

    fn visit_str<E>(self, name: &str) -> Result<RawSymbol, E> {
        Ok(RawSymbol::Name(name.to_owned()))
    }
}
