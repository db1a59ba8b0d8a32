//! Setters of the partial descriptions.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{InstrumentFacts, StatedSymbol, SymbolFacts};
use crate::domain::instrument::InstrumentType;
use crate::domain::setters::setters;

setters!(InstrumentFacts {
    some {
        /// Sets the instrument type.
        instrument_type: InstrumentType,
        /// Sets the base currency.
        base_currency: String,
        /// Sets the quote currency.
        quote_currency: String,
        /// Sets the smallest step of the price.
        tick_size: Decimal,
        /// Sets the smallest step of a quantity.
        lot_size: Decimal,
        /// Sets the units of the underlying per contract.
        contract_multiplier: Decimal,
        /// Sets the last day of trading.
        expiry: NaiveDate,
        /// Sets the strike price.
        strike: Decimal,
    }
});

setters!(SymbolFacts {
    set {
        /// Sets the description of the instrument.
        instrument: InstrumentFacts,
    }
    into {
        /// Sets the number of decimal places in which the price is shown.
        digits: Option<i16>,
    }
    some {
        /// Sets the description.
        description: String,
        /// Sets whether the symbol is still quoted.
        active: bool,
    }
});

setters!(StatedSymbol {
    set {
        /// Sets the partial description.
        facts: SymbolFacts,
    }
});
