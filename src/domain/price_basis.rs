//! The prices from which candles are computed, and the tables of their rows.

use std::fmt;
use std::str::FromStr;

use super::excerpt::excerpt;

/// The price from which a candle is computed: one of a tick, or that of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum PriceBasis {
    /// The bid.
    #[default]
    Bid,
    /// The ask.
    Ask,
    /// `(bid + ask) / 2` of each tick, exact: it may have one decimal place more than bid and ask.
    Mid,
    /// The price of each trade.
    Trade,
}

impl PriceBasis {
    /// All price bases.
    pub const ALL: &'static [Self] = &[Self::Bid, Self::Ask, Self::Mid, Self::Trade];

    /// The price bases of ticks.
    pub const OF_TICKS: &'static [Self] = CandleInput::Ticks.bases();

    /// Returns the rows from which candles of this basis are computed.
    #[must_use]
    pub const fn input(self) -> CandleInput {
        match self {
            Self::Bid | Self::Ask | Self::Mid => CandleInput::Ticks,
            Self::Trade => CandleInput::Trades,
        }
    }

    /// The name used in the database, in files and in the REST interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Mid => "mid",
            Self::Trade => "trade",
        }
    }
}

impl fmt::Display for PriceBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a price basis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid price basis {}: expected one of {}", excerpt(.0), names())]
#[non_exhaustive]
pub struct UnknownPriceBasis(pub String);

fn names() -> String {
    let names = PriceBasis::ALL.iter().map(|basis| basis.as_str());
    names.collect::<Vec<_>>().join(", ")
}

impl FromStr for PriceBasis {
    type Err = UnknownPriceBasis;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|basis| basis.as_str() == text)
            .ok_or_else(|| UnknownPriceBasis(text.to_owned()))
    }
}

/// The table of the rows from which candles are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CandleInput {
    /// Ticks: candles of the bases `bid`, `ask` and `mid`.
    Ticks,
    /// Trades: candles of the basis `trade`.
    Trades,
}

impl CandleInput {
    /// Both tables.
    pub const ALL: &'static [Self] = &[Self::Ticks, Self::Trades];

    /// The name of the table: `ticks` or `trades`.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Trades => "trades",
        }
    }

    /// The column of the times of its rows: `tick_time` or `trade_time`.
    #[must_use]
    pub const fn time_column(self) -> &'static str {
        match self {
            Self::Ticks => "tick_time",
            Self::Trades => "trade_time",
        }
    }

    /// The bases of the candles that are computed from its rows.
    #[must_use]
    pub const fn bases(self) -> &'static [PriceBasis] {
        match self {
            Self::Ticks => &[PriceBasis::Bid, PriceBasis::Ask, PriceBasis::Mid],
            Self::Trades => &[PriceBasis::Trade],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_basis_belongs_to_one_table() {
        for &basis in PriceBasis::ALL {
            let inputs = CandleInput::ALL.iter();
            let of_basis: Vec<_> = inputs.filter(|it| it.bases().contains(&basis)).collect();
            assert_eq!(of_basis, [&basis.input()], "{basis}");
        }
    }
}
