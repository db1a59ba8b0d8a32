//! Instruments: the type, currencies and contract terms of a symbol.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::decimal::check_tick_decimal;
use super::excerpt::excerpt;
use super::invalid_symbol::{InvalidSymbol, check_name};
use super::setters::setters;

/// The kind of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum InstrumentType {
    /// A pair of currencies, `forex`.
    Forex,
    /// A contract for difference, `cfd`.
    Cfd,
    /// A pair of crypto currencies, or of a crypto currency and a currency, `crypto`.
    Crypto,
    /// A dated or perpetual future on a crypto currency, `cryptofuture`.
    CryptoFuture,
    /// A share, `equity`.
    Equity,
    /// An index, `index`.
    Index,
    /// A future, `future`.
    Future,
    /// An option on a share, `option`.
    Option,
    /// An option on an index, `indexoption`.
    IndexOption,
    /// An option on a future, `futureoption`.
    FutureOption,
}

impl InstrumentType {
    /// All instrument types.
    pub const ALL: &'static [Self] = &[
        Self::Forex,
        Self::Cfd,
        Self::Crypto,
        Self::CryptoFuture,
        Self::Equity,
        Self::Index,
        Self::Future,
        Self::Option,
        Self::IndexOption,
        Self::FutureOption,
    ];

    /// The name used in the database, in files and in the REST interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forex => "forex",
            Self::Cfd => "cfd",
            Self::Crypto => "crypto",
            Self::CryptoFuture => "cryptofuture",
            Self::Equity => "equity",
            Self::Index => "index",
            Self::Future => "future",
            Self::Option => "option",
            Self::IndexOption => "indexoption",
            Self::FutureOption => "futureoption",
        }
    }
}

impl fmt::Display for InstrumentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not an instrument type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid instrument type {}: expected forex, cfd, crypto, cryptofuture, equity, index, future, \
     option, indexoption or futureoption", excerpt(.0)
)]
#[non_exhaustive]
pub struct UnknownInstrumentType(pub String);

impl FromStr for InstrumentType {
    type Err = UnknownInstrumentType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownInstrumentType(text.to_owned()))
    }
}

/// The instrument of a symbol, as its exchange defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Instrument {
    /// Its kind.
    pub instrument_type: InstrumentType,
    /// The asset that is bought and sold, such as `EUR`, 1 to 50 characters; `None` if it is not a currency.
    pub base_currency: Option<String>,
    /// The currency of the prices, such as `USD`; 1 to 50 characters.
    pub quote_currency: String,
    /// Smallest step of the price, in the quote currency; positive.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub tick_size: Decimal,
    /// Smallest step of a quantity, in units of the instrument; positive.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub lot_size: Decimal,
    /// Units of the underlying in one contract; positive, 1 for instruments without contracts.
    #[cfg_attr(feature = "serde", serde(with = "crate::domain::text::decimal"))]
    pub contract_multiplier: Decimal,
    /// Last day of trading, for instruments that expire.
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_date", default)
    )]
    pub expiry: Option<NaiveDate>,
    /// Strike price of an option, in the quote currency.
    #[cfg_attr(
        feature = "serde",
        serde(with = "crate::domain::text::optional_decimal", default)
    )]
    pub strike: Option<Decimal>,
}

setters!(Instrument {
    set {
        /// Sets the units of the underlying per contract.
        contract_multiplier: Decimal,
    }
    some {
        /// Sets the base currency.
        base_currency: String,
        /// Sets the last day of trading.
        expiry: NaiveDate,
        /// Sets the strike price.
        strike: Decimal,
    }
});

impl Instrument {
    /// An instrument with contract multiplier 1 and without base currency, expiry and strike.
    #[must_use]
    pub fn new(
        instrument_type: InstrumentType,
        quote_currency: impl Into<String>,
        tick_size: Decimal,
        lot_size: Decimal,
    ) -> Self {
        Self {
            instrument_type,
            base_currency: None,
            quote_currency: quote_currency.into(),
            tick_size,
            lot_size,
            contract_multiplier: Decimal::ONE,
            expiry: None,
            strike: None,
        }
    }

    pub(super) fn validate(&self) -> Result<(), InvalidSymbol> {
        if let Some(base) = &self.base_currency {
            check_name("base_currency", base)?;
        }
        check_name("quote_currency", &self.quote_currency)?;
        for (field, value) in [
            ("tick_size", self.tick_size),
            ("lot_size", self.lot_size),
            ("contract_multiplier", self.contract_multiplier),
        ] {
            check_number(field, value)?;
            if value <= Decimal::ZERO {
                return Err(InvalidSymbol::NotPositive { field, value });
            }
        }
        match self.strike {
            Some(strike) => check_number("strike", strike),
            None => Ok(()),
        }
    }

    pub(super) fn normalized(self) -> Self {
        Self {
            tick_size: self.tick_size.normalize(),
            lot_size: self.lot_size.normalize(),
            contract_multiplier: self.contract_multiplier.normalize(),
            strike: self.strike.map(|strike| strike.normalize()),
            ..self
        }
    }
}

fn check_number(field: &'static str, value: Decimal) -> Result<(), InvalidSymbol> {
    check_tick_decimal(value)
        .map(|_| ())
        .map_err(|source| InvalidSymbol::Number { field, source })
}
