//! Values in the messages of venues.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tickbook::domain::book::{BookNumber, BookNumberError, LevelChange};
use tickbook::domain::{parse_time, truncate_to_micros};

use crate::error::ProtocolError;
use crate::scan::Scan;

/// A text that is copied only if it has escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'a> Text<'a> {
    pub(crate) fn scan(scan: &mut Scan<'a>) -> Option<Self> {
        scan.string().map(|text| Self(Cow::Borrowed(text)))
    }
}

/// Parses a whole frame or a part of it.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ProtocolError> {
    serde_json::from_str(text).map_err(|error| ProtocolError::Unreadable(error.to_string()))
}

/// The characters of a JSON number, or of a string without its quotes.
fn characters(raw: &RawValue) -> &str {
    let text = raw.get();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    quoted.unwrap_or(text)
}

/// The characters of a JSON number or string, as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Characters<'a>(pub(crate) &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Characters<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer)
            .map(characters)
            .map(Self)
    }
}

/// A number with its digits, as a JSON number or a string. An invalid one does not make the message unreadable:
/// it concerns one symbol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) Result<BookNumber, BookNumberError>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self::of(characters(raw)))
    }
}

impl Number {
    pub(crate) fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        scan.number().map(Self::of)
    }

    pub(crate) fn of(text: &str) -> Self {
        Self(BookNumber::parse(text))
    }

    /// The value of a trade or quote.
    pub(crate) fn decimal(
        self,
        symbol: &str,
        field: &'static str,
    ) -> Result<Decimal, ProtocolError> {
        self.0
            .map(|number| number.normalized().into())
            .map_err(|error| invalid(symbol, field, error))
    }
}

/// The error of an invalid field of a trade or quote.
pub(crate) fn invalid(
    symbol: &str,
    field: &'static str,
    error: impl fmt::Display,
) -> ProtocolError {
    ProtocolError::InvalidField {
        symbol: symbol.to_owned(),
        field,
        detail: error.to_string(),
    }
}

/// The levels of one side of a message.
#[derive(Debug, Default, Clone)]
pub(crate) struct Levels {
    pub(crate) changes: Vec<LevelChange>,
    /// The error of the first level with an invalid number.
    pub(crate) invalid: Option<BookNumberError>,
}

impl Levels {
    /// Levels as arrays that begin with price and quantity.
    pub(crate) fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        let mut levels = Self::default();
        scan.array(|scan| {
            scan.take(b'[')?;
            let price = Number::scan(scan)?;
            scan.take(b',')?;
            levels.push(price, Number::scan(scan)?);
            while scan.eat(b',') {
                scan.skip()?;
            }
            scan.take(b']')
        })?;
        Some(levels)
    }

    pub(crate) fn push(&mut self, price: Number, quantity: Number) {
        match (price.0, quantity.0) {
            (Ok(price), Ok(quantity)) => self.changes.push(LevelChange::new(price, quantity)),
            (Err(error), _) | (_, Err(error)) => {
                self.invalid.get_or_insert(error);
            }
        }
    }
}

/// A value that is built from the items of a JSON array.
pub(crate) trait Collect: Default {
    type Item: DeserializeOwned;

    fn add(&mut self, item: Self::Item);
}

/// Reads a JSON array item by item, without a list of the items.
pub(crate) fn collect<'de, C: Collect, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<C, D::Error> {
    struct Items<C>(PhantomData<C>);

    impl<'de, C: Collect> Visitor<'de> for Items<C> {
        type Value = C;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<C, A::Error> {
            let mut collected = C::default();
            while let Some(item) = items.next_element()? {
                collected.add(item);
            }
            Ok(collected)
        }
    }

    deserializer.deserialize_seq(Items(PhantomData))
}

/// A level as an array that begins with price and quantity.
#[derive(Debug)]
pub(crate) struct TupleLevel {
    price: Number,
    quantity: Number,
}

impl<'de> Deserialize<'de> for TupleLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = TupleLevel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of price and quantity")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<TupleLevel, A::Error> {
                let price = fields.next_element()?;
                let price = price.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let quantity = fields.next_element()?;
                let quantity = quantity.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                while fields.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TupleLevel { price, quantity })
            }
        }

        deserializer.deserialize_seq(Fields)
    }
}

impl Collect for Levels {
    type Item = TupleLevel;

    fn add(&mut self, level: TupleLevel) {
        self.push(level.price, level.quantity);
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect(deserializer)
    }
}

/// An integer as a JSON number or a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer(pub(crate) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let number = characters(raw).parse();
        number
            .map(Self)
            .map_err(|_| D::Error::custom("expected an integer of 64 bits"))
    }
}

/// An instant of the venue, in whole microseconds; further digits are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(crate) DateTime<Utc>);

impl Instant {
    pub(crate) fn of_rfc3339(text: &str) -> Option<Self> {
        parse_time(text).ok().map(truncate_to_micros).map(Self)
    }

    /// Seconds with a fraction.
    pub(crate) fn of_seconds(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_i64, |number, digit| {
                let value = i64::from(digit.wrapping_sub(b'0'));
                let number = number.checked_mul(10)?.checked_add(value)?;
                (value < 10).then_some(number)
            })
        };
        let seconds = (!whole.is_empty()).then(|| number(whole.as_bytes()))??;
        let fraction = fraction.as_bytes();
        let (micros, rest) = fraction.split_at(fraction.len().min(6));
        if !rest.iter().all(u8::is_ascii_digit) {
            return None;
        }
        // at most six digits
        let missing = 6 - micros.len() as u32;
        let micros = number(micros)? * 10_i64.pow(missing);
        Self::of_micros(seconds.checked_mul(1_000_000)?.checked_add(micros)?)
    }

    pub(crate) fn of_millis(millis: i64) -> Option<Self> {
        Self::of_micros(millis.checked_mul(1_000)?)
    }

    pub(crate) fn of_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }
}

/// RFC 3339.
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        Self::of_rfc3339(&text).ok_or_else(|| D::Error::custom("expected an RFC 3339 time"))
    }
}

/// Milliseconds, as a JSON number or a string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) Instant);

impl Millis {
    pub(crate) fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        let millis = scan.number()?.parse().ok()?;
        Instant::of_millis(millis).map(Self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Integer(millis) = Integer::deserialize(deserializer)?;
        let time = Instant::of_millis(millis);
        time.map(Self)
            .ok_or_else(|| D::Error::custom("expected milliseconds since 1970"))
    }
}
