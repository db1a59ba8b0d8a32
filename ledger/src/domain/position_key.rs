//! The identity of positions.

use tickbook::domain::SymbolId;

use super::ids::StrategyId;

/// The identity of a position within its account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct PositionKey {
    /// The strategy that owns the position.
    pub strategy_id: Option<StrategyId>,
    /// The instrument.
    pub symbol_id: SymbolId,
    /// `net`, or the position of a hedging account, see
    /// [`OrderTerms::position_name`](super::OrderTerms::position_name).
    pub name: String,
}

impl PositionKey {
    /// Creates a key.
    #[must_use]
    pub fn new(
        strategy_id: Option<StrategyId>,
        symbol_id: SymbolId,
        name: impl Into<String>,
    ) -> Self {
        Self {
            strategy_id,
            symbol_id,
            name: name.into(),
        }
    }
}
