//! Exchanges and symbols that are stored together, and their merge with stored ones.

mod seed;

use super::exchange::{Exchange, ExchangeFacts, InvalidExchange};
use super::exchange_session::session_texts;
use super::invalid_symbol::InvalidSymbol;
use super::symbol_facts::{FieldChange, MergedSymbol, StatedSymbol};

/// Exchanges with their sessions, and partial descriptions of symbols.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReferenceData {
    /// The exchanges; a field without a value is not given.
    pub exchanges: Vec<Exchange>,
    /// The symbols, of these or of other exchanges.
    pub symbols: Vec<StatedSymbol>,
}

/// An exchange after a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MergedExchange {
    /// The exchange as it is stored now.
    pub exchange: Exchange,
    /// Whether it was created.
    pub created: bool,
    /// The changes of an existing exchange.
    pub changed: Vec<FieldChange>,
    /// Given values that were not stored, because another value is stored.
    pub kept: Vec<FieldChange>,
}

/// Reference data after a merge, in the given order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MergedReferenceData {
    /// The exchanges.
    pub exchanges: Vec<MergedExchange>,
    /// The symbols, or why a symbol was refused.
    pub symbols: Vec<Result<MergedSymbol, InvalidSymbol>>,
}

impl ReferenceData {
    /// Reference data of the given exchanges and symbols.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>, symbols: Vec<StatedSymbol>) -> Self {
        Self { exchanges, symbols }
    }
}

impl MergedReferenceData {
    /// The merge result of these exchanges and symbols.
    #[must_use]
    pub fn new(
        exchanges: Vec<MergedExchange>,
        symbols: Vec<Result<MergedSymbol, InvalidSymbol>>,
    ) -> Self {
        Self { exchanges, symbols }
    }
}

impl MergedExchange {
    /// The merge result for an exchange that was created.
    #[must_use]
    pub fn created(exchange: Exchange) -> Self {
        Self {
            exchange: exchange.normalized(),
            created: true,
            changed: Vec::new(),
            kept: Vec::new(),
        }
    }
}

impl Exchange {
    /// Merges the values of `stated` into this exchange, whatever the name of `stated` is.
    ///
    /// A given value replaces an unknown one: an empty description, an absent code or time zone, absent
    /// sessions. A known value that differs from the given one remains. Sessions are times of a time zone, so
    /// they remain absent if another time zone is stored.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn merged(&self, stated: &Self) -> Result<MergedExchange, InvalidExchange> {
        let mut stated = stated.clone().normalized();
        stated.name.clone_from(&self.name);
        stated.validate()?;
        let mut facts = ExchangeFacts::default();
        if self.description.is_empty() {
            facts.description = Some(stated.description.clone());
        }
        if self.code.is_none() {
            facts.code.clone_from(&stated.code);
        }
        if self.time_zone.is_none() {
            facts.time_zone.clone_from(&stated.time_zone);
        }
        let zone = self.time_zone.as_ref().or(stated.time_zone.as_ref());
        if self.sessions.is_empty() && zone == stated.time_zone.as_ref() {
            facts.sessions = Some(stated.sessions.clone());
        }
        let exchange = self.described(&facts)?;
        let is_given = |change: &FieldChange| change.new.is_some();
        let mut kept = exchange.changes(&stated);
        kept.retain(is_given);
        Ok(MergedExchange {
            created: false,
            changed: self.changes(&exchange),
            kept,
            exchange,
        })
    }

    /// The fields in which `new` differs from this exchange, except the name. Sessions are one text.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<FieldChange> {
        let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let sessions = |exchange: &Self| known(&session_texts(&exchange.sessions).join(", "));
        let fields = [
            (
                "description",
                known(&self.description),
                known(&new.description),
            ),
            ("code", self.code.clone(), new.code.clone()),
            ("time_zone", self.time_zone.clone(), new.time_zone.clone()),
            ("sessions", sessions(self), sessions(new)),
        ];
        let changed = fields.into_iter().filter(|(_, old, new)| old != new);
        let change = |(field, old, new)| FieldChange { field, old, new };
        changed.map(change).collect()
    }
}

#[cfg(test)]
mod tests;
