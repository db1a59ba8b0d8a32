//! Sides in the messages of both protocols.

use serde::Deserialize;

use crate::event::Aggressor;

/// The side of the maker of a trade.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum MakerSide {
    #[serde(rename = "buy", alias = "BUY")]
    Buy,
    #[serde(rename = "sell", alias = "SELL")]
    Sell,
}

impl MakerSide {
    pub(super) fn aggressor(self) -> Aggressor {
        match self {
            Self::Buy => Aggressor::Sell,
            Self::Sell => Aggressor::Buy,
        }
    }
}
