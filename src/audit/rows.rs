//! The rows from which the audited candles are computed.

use chrono::{DateTime, Utc};

use crate::domain::{CandleInput, PageLimit, SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::repository::{TickQuery, TickRepository, TradeQuery, TradeRepository};

#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    Ticks(&'a dyn TickRepository),
    Trades(&'a dyn TradeRepository),
}

impl Rows<'_> {
    pub(super) fn input(self) -> CandleInput {
        match self {
            Self::Ticks(_) => CandleInput::Ticks,
            Self::Trades(_) => CandleInput::Trades,
        }
    }

    /// The time of the first row in `range`.
    pub(super) async fn first_time(
        self,
        symbol_id: SymbolId,
        range: TimeRange,
    ) -> Result<Option<DateTime<Utc>>, RepositoryError> {
        let limit = PageLimit::new(1).map_err(RepositoryError::invalid)?;
        Ok(match self {
            Self::Ticks(ticks) => {
                let query = TickQuery::new(symbol_id, range).limit(limit);
                let tick = ticks.range(&query).await?.items.pop();
                tick.map(|tick| tick.tick_time)
            }
            Self::Trades(trades) => {
                let query = TradeQuery::new(symbol_id, range).limit(limit);
                let trade = trades.range(&query).await?.items.pop();
                trade.map(|trade| trade.trade_time)
            }
        })
    }
}
