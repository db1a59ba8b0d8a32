//! Optional days as strings such as `2026-12-18`.

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::read;

struct Day(NaiveDate);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a day in a string such as \"2026-12-18\"";
        read(deserializer, expected, str::parse).map(Self)
    }
}

pub(in crate::domain) fn serialize<S: Serializer>(
    day: &Option<NaiveDate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    day.map(Day).serialize(serializer)
}

pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NaiveDate>, D::Error> {
    let day = Option::<Day>::deserialize(deserializer)?;
    Ok(day.map(|Day(day)| day))
}
