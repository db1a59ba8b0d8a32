//! Merges exchanges and symbols in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::PgConnection;

use crate::db::{DbError, transaction};
use crate::domain::{Exchange, MergedExchange, MergedReferenceData, ReferenceData, folded_name};
use crate::error::RepositoryError;

use super::known::lock;
use super::{changing, exchanges};

pub(super) fn merge(
    connection: &mut PgConnection,
    data: &ReferenceData,
    at: DateTime<Utc>,
) -> Result<MergedReferenceData, DbError> {
    transaction(connection, |connection| {
        lock(connection)?;
        let merged = merge_exchanges(connection, &data.exchanges)?;
        // within a transaction its own is a savepoint
        let symbols = changing::merge(connection, &data.symbols, false, at)?;
        Ok(MergedReferenceData::new(merged, symbols))
    })
}

fn merge_exchanges(
    connection: &mut PgConnection,
    stated: &[Exchange],
) -> Result<Vec<MergedExchange>, DbError> {
    let names = stated.iter().map(|one| folded_name(&one.name)).collect();
    let mut known = BTreeMap::new();
    for exchange in exchanges::by_folded_names(connection, names)? {
        known.insert(folded_name(&exchange.name), exchange);
    }
    let mut results = Vec::with_capacity(stated.len());
    for one in stated {
        let name = folded_name(&one.name);
        let merged = match known.get(&name) {
            Some(known) => known.merged(one).map_err(RepositoryError::invalid)?,
            None => MergedExchange::created(one.clone()),
        };
        if merged.created {
            exchanges::insert(connection, &merged.exchange)?;
        } else if !merged.changed.is_empty() {
            exchanges::update(connection, &known[&name], &merged.exchange)?;
        }
        known.insert(name, merged.exchange.clone());
        results.push(merged);
    }
    Ok(results)
}
