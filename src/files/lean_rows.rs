//! The kinds of LEAN files that can be imported.

/// The kind of rows that LEAN files are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeanRows {
    /// Quotes, read by [`LeanQuotes`](super::LeanQuotes).
    Quotes,
    /// Trades, read by [`LeanTrades`](super::LeanTrades).
    Trades,
    /// One-minute bars, read by [`LeanBars`](super::LeanBars).
    MinuteBars,
}

impl LeanRows {
    /// The kind of data in the names of such files.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Quotes | Self::MinuteBars => "quote",
            Self::Trades => "trade",
        }
    }

    /// Why a file of another kind has no such rows, and the remedy.
    pub(super) fn other_kind(self) -> &'static str {
        match self {
            Self::Quotes | Self::MinuteBars => {
                "which has neither bid nor ask: choose a file of quotes"
            }
            Self::Trades => "which has no trades: choose a file of trades",
        }
    }

    /// The resolution of such files, and the remedy for another one.
    pub(super) fn resolution(self) -> (&'static str, &'static str) {
        match self {
            Self::Quotes => ("tick", "choose a file of ticks, or import it as candles"),
            Self::Trades => ("tick", "choose a file of single trades"),
            Self::MinuteBars => ("minute", "choose a file of one-minute bars"),
        }
    }

    /// The noun for the rows.
    pub(super) fn names(self) -> &'static str {
        match self {
            Self::Quotes => "ticks",
            Self::Trades => "single trades",
            Self::MinuteBars => "one-minute bars",
        }
    }

    /// The columns with prices in a row of this width; `None` if no row has this width.
    pub(super) fn prices(self, width: usize) -> Option<&'static [usize]> {
        match (self, width) {
            (Self::Quotes, 3) => Some(&[1, 2]),
            (Self::Quotes, 5) => Some(&[1, 3]),
            (Self::Trades, 3 | 6) => Some(&[1]),
            (Self::MinuteBars, 11) => Some(&[1, 2, 3, 4, 6, 7, 8, 9]),
            _ => None,
        }
    }

    /// The widths of a row, and files that have such rows.
    pub(super) fn widths(self) -> (&'static str, &'static str) {
        match self {
            Self::Quotes => ("3 or 5", "ticks of forex, cfd or crypto quotes"),
            Self::Trades => ("3 or 6", "single trades"),
            Self::MinuteBars => ("11", "one-minute bars of quotes"),
        }
    }
}
