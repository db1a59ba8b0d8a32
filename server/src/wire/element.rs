//! Elements of a posted array: objects whose fields are read one by one.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use tickbook::domain::{DecimalTextError, excerpt, parse_decimal, parse_time};
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};

use super::decimal::DecimalInput;
use super::rejection::{Rejection, RejectionReason};
use super::time::TimeText;

/// An integer of 63 bits, as a JSON number or as digits in a string.
pub(super) fn sequence_schema() -> Schema {
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
             in the order of arrival. Two ticks, or two trades, of one symbol and one microsecond need different ones.",
        ))
        .examples([serde_json::json!(0)])
        .build()
        .into()
}

/// An optional field.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    name: &'static str,
    json: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// Splits an object into the fields `names`, in this order. `noun` is the name of an element, such as
    /// `tick`.
    pub(super) fn all_of<const N: usize>(
        json: &'a str,
        noun: &'static str,
        names: [&'static str; N],
    ) -> Result<[Self; N], Rejection> {
        if !json.starts_with('{') {
            let detail = format!(
                "is {}: expected a {noun} such as {{\"symbol_id\": …}}",
                kind(json)
            );
            return Err(of_no_field(RejectionReason::NotAnObject, detail));
        }
        let mut fields = names.map(|name| Self { name, json: None });
        let fill = Fill {
            fields: &mut fields,
            noun,
        };
        let read = serde_json::Deserializer::from_str(json).deserialize_map(fill);
        // the JSON is valid, so the only other error is a name with half of a surrogate pair
        let problem = read.unwrap_or_else(|error| {
            let detail = format!("has a field with an invalid name: {error}");
            Some(of_no_field(RejectionReason::UnknownField, detail))
        });
        problem.map_or(Ok(fields), Err)
    }

    pub(super) fn given(self) -> Option<Value<'a>> {
        let name = self.name;
        self.json.map(|json| Value { name, json })
    }

    pub(super) fn not_null(self) -> Option<Value<'a>> {
        self.given().filter(|value| value.json != "null")
    }

    pub(super) fn required(self) -> Result<Value<'a>, Rejection> {
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

fn unknown_field(name: &str, fields: &[Field<'_>]) -> Rejection {
    let known: Vec<_> = fields.iter().map(|field| field.name).collect();
    let (shown, known) = (excerpt(name), known.join(", "));
    let detail = format!("has an unknown field {shown}: expected {known}");
    of_no_field(RejectionReason::UnknownField, detail)
}

fn duplicate_field(name: &'static str, noun: &str) -> Rejection {
    let problem = format!("is given twice in the {noun}: give it once");
    Rejection::of_field(name, RejectionReason::DuplicateField, problem)
}

/// Assigns the values to their fields; the result is the first problem.
struct Fill<'f, 'a> {
    fields: &'f mut [Field<'a>],
    noun: &'static str,
}

impl<'a> Visitor<'a> for Fill<'_, 'a> {
    type Value = Option<Rejection>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} as an object", self.noun)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut problem = None;
        while let Some(Name(name)) = map.next_key::<Name<'a>>()? {
            let json = map.next_value::<&RawValue>()?.get();
            let place = self.fields.iter_mut().find(|field| field.name == name);
            match place {
                Some(field) if field.json.is_none() => field.json = Some(json),
                // any number of fields may follow, but only the first problem is reported
                _ if problem.is_some() => {}
                Some(field) => problem = Some(duplicate_field(field.name, self.noun)),
                None => problem = Some(unknown_field(&name, self.fields)),
            }
        }
        Ok(problem)
    }
}

/// The name of a field, copied only if it contains escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A field with a value.
pub(super) struct Value<'a> {
    name: &'static str,
    json: &'a str,
}

impl<'a> Value<'a> {
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

    /// Parses a text of characters.
    pub(super) fn string(self) -> Result<String, Rejection> {
        let text = self.text().map(Cow::into_owned);
        text.ok_or_else(|| self.wrong_type("a string"))
    }

    /// The JSON of an object.
    pub(super) fn object(self) -> Result<&'a str, Rejection> {
        match self.json.starts_with('{') {
            true => Ok(self.json),
            false => Err(self.wrong_type("an object")),
        }
    }

    /// Parses `true` or `false`.
    pub(super) fn boolean(self) -> Result<bool, Rejection> {
        match self.json {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong_type("true or false")),
        }
    }

    /// Parses a decimal from a string, or from a number whose digits are read exactly as written.
    pub(super) fn decimal(self) -> Result<DecimalInput, Rejection> {
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
    pub(super) fn integer<T: std::str::FromStr + fmt::Display>(
        self,
        low: T,
        high: T,
    ) -> Result<T, Rejection> {
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
    pub(super) fn integer_or_digits<T>(self, low: T, high: T) -> Result<T, Rejection>
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

    pub(super) fn time(self) -> Result<TimeText, Rejection> {
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
