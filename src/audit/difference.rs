//! A candle and the one that its ticks make.

use crate::domain::Candle;

/// A candle beside the one that its ticks make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ComparedCandles<'a> {
    /// What is read, or kept as a row.
    pub found: Option<&'a Candle>,
    /// What its ticks make.
    pub expected: Option<&'a Candle>,
}

impl<'a> ComparedCandles<'a> {
    pub(super) fn new(found: Option<&'a Candle>, expected: Option<&'a Candle>) -> Self {
        Self { found, expected }
    }

    /// The candle that is read or, where there is none, the one that the ticks make.
    #[must_use]
    pub fn either(&self) -> Option<&'a Candle> {
        self.found.or(self.expected)
    }
}

/// A field of two candles that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldDifference {
    /// Its name.
    pub field: &'static str,
    /// What is read.
    pub found: String,
    /// What the ticks make.
    pub expected: String,
}

/// The fields in which `found` differs from what its ticks make.
pub(super) fn differing_fields(found: &Candle, ticks: &Candle) -> Vec<FieldDifference> {
    let fields = [
        ("open", found.open, ticks.open),
        ("high", found.high, ticks.high),
        ("low", found.low, ticks.low),
        ("close", found.close, ticks.close),
        ("volume", found.volume, ticks.volume),
        (
            "tick_count",
            found.tick_count.into(),
            ticks.tick_count.into(),
        ),
    ];
    fields
        .into_iter()
        .filter(|(_, found, ticks)| found != ticks)
        .map(|(field, found, ticks)| FieldDifference {
            field,
            found: found.to_string(),
            expected: ticks.to_string(),
        })
        .collect()
}
