//! Partial descriptions of symbols from a source, and their merge with stored symbols.

mod change;
mod stating;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::instrument::{Instrument, InstrumentType};
use super::invalid_symbol::InvalidSymbol;
use super::symbol::{NewSymbol, Symbol};
use super::symbol_id::SymbolId;

pub use change::SymbolChange;

/// A partial description of an instrument; `None` for fields that are not given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct InstrumentFacts {
    /// See [`Instrument::instrument_type`].
    pub instrument_type: Option<InstrumentType>,
    /// See [`Instrument::base_currency`].
    pub base_currency: Option<String>,
    /// See [`Instrument::quote_currency`].
    pub quote_currency: Option<String>,
    /// See [`Instrument::tick_size`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub tick_size: Option<Decimal>,
    /// See [`Instrument::lot_size`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub lot_size: Option<Decimal>,
    /// See [`Instrument::contract_multiplier`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub contract_multiplier: Option<Decimal>,
    /// See [`Instrument::expiry`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_date", default)
    )]
    pub expiry: Option<NaiveDate>,
    /// See [`Instrument::strike`].
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub strike: Option<Decimal>,
}

/// A partial description of a symbol; `None` for fields that are not given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SymbolFacts {
    /// See [`Symbol::description`].
    pub description: Option<String>,
    /// See [`Symbol::digits`].
    pub digits: Option<i16>,
    /// See [`Symbol::active`].
    pub active: Option<bool>,
    /// See [`Symbol::instrument`].
    #[cfg_attr(feature = "serde", serde(default))]
    pub instrument: InstrumentFacts,
}

/// A symbol's name and its partial description from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StatedSymbol {
    /// See [`Symbol::exchange`].
    pub exchange: String,
    /// See [`Symbol::name`].
    pub name: String,
    /// The description.
    #[cfg_attr(feature = "serde", serde(default))]
    pub facts: SymbolFacts,
}

/// The old and new value of a field of a symbol, as texts; `None` for an unknown value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FieldChange {
    /// The name of the field, as in the database.
    pub field: &'static str,
    /// The stored value.
    pub old: Option<String>,
    /// The given value.
    pub new: Option<String>,
}

/// A symbol after a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MergedSymbol {
    /// The symbol as it is stored now.
    pub symbol: Symbol,
    /// Whether it was created.
    pub created: bool,
    /// The changes of an existing symbol.
    pub changed: Vec<FieldChange>,
    /// Given values that were not stored, because another value is stored.
    pub kept: Vec<FieldChange>,
}

impl InstrumentFacts {
    fn of(instrument: Option<&Instrument>) -> Self {
        let Some(instrument) = instrument.cloned() else {
            return Self::default();
        };
        Self {
            instrument_type: Some(instrument.instrument_type),
            base_currency: instrument.base_currency,
            quote_currency: Some(instrument.quote_currency),
            tick_size: Some(instrument.tick_size),
            lot_size: Some(instrument.lot_size),
            contract_multiplier: Some(instrument.contract_multiplier),
            expiry: instrument.expiry,
            strike: instrument.strike,
        }
    }

    /// Converts the description into an instrument; `None` if no field is given.
    fn into_instrument(self) -> Result<Option<Instrument>, InvalidSymbol> {
        if self == Self::default() {
            return Ok(None);
        }
        let missing = InvalidSymbol::Missing;
        Ok(Some(Instrument {
            instrument_type: self.instrument_type.ok_or(missing("instrument_type"))?,
            base_currency: self.base_currency,
            quote_currency: self.quote_currency.ok_or(missing("quote_currency"))?,
            tick_size: self.tick_size.ok_or(missing("tick_size"))?,
            lot_size: self.lot_size.ok_or(missing("lot_size"))?,
            contract_multiplier: (self.contract_multiplier)
                .ok_or(missing("contract_multiplier"))?,
            expiry: self.expiry,
            strike: self.strike,
        }))
    }
}

impl StatedSymbol {
    /// A symbol with a name and an empty description.
    #[must_use]
    pub fn named(exchange: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            exchange: exchange.into(),
            name: name.into(),
            facts: SymbolFacts::default(),
        }
    }

    /// Checks the given fields only.
    ///
    /// # Errors
    /// Everything that [`NewSymbol::validate`] refuses.
    pub fn validate(&self) -> Result<(), InvalidSymbol> {
        let instrument = Instrument {
            instrument_type: InstrumentType::Cfd,
            base_currency: None,
            quote_currency: "USD".to_owned(),
            tick_size: Decimal::ONE,
            lot_size: Decimal::ONE,
            contract_multiplier: Decimal::ONE,
            expiry: None,
            strike: None,
        };
        let whole = NewSymbol {
            instrument: Some(instrument),
            ..NewSymbol::named(self.exchange.as_str(), self.name.as_str())
        };
        let whole = whole.into_symbol(SymbolId::new(1));
        whole.merged(&self.facts, true).map(|_| ())
    }

    /// Converts the description into a new symbol. Fields that are not given are as in [`NewSymbol::named`].
    ///
    /// # Errors
    /// Everything that [`NewSymbol::validate`] refuses, and an incomplete instrument.
    pub fn into_new(self) -> Result<NewSymbol, InvalidSymbol> {
        let named = NewSymbol::named(self.exchange, self.name);
        let facts = self.facts;
        let new = NewSymbol {
            description: facts.description.unwrap_or_default(),
            digits: facts.digits.unwrap_or(named.digits),
            active: facts.active.unwrap_or(true),
            instrument: facts.instrument.into_instrument()?,
            ..named
        };
        new.validate()?;
        Ok(new)
    }
}

