//! Differences between a candle and the candle computed from its ticks.

use crate::domain::Candle;

/// A candle and the candle computed from its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ComparedCandles<'a> {
    /// The candle that was read, or the materialized row.
    pub found: Option<&'a Candle>,
    /// The candle computed from the ticks.
    pub expected: Option<&'a Candle>,
}

impl<'a> ComparedCandles<'a> {
    pub(super) fn new(found: Option<&'a Candle>, expected: Option<&'a Candle>) -> Self {
        Self { found, expected }
    }

    /// The candle that was read or, if there is none, the computed candle.
    #[must_use]
    pub fn either(&self) -> Option<&'a Candle> {
        self.found.or(self.expected)
    }
}

/// A field in which two candles differ.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldDifference {
    /// The name of the field.
    pub field: &'static str,
    /// The value that was read.
    pub found: String,
    /// The value computed from the ticks.
    pub expected: String,
}

/// The fields in which `found` differs from `ticks`.
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
    let mut different: Vec<_> = fields
        .into_iter()
        .filter(|(_, found, ticks)| found != ticks)
        .map(|(field, found, ticks)| FieldDifference {
            field,
            found: found.to_string(),
            expected: ticks.to_string(),
        })
        .collect();
    // a stored candle may lack these sums
    if let Some((found, trades)) = found.trade_volumes.zip(ticks.trade_volumes) {
        if found.buy_volume != trades.buy_volume {
            different.push(FieldDifference {
                field: "buy_volume",
                found: found.buy_volume.to_string(),
                expected: trades.buy_volume.to_string(),
            });
        }
        if found.notional != trades.notional {
            different.push(FieldDifference {
                field: "notional",
                found: found.notional.to_string(),
                expected: trades.notional.to_string(),
            });
        }
    }
    different
}
