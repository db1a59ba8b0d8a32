//! Versions of instruments.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, PgConnection, QueryDsl as _, QueryResult,
    Queryable, RunQueryDsl as _, sql_query,
};

use crate::db::DbError;
use crate::domain::{InstrumentVersion, SymbolId};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::metadata::instrument_versions::{self, dsl};
use crate::postgres::stored_time::StoredTime;

use super::rows::InstrumentRow;

/// Adds a version to each of these symbols whose terms differ from its last version, or which has none. It is valid
/// from `at` on, and always later than the version before.
const RECORD: &str = "\
    INSERT INTO instrument_versions (symbol_id, valid_from, digits, instrument_type, base_currency, \
    quote_currency, tick_size, lot_size, contract_multiplier, expiry, strike) \
    SELECT symbols.symbol_id, GREATEST($2, last.valid_from + interval '1 microsecond'), symbols.digits, \
    now.instrument_type, now.base_currency, now.quote_currency, now.tick_size, now.lot_size, \
    now.contract_multiplier, now.expiry, now.strike \
    FROM symbols LEFT JOIN instruments AS now ON now.symbol_id = symbols.symbol_id \
    LEFT JOIN LATERAL (SELECT * FROM instrument_versions AS version \
    WHERE version.symbol_id = symbols.symbol_id ORDER BY valid_from DESC LIMIT 1) AS last ON true \
    WHERE symbols.symbol_id = ANY($1) AND (last.symbol_id IS NULL OR \
    (last.digits, last.instrument_type, last.base_currency, last.quote_currency, last.tick_size, \
    last.lot_size, last.contract_multiplier, last.expiry, last.strike) IS DISTINCT FROM \
    (symbols.digits, now.instrument_type, now.base_currency, now.quote_currency, now.tick_size, \
    now.lot_size, now.contract_multiplier, now.expiry, now.strike))";

/// Adds versions of the symbols whose terms changed.
pub(super) fn record(
    connection: &mut PgConnection,
    symbol_ids: Vec<i64>,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    sql_query(RECORD)
        .bind::<Array<BigInt>, _>(symbol_ids)
        .bind::<Timestamptz, _>(at)
        .execute(connection)
        .map(|_| ())
}

#[derive(Debug, Queryable)]
struct VersionRow {
    symbol_id: i64,
    valid_from: StoredTime,
    digits: i16,
    instrument_type: Option<String>,
    base_currency: Option<String>,
    quote_currency: Option<String>,
    tick_size: Option<StoredNumeric>,
    lot_size: Option<StoredNumeric>,
    contract_multiplier: Option<StoredNumeric>,
    expiry: Option<NaiveDate>,
    strike: Option<StoredNumeric>,
}

impl VersionRow {
    fn into_version(self) -> Result<InstrumentVersion, RepositoryError> {
        let symbol_id = SymbolId::new(self.symbol_id);
        let valid_from = self.valid_from.0.map_err(|error| RepositoryError::Data {
            entity: Entity::Symbol,
            key: symbol_id.to_string(),
            reason: format!("valid_from: {error}"),
        })?;
        // a constraint makes instruments whole
        let row = match (
            self.instrument_type,
            self.quote_currency,
            self.tick_size,
            self.lot_size,
            self.contract_multiplier,
        ) {
            (Some(kind), Some(quote), Some(tick_size), Some(lot_size), Some(multiplier)) => {
                Some(InstrumentRow {
                    instrument_type: kind,
                    base_currency: self.base_currency,
                    quote_currency: quote,
                    tick_size,
                    lot_size,
                    contract_multiplier: multiplier,
                    expiry: self.expiry,
                    strike: self.strike,
                })
            }
            _ => None,
        };
        let instrument = row.map(|row| row.into_instrument(symbol_id)).transpose()?;
        Ok(InstrumentVersion {
            symbol_id,
            valid_from,
            digits: self.digits,
            instrument,
        })
    }
}

pub(super) fn of_symbol(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
) -> Result<Vec<InstrumentVersion>, DbError> {
    let rows: Vec<VersionRow> = instrument_versions::table
        .filter(dsl::symbol_id.eq(symbol_id.get()))
        .order(dsl::valid_from)
        .load(connection)?;
    let versions = rows.into_iter().map(VersionRow::into_version);
    Ok(versions.collect::<Result<_, _>>()?)
}

pub(super) fn as_of(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    time: DateTime<Utc>,
) -> Result<Option<InstrumentVersion>, DbError> {
    let row: Option<VersionRow> = instrument_versions::table
        .filter(dsl::symbol_id.eq(symbol_id.get()))
        .filter(dsl::valid_from.le(time))
        .order(dsl::valid_from.desc())
        .first(connection)
        .optional()?;
    Ok(row.map(VersionRow::into_version).transpose()?)
}
