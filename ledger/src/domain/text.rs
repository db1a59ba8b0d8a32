//! The serde representation of events: decimals, times and names are strings.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::Amount;

/// Reads a string with `FromStr`.
pub(super) fn read<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// A value or null, each value as text.
macro_rules! optional {
    ($(#[$doc:meta])* $module:ident, $type:ty, $with:literal) => {
        $(#[$doc])*
        pub(super) mod $module {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            struct Text(#[serde(with = $with)] $type);

            pub(in crate::domain) fn serialize<S: Serializer>(
                value: &Option<$type>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                value.map(Text).serialize(serializer)
            }

            pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<$type>, D::Error> {
                let text = Option::<Text>::deserialize(deserializer)?;
                Ok(text.map(|Text(value)| value))
            }
        }
    };
}

optional! {
    /// Optional instants.
    optional_time, chrono::DateTime<chrono::Utc>, "tickbook::domain::text::time"
}

optional! {
    /// Optional days such as `2024-05-01`.
    optional_day, chrono::NaiveDate, "super::day"
}

pub(super) mod day {
    use chrono::NaiveDate;
    use serde::{Deserializer, Serializer};

    pub(in crate::domain) fn serialize<S: Serializer>(
        day: &NaiveDate,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NaiveDate, D::Error> {
        super::read(deserializer)
    }
}

/// Whether a field has its default value and is left out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
