//! The price basis of candles for which a request names none.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tickbook::RepositoryError;
use tickbook::domain::{PriceBasis, SymbolId};
use tickbook::repository::{TickRepository, TradeRepository};

/// Decides by the stored ticks and trades: `bid` for a symbol with ticks, `trade` for a symbol with trades alone,
/// and `bid` for a symbol without either.
///
/// A symbol that had a tick counts as one with ticks until the server ends, so that the basis of later pages
/// does not change when ticks are deleted. The repositories are asked about it once, and about a symbol
/// without ticks at each request.
#[derive(Debug)]
pub struct DefaultBasis {
    ticks: Arc<dyn TickRepository>,
    trades: Arc<dyn TradeRepository>,
    quoted: RwLock<HashSet<SymbolId>>,
}

impl DefaultBasis {
    /// Decides by these repositories.
    #[must_use]
    pub fn new(ticks: Arc<dyn TickRepository>, trades: Arc<dyn TradeRepository>) -> Self {
        Self {
            ticks,
            trades,
            quoted: RwLock::default(),
        }
    }

    /// Returns the basis for the symbol.
    ///
    /// # Errors
    /// The errors of the repositories.
    pub async fn of(&self, symbol_id: SymbolId) -> Result<PriceBasis, RepositoryError> {
        if self.is_quoted(symbol_id) {
            return Ok(PriceBasis::Bid);
        }
        if self.ticks.latest(symbol_id).await?.is_some() {
            self.note_quoted(&HashSet::from([symbol_id]));
            return Ok(PriceBasis::Bid);
        }
        Ok(match self.trades.latest(symbol_id).await? {
            Some(_) => PriceBasis::Trade,
            None => PriceBasis::Bid,
        })
    }

    /// Returns the basis of each symbol, with two calls of the repositories at most.
    ///
    /// # Errors
    /// The errors of the repositories; more than 10,000 symbols.
    pub async fn of_all(
        &self,
        symbol_ids: &[SymbolId],
    ) -> Result<HashMap<SymbolId, PriceBasis>, RepositoryError> {
        let symbols = symbol_ids.iter().copied();
        let mut bases: HashMap<_, _> = symbols.map(|id| (id, PriceBasis::Bid)).collect();
        let mut rest: Vec<_> = bases.keys().copied().collect();
        rest.retain(|id| !self.is_quoted(*id));
        if rest.is_empty() {
            return Ok(bases);
        }
        let ticks = self.ticks.latest_of(&rest).await?;
        let with_ticks: HashSet<_> = ticks.iter().map(|tick| tick.symbol_id).collect();
        self.note_quoted(&with_ticks);
        rest.retain(|id| !with_ticks.contains(id));
        if !rest.is_empty() {
            let trades = self.trades.latest_of(&rest).await?;
            let with_trades = trades.iter().map(|trade| trade.symbol_id);
            bases.extend(with_trades.map(|id| (id, PriceBasis::Trade)));
        }
        Ok(bases)
    }

    fn note_quoted(&self, symbol_ids: &HashSet<SymbolId>) {
        let mut quoted = self.quoted.write().unwrap_or_else(PoisonError::into_inner);
        quoted.extend(symbol_ids);
    }

    fn is_quoted(&self, symbol_id: SymbolId) -> bool {
        let quoted = self.quoted.read().unwrap_or_else(PoisonError::into_inner);
        quoted.contains(&symbol_id)
    }
}