impl Symbol {
    /// Merges `facts` into this symbol.
    ///
    /// A given value replaces an unknown one: an empty description, an absent instrument or field of an
    /// instrument, and the digits of a symbol without an instrument. If a known value differs from the given
    /// one, `overwrite` decides: if true, the given value replaces it, otherwise the known value remains.
    /// Fields that are not given never change.
    ///
    /// # Errors
    /// Everything that [`NewSymbol::validate`] refuses, and an incomplete instrument.
    pub fn merged(
        &self,
        facts: &SymbolFacts,
        overwrite: bool,
    ) -> Result<MergedSymbol, InvalidSymbol> {
        let mut merge = Merge {
            overwrite,
            changed: Vec::new(),
            kept: Vec::new(),
        };
        let text = |text: &String| text.clone();
        let known = Some(self.description.clone()).filter(|known| !known.is_empty());
        let description = merge.field("description", known, &facts.description, text);
        let digits = match (&self.instrument, facts.digits) {
            (None, Some(stated)) if stated != self.digits => {
                let (old, new) = (Some(self.digits.to_string()), Some(stated.to_string()));
                let field = "digits";
                merge.changed.push(FieldChange { field, old, new });
                Some(stated)
            }
            _ => merge.field("digits", Some(self.digits), &facts.digits, i16::to_string),
        };
        let active = merge.field("active", Some(self.active), &facts.active, bool::to_string);
        let (old, new) = (
            InstrumentFacts::of(self.instrument.as_ref()),
            &facts.instrument,
        );
        let number = |number: &Decimal| number.normalize().to_string();
        let kind = InstrumentType::to_string;
        let mut number_of = |field, old, new| merge.field(field, old, new, number);
        let numbers = [
            number_of("tick_size", old.tick_size, &new.tick_size),
            number_of("lot_size", old.lot_size, &new.lot_size),
            number_of(
                "contract_multiplier",
                old.contract_multiplier,
                &new.contract_multiplier,
            ),
            number_of("strike", old.strike, &new.strike),
        ];
        let [tick_size, lot_size, contract_multiplier, strike] = numbers;
        let instrument = InstrumentFacts {
            instrument_type: merge.field(
                "instrument_type",
                old.instrument_type,
                &new.instrument_type,
                kind,
            ),
            base_currency: merge.field(
                "base_currency",
                old.base_currency,
                &new.base_currency,
                text,
            ),
            quote_currency: merge.field(
                "quote_currency",
                old.quote_currency,
                &new.quote_currency,
                text,
            ),
            tick_size,
            lot_size,
            contract_multiplier,
            expiry: merge.field("expiry", old.expiry, &new.expiry, NaiveDate::to_string),
            strike,
        };
        let symbol = NewSymbol {
            symbol_id: Some(self.symbol_id),
            exchange: self.exchange.clone(),
            name: self.name.clone(),
            description: description.unwrap_or_default(),
            digits: digits.unwrap_or(self.digits),
            active: active.unwrap_or(self.active),
            instrument: instrument.into_instrument()?,
        };
        symbol.validate()?;
        Ok(MergedSymbol {
            symbol: symbol.into_symbol(self.symbol_id),
            created: false,
            changed: merge.changed,
            kept: merge.kept,
        })
    }

    /// Returns this symbol with another name, and on another exchange if one is given.
    ///
    /// # Errors
    /// An invalid name.
    pub fn renamed(
        &self,
        exchange: Option<&str>,
        name: &str,
    ) -> Result<MergedSymbol, InvalidSymbol> {
        let exchange = exchange.unwrap_or(&self.exchange);
        NewSymbol::named(exchange, name).validate()?;
        let changes = [
            ("exchange", self.exchange.as_str(), exchange),
            ("name", self.name.as_str(), name),
        ];
        let changes = changes.into_iter().filter(|(_, old, new)| old != new);
        Ok(MergedSymbol {
            symbol: Self {
                exchange: exchange.to_owned(),
                name: name.to_owned(),
                ..self.clone()
            },
            created: false,
            changed: changes
                .map(|(field, old, new)| FieldChange {
                    field,
                    old: Some(old.to_owned()),
                    new: Some(new.to_owned()),
                })
                .collect(),
            kept: Vec::new(),
        })
    }
}

impl MergedSymbol {
    /// The merge result for a symbol that was created.
    #[must_use]
    pub fn created(symbol: NewSymbol, symbol_id: SymbolId) -> Self {
        Self {
            symbol: symbol.into_symbol(symbol_id),
            created: true,
            changed: Vec::new(),
            kept: Vec::new(),
        }
    }
}

struct Merge {
    overwrite: bool,
    changed: Vec<FieldChange>,
    kept: Vec<FieldChange>,
}

impl Merge {
    /// Merges one field, records the change, and returns the resulting value.
    fn field<T: Clone + PartialEq>(
        &mut self,
        field: &'static str,
        known: Option<T>,
        stated: &Option<T>,
        text: impl Fn(&T) -> String,
    ) -> Option<T> {
        if stated.is_none() || known == *stated {
            return known;
        }
        let change = FieldChange {
            field,
            old: known.as_ref().map(&text),
            new: stated.as_ref().map(&text),
        };
        if known.is_some() && !self.overwrite {
            self.kept.push(change);
            return known;
        }
        self.changed.push(change);
        stated.clone()
    }
}

#[cfg(test)]
mod tests;
