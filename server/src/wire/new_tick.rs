//! Ticks as clients send them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tickbook::domain::{
    DecimalTextError, InvalidTick, SymbolId, Tick, excerpt, parse_decimal, parse_time,
};
use tickbook::ingest::OccurrenceCounter;
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};

use super::decimal::DecimalInput;
use super::rejection::{Rejection, RejectionReason};
use super::time::TimeText;

/// A tick to be stored. Unknown and repeated fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292Z", "sequence": 0,
    "bid_price": "1.38676", "ask_price": "1.38682", "bid_volume": "0", "ask_volume": "0",
    "received_at": null
}))]
pub struct NewTick {
    /// The symbol of the tick; a JSON number without decimal point and exponent.
    #[schema(example = 1, minimum = 1)]
    pub symbol_id: i64,
    /// When it happened at the venue, from 1970 to 2099, and at most five minutes ahead of the server's clock
    /// unless its settings say otherwise.
    pub tick_time: TimeText,
    /// The sequence number of the venue. Omit it if the venue does not number ticks: then a tick that is
    /// already stored is not stored again, and equal ticks of one request are all stored.
    #[serde(default)]
    #[schema(schema_with = sequence_schema)]
    pub sequence: Option<i64>,
    /// Price at which one can sell; may be negative. Null or omitted without a bid; a tick has at least
    /// one price.
    #[serde(default)]
    pub bid_price: Option<DecimalInput>,
    /// Price at which one can buy; may be negative, and below the bid. Null or omitted without an ask.
    #[serde(default)]
    pub ask_price: Option<DecimalInput>,
    /// Quantity offered at the bid, not negative. Null or omitted if unknown.
    #[serde(default)]
    pub bid_volume: Option<DecimalInput>,
    /// Quantity offered at the ask, not negative. Null or omitted if unknown.
    #[serde(default)]
    pub ask_volume: Option<DecimalInput>,
    /// When the sender received it.
    #[serde(default)]
    pub received_at: Option<TimeText>,
}

/// An integer of 63 bits, as a JSON number or as digits in a string.
fn sequence_schema() -> Schema {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .description(Some("without decimal point and exponent"));
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[0-9]+$"))
        .description(Some(
            "for languages whose numbers are not exact above 2^53, such as JavaScript",
        ));
    OneOfBuilder::new()
        .item(number)
        .item(text)
        .default(Some(0.into()))
        .description(Some(
            "Position within that instant, 0 to 9223372036854775807: the number of the venue, or 0, 1, 2 … \
             in the order of arrival. Two ticks of one symbol and one microsecond need different ones.",
        ))
        .examples([serde_json::json!(0)])
        .build()
        .into()
}

/// The fields of a tick, in the order of [`NewTick`].
const FIELDS: [&str; 8] = [
    "symbol_id",
    "tick_time",
    "sequence",
    "bid_price",
    "ask_price",
    "bid_volume",
    "ask_volume",
    "received_at",
];

impl NewTick {
    /// Parses one tick from valid JSON.
    ///
    /// # Errors
    /// The first problem of the tick.
    pub fn read(json: &str) -> Result<Self, Rejection> {
        let [
            symbol_id,
            tick_time,
            sequence,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            received_at,
        ] = Field::all_of(json)?;
        Ok(Self {
            symbol_id: symbol_id.required()?.integer(1, i64::MAX)?,
            tick_time: tick_time.required()?.time()?,
            sequence: sequence
                .given()
                .map(|sequence| sequence.integer_or_digits(0, i64::MAX))
                .transpose()?,
            bid_price: bid_price.not_null().map(Value::decimal).transpose()?,
            ask_price: ask_price.not_null().map(Value::decimal).transpose()?,
            bid_volume: bid_volume.not_null().map(Value::decimal).transpose()?,
            ask_volume: ask_volume.not_null().map(Value::decimal).transpose()?,
            received_at: received_at.not_null().map(Value::time).transpose()?,
        })
    }

    /// Returns the tick in its stored form. A tick without a sequence is counted among the equal ticks of its
    /// request.
    ///
    /// # Errors
    /// The tick is invalid.
    pub fn normalized(&self, occurrences: &mut OccurrenceCounter) -> Result<Tick, InvalidTick> {
        let number = |input: Option<DecimalInput>| input.map(|input| input.0);
        let tick = Tick::new(SymbolId::new(self.symbol_id), self.tick_time.0)
            .with_sequence(self.sequence.unwrap_or(0))
            .with_bid(number(self.bid_price))
            .with_ask(number(self.ask_price))
            .with_volumes(number(self.bid_volume), number(self.ask_volume))
            .with_received_at(self.received_at.map(|time| time.0));
        let mut tick = tick.normalized()?;
        if self.sequence.is_none() {
            occurrences.count(&mut tick);
        }
        Ok(tick)
    }
}

/// An optional field.
#[derive(Clone, Copy)]
struct Field<'a> {
    name: &'static str,
    json: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// Splits an object into its fields, in the order of [`FIELDS`].
    fn all_of(json: &'a str) -> Result<[Self; 8], Rejection> {
        if !json.starts_with('{') {
            let detail = format!(
                "is {}: expected a tick such as {{\"symbol_id\": …}}",
                kind(json)
            );
            return Err(of_no_field(RejectionReason::NotAnObject, detail));
        }
        let mut fields = FIELDS.map(|name| Self { name, json: None });
        let read = serde_json::Deserializer::from_str(json).deserialize_map(Fill(&mut fields));
        // the JSON is valid, so the only other error is a name with half of a surrogate pair
        let problem = read.unwrap_or_else(|error| {
            let detail = format!("has a field with an invalid name: {error}");
            Some(of_no_field(RejectionReason::UnknownField, detail))
        });
        problem.map_or(Ok(fields), Err)
    }

    fn given(self) -> Option<Value<'a>> {
        let name = self.name;
        self.json.map(|json| Value { name, json })
    }

    fn not_null(self) -> Option<Value<'a>> {
        self.given().filter(|value| value.json != "null")
    }

    fn required(self) -> Result<Value<'a>, Rejection> {
        self.given().ok_or_else(|| {
            Rejection::of_field(
                self.name,
                RejectionReason::MissingField,
                "is missing: add it",
            )
        })
    }
}

