//! Merges reference data into the symbols in memory.

use super::SymbolTables;
use crate::domain::{
    Exchange, InvalidExchange, MergedExchange, MergedReferenceData, ReferenceData, folded_name,
};
use crate::error::RepositoryError;

impl SymbolTables {
    /// Merges `data`. After an error the tables may have a part of it.
    pub(super) fn merge_reference_data(
        &mut self,
        data: &ReferenceData,
    ) -> Result<MergedReferenceData, RepositoryError> {
        let exchanges = data.exchanges.iter().map(|one| self.merge_exchange(one));
        let exchanges = exchanges.collect::<Result<_, _>>();
        let exchanges = exchanges.map_err(RepositoryError::invalid)?;
        let symbols = data.symbols.iter().map(|one| self.merge(one, false));
        let symbols = symbols.collect::<Result<_, _>>()?;
        Ok(MergedReferenceData::new(exchanges, symbols))
    }

    fn merge_exchange(&mut self, stated: &Exchange) -> Result<MergedExchange, InvalidExchange> {
        stated.validate()?;
        let merged = match self.exchanges.get(&folded_name(&stated.name)) {
            Some(known) => known.merged(stated)?,
            None => MergedExchange::created(stated.clone()),
        };
        let name = folded_name(&merged.exchange.name);
        self.exchanges.insert(name, merged.exchange.clone());
        Ok(merged)
    }
}
