//! Stating facts one by one.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{InstrumentFacts, StatedSymbol, SymbolFacts};
use crate::domain::instrument::InstrumentType;
use crate::domain::setters::setters;

setters!(InstrumentFacts {
    some {
        /// States the kind.
        instrument_type: InstrumentType,
        /// States what is bought and sold.
        base_currency: String,
        /// States what prices are in.
        quote_currency: String,
        /// States the smallest step of the price.
        tick_size: Decimal,
        /// States the smallest step of a quantity.
        lot_size: Decimal,
        /// States the units of the underlying in one contract.
        contract_multiplier: Decimal,
        /// States the last day of trading.
        expiry: NaiveDate,
        /// States the strike price.
        strike: Decimal,
    }
});

setters!(SymbolFacts {
    set {
        /// States what is known of the instrument.
        instrument: InstrumentFacts,
    }
    into {
        /// States the digits in which its price is shown.
        digits: Option<i16>,
    }
    some {
        /// States the text for people.
        description: String,
        /// States whether it is still quoted.
        active: bool,
    }
});

setters!(StatedSymbol {
    set {
        /// Sets what is stated beside the name.
        facts: SymbolFacts,
    }
});
