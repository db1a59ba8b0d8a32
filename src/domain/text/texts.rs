//! Types that are serialized as strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::read;
use crate::domain::amount::Amount;
use crate::domain::gap_fill::GapFill;
use crate::domain::instrument::InstrumentType;
use crate::domain::page::SortOrder;
use crate::domain::price_basis::PriceBasis;
use crate::domain::quality_rule::Rule;
use crate::domain::symbol::SymbolReference;
use crate::domain::timeframe::Timeframe;

/// Serializes with `as_str` and deserializes with `FromStr`.
macro_rules! as_text {
    ($($of:ty: $expected:literal,)+) => {
        $(
            impl Serialize for $of {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $of {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    read(deserializer, $expected, str::parse)
                }
            }
        )+
    };
}

as_text! {
    GapFill: "a way to fill gaps, such as \"null\"",
    InstrumentType: "an instrument type, such as \"forex\"",
    PriceBasis: "a price basis, such as \"bid\"",
    Rule: "a quality rule, such as \"crossed\"",
    SortOrder: "an order: \"asc\" or \"desc\"",
    Timeframe: "a timeframe, such as \"5m\"",
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(
            deserializer,
            "an amount in a string such as \"67820.625\"",
            str::parse,
        )
    }
}

impl Serialize for SymbolReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SymbolReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(
            deserializer,
            "a symbol, such as \"oanda:EURUSD\"",
            str::parse,
        )
    }
}