fn of_no_field(reason: RejectionReason, detail: String) -> Rejection {
    Rejection {
        reason,
        field: None,
        detail,
    }
}

fn unknown_field(name: &str) -> Rejection {
    let (shown, known) = (excerpt(name), FIELDS.join(", "));
    let detail = format!("has an unknown field {shown}: expected {known}");
    of_no_field(RejectionReason::UnknownField, detail)
}

fn duplicate_field(name: &'static str) -> Rejection {
    let problem = "is given twice in the tick: give it once";
    Rejection::of_field(name, RejectionReason::DuplicateField, problem)
}

/// Assigns the values to their fields; the result is the first problem.
struct Fill<'f, 'a>(&'f mut [Field<'a>; 8]);

impl<'a> Visitor<'a> for Fill<'_, 'a> {
    type Value = Option<Rejection>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tick as an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut problem = None;
        while let Some(Name(name)) = map.next_key::<Name<'a>>()? {
            let json = map.next_value::<&RawValue>()?.get();
            let place = self.0.iter_mut().find(|field| field.name == name);
            match place {
                Some(field) if field.json.is_none() => field.json = Some(json),
                // any number of fields may follow, but only the first problem is reported
                _ if problem.is_some() => {}
                Some(field) => problem = Some(duplicate_field(field.name)),
                None => problem = Some(unknown_field(&name)),
            }
        }
        Ok(problem)
    }
}

/// The name of a field, copied only if it contains escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A field with a value.
struct Value<'a> {
    name: &'static str,
    json: &'a str,
}

impl Value<'_> {
    fn wrong_type(&self, remedy: &str) -> Rejection {
        let problem = format!("is {}: expected {remedy}", kind(self.json));
        Rejection::of_field(self.name, RejectionReason::WrongType, problem)
    }

    fn is_number(&self) -> bool {
        self.json
            .starts_with(|c: char| c == '-' || c.is_ascii_digit())
    }

    /// The characters of a string; `None` for another type, or if it contains half of a surrogate pair.
    fn text(&self) -> Option<Cow<'_, str>> {
        let text = self.json.strip_prefix('"')?.strip_suffix('"')?;
        if text.contains('\\') {
            return serde_json::from_str(self.json).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(text))
    }

    /// Parses a decimal from a string, or from a number whose digits are read exactly as written.
    fn decimal(self) -> Result<DecimalInput, Rejection> {
        let text = match self.text() {
            Some(text) => text,
            None if self.is_number() => Cow::Borrowed(self.json),
            None => return Err(self.wrong_type("a decimal such as \"1.38676\"")),
        };
        parse_decimal(text.as_bytes())
            .map(DecimalInput)
            .map_err(|error| {
                let reason = match error {
                    DecimalTextError::TooManyDigits => RejectionReason::TooManyDigits,
                    _ => RejectionReason::InvalidNumber,
                };
                let problem = format!("{} {error}", excerpt(text.as_bytes()));
                Rejection::of_field(self.name, reason, problem)
            })
    }

    /// Parses an integer without decimal point and exponent: a program may have written `1.0` or `1e3` for a
    /// larger integer.
    fn integer<T: std::str::FromStr + fmt::Display>(self, low: T, high: T) -> Result<T, Rejection> {
        if !self.is_number() {
            return Err(self.wrong_type("an integer"));
        }
        let reject = |reason, problem: &str| {
            let problem = format!("{} {problem}", excerpt(self.json));
            Rejection::of_field(self.name, reason, problem)
        };
        if self.json.contains(['.', 'e', 'E']) {
            let problem = "is not an integer: send it without decimal point and exponent";
            return Err(reject(RejectionReason::InvalidNumber, problem));
        }
        self.json.parse().map_err(|_| {
            let problem = format!("is out of range: send {low} to {high}");
            reject(RejectionReason::OutOfRange, &problem)
        })
    }

    /// Parses an integer as [`integer`](Self::integer) does, or its digits in a string.
    fn integer_or_digits<T>(self, low: T, high: T) -> Result<T, Rejection>
    where
        T: std::str::FromStr + fmt::Display,
    {
        let Some(text) = self.text() else {
            return self.integer(low, high);
        };
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = format!(
                "{} is not an integer: send it without decimal point and exponent",
                excerpt(text.as_bytes())
            );
            let reason = RejectionReason::InvalidNumber;
            return Err(Rejection::of_field(self.name, reason, problem));
        }
        let (name, json) = (self.name, &*text);
        Value { name, json }.integer(low, high)
    }

    fn time(self) -> Result<TimeText, Rejection> {
        let Some(text) = self.text() else {
            return Err(self.wrong_type("a time such as \"2014-05-01T00:00:00.292Z\""));
        };
        parse_time(&text).map(TimeText).map_err(|error| {
            let reason = RejectionReason::InvalidTime;
            Rejection::of_field(self.name, reason, error.to_string())
        })
    }
}

/// The type of a JSON value, in words.
fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        _ => "a number",
    }
}
