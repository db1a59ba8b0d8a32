//! Changes of symbols.

use super::SymbolTables;
use crate::domain::{InvalidSymbol, MergedSymbol, StatedSymbol, SymbolChange, SymbolId};
use crate::error::RepositoryError;
use crate::repository::{name_taken, name_taken_in_other_case};

impl SymbolTables {
    pub(super) fn merge(
        &mut self,
        stated: &StatedSymbol,
        overwrite: bool,
    ) -> Result<Result<MergedSymbol, InvalidSymbol>, RepositoryError> {
        let merged = match self.named(&stated.exchange, &stated.name) {
            Some(known) if known.name != stated.name => {
                Err(name_taken_in_other_case(&stated.name, known))
            }
            Some(known) => known.merged(&stated.facts, overwrite),
            None => match self.spelled(stated.clone()).into_new() {
                Ok(new) => Ok(MergedSymbol::created(new, self.next_id()?)),
                Err(invalid) => Err(invalid),
            },
        };
        if let Ok(merged) = &merged {
            self.put(merged.symbol.clone());
        }
        Ok(merged)
    }

    pub(super) fn amend(
        &mut self,
        symbol_id: SymbolId,
        mut change: SymbolChange,
    ) -> Result<MergedSymbol, RepositoryError> {
        let symbol = self.get(symbol_id)?;
        if let Some(exchange) = change.name.as_mut().and_then(|name| name.exchange.as_mut()) {
            *exchange = self.spelling(exchange);
        }
        let amended = symbol.amended(&change);
        let amended = amended.map_err(RepositoryError::invalid)?;
        match self.named(&amended.symbol.exchange, &amended.symbol.name) {
            Some(taker) if taker.symbol_id != symbol_id => return Err(name_taken(taker)),
            _ => {}
        }
        self.put(amended.symbol.clone());
        Ok(amended)
    }

    fn spelled(&self, stated: StatedSymbol) -> StatedSymbol {
        StatedSymbol {
            exchange: self.spelling(&stated.exchange),
            ..stated
        }
    }
}
