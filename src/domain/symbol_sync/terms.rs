//! The entry of a symbol in a list.

use super::ListedSymbol;
use crate::domain::symbol_facts::{InstrumentFacts, StatedSymbol, SymbolFacts};

/// The largest length of a key, in characters.
const KEY_LENGTH: usize = 100;

/// Why an instrument cannot be used.
pub(super) fn problem(listed: &ListedSymbol, exchange: &str) -> Option<String> {
    let length = listed.key.chars().count();
    if length == 0 || length > KEY_LENGTH || listed.key.contains('\0') {
        let expected = format!("invalid key: expected 1 to {KEY_LENGTH} characters without NUL");
        return Some(expected);
    }
    let mut named = StatedSymbol::named(exchange, &*listed.name);
    named.facts = described(listed);
    named.validate().err().map(|invalid| invalid.to_string())
}

/// The stored values of a symbol without an instrument.
pub(super) fn described(listed: &ListedSymbol) -> SymbolFacts {
    let (stated, assumed) = (&listed.stated.instrument, &listed.assumed);
    let instrument = InstrumentFacts {
        instrument_type: stated.instrument_type.or(assumed.instrument_type),
        base_currency: stated
            .base_currency
            .clone()
            .or(assumed.base_currency.clone()),
        quote_currency: stated
            .quote_currency
            .clone()
            .or(assumed.quote_currency.clone()),
        tick_size: stated.tick_size.or(assumed.tick_size),
        lot_size: stated.lot_size.or(assumed.lot_size),
        contract_multiplier: stated.contract_multiplier.or(assumed.contract_multiplier),
        expiry: stated.expiry.or(assumed.expiry),
        strike: stated.strike.or(assumed.strike),
    };
    SymbolFacts {
        instrument,
        ..terms(listed)
    }
}

/// The statements of the feed about a symbol, without its activity.
pub(super) fn terms(listed: &ListedSymbol) -> SymbolFacts {
    SymbolFacts {
        description: None,
        active: None,
        ..listed.stated.clone()
    }
}
