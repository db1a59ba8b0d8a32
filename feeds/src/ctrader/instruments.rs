//! The list of instruments.

use tickbook::domain::InstrumentType;

use crate::fix::{FieldError, FieldFault, Fields, Message, tag};
use crate::instrument::{ListedInstrument, Listing, RefusedInstrument};

/// The tag of the name of an instrument, which only this venue has.
const NAME: u32 = 1_007;
/// The tag of the digits of its prices.
const DIGITS: u32 = 1_008;

/// The code of ISO 4217 for no currency.
const NO_CURRENCY: &str = "XXX";

/// Currencies of which a name of six letters may consist.
const CURRENCIES: &[&str] = &[
    "AED", "AUD", "BRL", "CAD", "CHF", "CLP", "CNH", "COP", "CZK", "DKK", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KWD", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN",
    "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "ZAR",
];

/// An instrument of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed<'m> {
    /// Its number at this broker.
    pub(super) number: &'m str,
    /// Its name.
    pub(super) name: &'m str,
    digits: u64,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ListError {
    #[error("the list of instruments was refused with result {0}")]
    Refused(u64),
    #[error("the list of instruments is invalid: {0}")]
    Field(#[from] FieldError),
}

/// The instruments of a complete list.
pub(super) fn list<'m>(message: &Message<'m>) -> Result<Vec<Listed<'m>>, ListError> {
    let result = message.integer(tag::SECURITY_REQUEST_RESULT)?;
    if let Some(result) = result.filter(|result| *result != 0) {
        return Err(ListError::Refused(result));
    }
    let entries = message.group(tag::NO_RELATED_SYM, tag::SYMBOL)?;
    let listed = entries.map(|entry| listed(&entry));
    Ok(listed.collect::<Result<_, FieldError>>()?)
}

fn listed<'m>(entry: &Fields<'m>) -> Result<Listed<'m>, FieldError> {
    let text = |tag| {
        let missing = FieldError::new(tag, FieldFault::Missing);
        entry.text(tag)?.ok_or(missing)
    };
    Ok(Listed {
        number: text(tag::SYMBOL)?,
        name: text(NAME)?,
        digits: entry.required_integer(DIGITS)?,
    })
}

impl Listed<'_> {
    /// The instrument. The venue states neither type, currencies nor lot size: a name of two currencies is that of a pair,
    /// any other that of a contract for difference, and a quantity has whole units.
    pub(super) fn read(&self) -> Result<ListedInstrument, RefusedInstrument> {
        let known = |code: &str| CURRENCIES.contains(&code);
        let halves = self.name.split_at_checked(3);
        let halves = halves.filter(|(_, quote)| known(quote));
        let pair = halves.filter(|(base, _)| base.bytes().all(|byte| byte.is_ascii_uppercase()));
        let (base, quote) = pair.unwrap_or(("", NO_CURRENCY));
        let instrument_type = match known(base) {
            true => InstrumentType::Forex,
            false => InstrumentType::Cfd,
        };
        let tick_size = format!("1e-{}", self.digits);
        let listing = Listing {
            symbol: self.name,
            instrument_type,
            base,
            quote,
            tick_size: &tick_size,
            lot_size: "1",
            is_active: true,
        };
        let key = Some(self.number.to_owned());
        match listing.read() {
            Ok(listed) => Ok(ListedInstrument {
                key,
                is_assumed: true,
                ..listed
            }),
            Err(refused) => Err(RefusedInstrument { key, ..refused }),
        }
    }
}
