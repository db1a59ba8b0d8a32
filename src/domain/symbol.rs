//! Symbols, and references to symbols by name or id.

use std::fmt;
use std::str::FromStr;

use super::instrument::Instrument;
use super::invalid_symbol::{InvalidSymbol, check_name, check_symbol_name};
use super::setters::setters;
use super::symbol_id::SymbolId;

/// A tradable symbol of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Symbol {
    /// The id that ticks and candles refer to.
    pub symbol_id: SymbolId,
    /// The exchange, such as `oanda`: [`Exchange::name`](super::Exchange::name).
    pub exchange: String,
    /// The name, such as `EURUSD`; 1 to 100 printable characters without a space at either end, unique within
    /// the exchange without regard to case (`A` to `Z`).
    pub name: String,
    /// A description for people; may be empty.
    pub description: String,
    /// The number of decimal places in which its price is usually shown, 0 to 12.
    pub digits: i16,
    /// Whether it is still quoted. Ticks of an inactive symbol can still be read.
    pub active: bool,
    /// The instrument, if known.
    pub instrument: Option<Instrument>,
}

/// A symbol to create or to update.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NewSymbol {
    /// The id to use; `None` assigns the next free one.
    pub symbol_id: Option<SymbolId>,
    /// See [`Symbol::exchange`].
    pub exchange: String,
    /// See [`Symbol::name`].
    pub name: String,
    /// See [`Symbol::description`].
    pub description: String,
    /// See [`Symbol::digits`].
    pub digits: i16,
    /// See [`Symbol::active`].
    pub active: bool,
    /// See [`Symbol::instrument`].
    pub instrument: Option<Instrument>,
}

setters!(NewSymbol {
    set {
        /// Sets the number of decimal places in which its price is shown.
        digits: i16,
        /// Sets whether it is still quoted.
        active: bool,
    }
    into {
        /// Sets the id to use.
        symbol_id: Option<SymbolId>,
        /// Sets the description.
        description: String,
        /// Sets the instrument.
        instrument: Option<Instrument>,
    }
});

impl NewSymbol {
    /// An active symbol with five digits and no other details.
    #[must_use]
    pub fn named(exchange: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            symbol_id: None,
            exchange: exchange.into(),
            name: name.into(),
            description: String::new(),
            digits: 5,
            active: true,
            instrument: None,
        }
    }

    /// Checks the rules that every store applies to a symbol.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn validate(&self) -> Result<(), InvalidSymbol> {
        if let Some(id) = self.symbol_id
            && id.get() < 1
        {
            return Err(InvalidSymbol::Id(id));
        }
        check_name("exchange", &self.exchange)?;
        check_symbol_name(&self.name)?;
        if self.description.contains('\0') {
            return Err(InvalidSymbol::Description(self.description.clone()));
        }
        if !(0..=12).contains(&self.digits) {
            return Err(InvalidSymbol::Digits(self.digits));
        }
        match &self.instrument {
            Some(instrument) => instrument.validate(),
            None => Ok(()),
        }
    }

    /// Returns the symbol with the id `symbol_id`.
    #[must_use]
    pub fn into_symbol(self, symbol_id: SymbolId) -> Symbol {
        Symbol {
            symbol_id,
            exchange: self.exchange,
            name: self.name,
            description: self.description,
            digits: self.digits,
            active: self.active,
            instrument: self.instrument.map(Instrument::normalized),
        }
    }
}

/// A reference to a symbol as people write it: `EURUSD`, `oanda:EURUSD` if several exchanges quote it, or the
/// id.
///
/// The first colon ends the exchange, so a name that contains a colon needs its exchange: `deribit:BTC:28NOV`
/// is the symbol `BTC:28NOV` of `deribit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SymbolReference {
    /// The exchange, if given.
    pub exchange: Option<String>,
    /// The name.
    pub name: String,
}

impl SymbolReference {
    /// A reference to a name on any exchange.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            exchange: None,
            name: name.into(),
        }
    }

    /// A reference to a name on the given exchange.
    #[must_use]
    pub fn on(exchange: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            exchange: Some(exchange.into()),
            name: name.into(),
        }
    }

    /// The id, if the reference is a whole number without an exchange: `123` is an id, `oanda:123` is a name.
    #[must_use]
    pub fn id(&self) -> Option<SymbolId> {
        let is_number = self.exchange.is_none() && self.name.bytes().all(|it| it.is_ascii_digit());
        let id = self.name.parse().ok().filter(|_| is_number);
        id.map(SymbolId::new)
    }
}

impl FromStr for SymbolReference {
    type Err = InvalidSymbol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (exchange, name) = match text.split_once(':') {
            Some((exchange, name)) => {
                check_name("exchange", exchange)?;
                (Some(exchange.to_owned()), name)
            }
            None => (None, text),
        };
        check_symbol_name(name)?;
        Ok(Self {
            exchange,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for SymbolReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(exchange) = &self.exchange {
            write!(f, "{exchange}:")?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_of_digits_is_an_id() {
        let id = |text: &str| text.parse::<SymbolReference>().expect("valid").id();
        assert_eq!(id("123"), Some(SymbolId::new(123)));
        for name in ["oanda:123", "EURUSD", "123A", "-1", "99999999999999999999"] {
            assert_eq!(id(name), None, "{name}");
        }
    }

    #[test]
    fn reference_has_an_optional_exchange() {
        let bare: SymbolReference = "EURUSD".parse().expect("valid");
        assert_eq!(
            (bare.exchange.as_deref(), bare.to_string().as_str()),
            (None, "EURUSD")
        );
        let full: SymbolReference = "oanda:EURUSD".parse().expect("valid");
        assert_eq!(full.exchange.as_deref(), Some("oanda"));
        assert_eq!(full.to_string(), "oanda:EURUSD");
        let option: SymbolReference = "cme:ES:5000 C, 28 Nov".parse().expect("valid");
        assert_eq!(option, SymbolReference::on("cme", "ES:5000 C, 28 Nov"));
        for bad in [
            "",
            ":",
            "oanda:",
            ":EURUSD",
            "a b:c",
            " EURUSD",
            "EUR\tUSD",
            "oanda: EURUSD",
        ] {
            assert!(bad.parse::<SymbolReference>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn invalid_symbols_are_refused() {
        let good = NewSymbol::named("oanda", "EURUSD");
        assert_eq!(good.validate(), Ok(()));
        for name in ["", " x", "x ", "a\u{a0}b", "a\nb", "a\0b", &"é".repeat(101)] {
            let refused = InvalidSymbol::SymbolName(name.to_owned());
            assert_eq!(NewSymbol::named("oanda", name).validate(), Err(refused));
        }
        for name in ["BTC-28NOV25-100000-C", "a:b", "a, b", &"é".repeat(100)] {
            assert_eq!(NewSymbol::named("oanda", name).validate(), Ok(()), "{name}");
        }
        let zero = NewSymbol {
            symbol_id: Some(SymbolId::new(0)),
            ..good.clone()
        };
        assert!(matches!(zero.validate(), Err(InvalidSymbol::Id(_))));
        let digits = NewSymbol { digits: 13, ..good };
        assert!(matches!(digits.validate(), Err(InvalidSymbol::Digits(13))));
    }
}
