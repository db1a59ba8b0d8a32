//! Options whose values have fixed names. Help and errors list the names.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use tickbook::domain::{PriceBasis, Timeframe};
use tickbook::files::RowFormat;

/// Parses a stored timeframe.
pub(super) fn stored_timeframe() -> impl TypedValueParser<Value = Timeframe> {
    let names = Timeframe::ALL.iter().map(|timeframe| timeframe.as_str());
    PossibleValuesParser::new(names).try_map(|name| Timeframe::parse_stored(&name))
}

/// Parses a price basis.
pub(super) fn basis() -> impl TypedValueParser<Value = PriceBasis> {
    let names = PriceBasis::ALL.iter().map(|basis| basis.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<PriceBasis>())
}

/// Parses the format of a file of quotes or trades.
pub(super) fn row_format() -> impl TypedValueParser<Value = RowFormat> {
    let names = RowFormat::ALL.iter().map(|format| format.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<RowFormat>())
}
