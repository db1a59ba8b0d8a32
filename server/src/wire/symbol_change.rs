//! Changes of symbols as clients send them.

use serde::Serialize;
use tickbook::domain::{InstrumentFacts, SymbolChange, SymbolFacts, SymbolReference, excerpt};
use utoipa::ToSchema;

use super::decimal::DecimalInput;
use super::element::{Field, Value};
use super::rejection::{Rejection, RejectionReason};

/// New values of a symbol, all or none of which are stored. Values that are omitted stay. Unknown and repeated
/// fields and null are refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "EUR_USD", "active": false}))]
pub struct SymbolChangeBody {
    /// The new exchange, which is created if it does not exist.
    #[schema(example = "oanda")]
    pub exchange: Option<String>,
    /// The new name; the id, ticks, trades and candles stay.
    #[schema(example = "EUR_USD")]
    pub name: Option<String>,
    /// A description for people; empty for none.
    pub description: Option<String>,
    /// Number of decimals in which its price is usually shown, 0 to 12.
    #[schema(minimum = 0, maximum = 12)]
    pub digits: Option<i16>,
    /// Whether it is still quoted.
    pub active: Option<bool>,
    /// Values of the instrument.
    pub instrument: Option<InstrumentChangeBody>,
}

/// New values of an instrument. A symbol without an instrument needs instrument_type, quote_currency, tick_size,
/// lot_size and contract_multiplier together.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentChangeBody {
    /// forex, cfd, crypto, cryptofuture, equity, index, future, option, indexoption or
    /// futureoption.
    #[schema(example = "forex")]
    pub instrument_type: Option<String>,
    /// The asset that is bought and sold.
    #[schema(example = "EUR")]
    pub base_currency: Option<String>,
    /// The currency of prices.
    #[schema(example = "USD")]
    pub quote_currency: Option<String>,
    /// Smallest step of the price; positive.
    pub tick_size: Option<DecimalInput>,
    /// Smallest step of a quantity; positive.
    pub lot_size: Option<DecimalInput>,
    /// Units of the underlying per contract; positive.
    pub contract_multiplier: Option<DecimalInput>,
    /// Last trading day.
    #[schema(example = "2026-12-18")]
    pub expiry: Option<String>,
    /// Strike price of an option.
    pub strike: Option<DecimalInput>,
}

/// The fields, in the order of [`SymbolChangeBody`].
const FIELDS: [&str; 6] = [
    "exchange",
    "name",
    "description",
    "digits",
    "active",
    "instrument",
];

/// The fields, in the order of [`InstrumentChangeBody`].
const INSTRUMENT_FIELDS: [&str; 8] = [
    "instrument_type",
    "base_currency",
    "quote_currency",
    "tick_size",
    "lot_size",
    "contract_multiplier",
    "expiry",
    "strike",
];

fn optional<'a, T>(
    field: Field<'a>,
    read: impl FnOnce(Value<'a>) -> Result<T, Rejection>,
) -> Result<Option<T>, Rejection> {
    field.given().map(read).transpose()
}

impl SymbolChangeBody {
    /// Parses a change from valid JSON.
    ///
    /// # Errors
    /// The first problem.
    pub fn read(json: &str) -> Result<Self, Rejection> {
        let fields = Field::all_of(json, "change", FIELDS)?;
        let [exchange, name, description, digits, active, instrument] = fields;
        let instrument = optional(instrument, Value::object)?;
        Ok(Self {
            exchange: optional(exchange, Value::string)?,
            name: optional(name, Value::string)?,
            description: optional(description, Value::string)?,
            digits: optional(digits, |digits| digits.integer(0, 12))?,
            active: optional(active, Value::boolean)?,
            instrument: instrument.map(InstrumentChangeBody::read).transpose()?,
        })
    }

    /// Converts the texts into values.
    ///
    /// # Errors
    /// The instrument type or the expiry is invalid, or an exchange is given without a name.
    pub fn into_change(self) -> Result<SymbolChange, Rejection> {
        let mut change = SymbolChange::default();
        change.name = match (self.exchange, self.name) {
            (Some(exchange), Some(name)) => Some(SymbolReference::on(exchange, name)),
            (None, name) => name.map(SymbolReference::named),
            (Some(_), None) => {
                let problem = "is missing: a change of the exchange needs it";
                let reason = RejectionReason::MissingField;
                return Err(Rejection::of_field("name", reason, problem));
            }
        };
        let mut facts = SymbolFacts::default();
        facts.description = self.description;
        facts.digits = self.digits;
        facts.active = self.active;
        facts.instrument = self.instrument.unwrap_or_default().into_facts()?;
        Ok(change.facts(facts))
    }
}

impl InstrumentChangeBody {
    fn read(json: &str) -> Result<Self, Rejection> {
        let [
            instrument_type,
            base_currency,
            quote_currency,
            tick_size,
            lot_size,
            contract_multiplier,
            expiry,
            strike,
        ] = Field::all_of(json, "instrument", INSTRUMENT_FIELDS)?;
        Ok(Self {
            instrument_type: optional(instrument_type, Value::string)?,
            base_currency: optional(base_currency, Value::string)?,
            quote_currency: optional(quote_currency, Value::string)?,
            tick_size: optional(tick_size, Value::decimal)?,
            lot_size: optional(lot_size, Value::decimal)?,
            contract_multiplier: optional(contract_multiplier, Value::decimal)?,
            expiry: optional(expiry, Value::string)?,
            strike: optional(strike, Value::decimal)?,
        })
    }

    fn into_facts(self) -> Result<InstrumentFacts, Rejection> {
        let invalid = |field, reason, problem: String| Rejection::of_field(field, reason, problem);
        let number = |input: Option<DecimalInput>| input.map(|input| input.0);
        let mut facts = InstrumentFacts::default();
        if let Some(text) = self.instrument_type {
            let kind = text.parse().map_err(|error| {
                let problem = format!("is unknown: {error}");
                invalid("instrument_type", RejectionReason::OutOfRange, problem)
            })?;
            facts.instrument_type = Some(kind);
        }
        if let Some(text) = self.expiry {
            let day = text.parse().map_err(|_| {
                let problem = format!("{} is not a date such as 2026-12-18", excerpt(&text));
                invalid("expiry", RejectionReason::InvalidTime, problem)
            })?;
            facts.expiry = Some(day);
        }
        facts.base_currency = self.base_currency;
        facts.quote_currency = self.quote_currency;
        facts.tick_size = number(self.tick_size);
        facts.lot_size = number(self.lot_size);
        facts.contract_multiplier = number(self.contract_multiplier);
        facts.strike = number(self.strike);
        Ok(facts)
    }
}
