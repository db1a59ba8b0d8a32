//! Decodes rows of symbols with their instruments.

use chrono::NaiveDate;
use diesel::dsl::{Nullable, Select};
use diesel::{NullableExpressionMethods as _, QueryDsl as _, Queryable};
use rust_decimal::Decimal;

use crate::domain::{Instrument, Symbol, SymbolId};
use crate::error::{Entity, RepositoryError};
use crate::postgres::numeric::StoredNumeric;
use crate::postgres::schema::metadata::{instruments, symbols};

type InstrumentColumns = (
    instruments::instrument_type,
    instruments::base_currency,
    instruments::quote_currency,
    instruments::tick_size,
    instruments::lot_size,
    instruments::contract_multiplier,
    instruments::expiry,
    instruments::strike,
);

type SymbolColumns = (
    symbols::symbol_id,
    symbols::exchange,
    symbols::name,
    symbols::description,
    symbols::digits,
    symbols::active,
    Nullable<InstrumentColumns>,
);

/// The columns of a [`SymbolRow`], in its order.
pub(super) fn columns() -> SymbolColumns {
    (
        symbols::symbol_id,
        symbols::exchange,
        symbols::name,
        symbols::description,
        symbols::digits,
        symbols::active,
        (
            instruments::instrument_type,
            instruments::base_currency,
            instruments::quote_currency,
            instruments::tick_size,
            instruments::lot_size,
            instruments::contract_multiplier,
            instruments::expiry,
            instruments::strike,
        )
            .nullable(),
    )
}

type Joined = diesel::dsl::LeftJoin<symbols::table, instruments::table>;

/// All symbols with their instruments.
pub(super) fn symbols_with_instruments() -> Select<Joined, SymbolColumns> {
    symbols::table
        .left_join(instruments::table)
        .select(columns())
}

#[derive(Debug, Queryable)]
pub(super) struct SymbolRow {
    symbol_id: i64,
    exchange: String,
    name: String,
    description: String,
    digits: i16,
    active: bool,
    instrument: Option<InstrumentRow>,
}

#[derive(Debug, Queryable)]
pub(super) struct InstrumentRow {
    pub(super) instrument_type: String,
    pub(super) base_currency: Option<String>,
    pub(super) quote_currency: String,
    pub(super) tick_size: StoredNumeric,
    pub(super) lot_size: StoredNumeric,
    pub(super) contract_multiplier: StoredNumeric,
    pub(super) expiry: Option<NaiveDate>,
    pub(super) strike: Option<StoredNumeric>,
}

impl SymbolRow {
    pub(super) fn into_symbol(self) -> Result<Symbol, RepositoryError> {
        let symbol_id = SymbolId::new(self.symbol_id);
        Ok(Symbol {
            symbol_id,
            exchange: self.exchange,
            name: self.name,
            description: self.description,
            digits: self.digits,
            active: self.active,
            instrument: self
                .instrument
                .map(|row| row.into_instrument(symbol_id))
                .transpose()?,
        })
    }
}

impl InstrumentRow {
    pub(super) fn into_instrument(
        self,
        symbol_id: SymbolId,
    ) -> Result<Instrument, RepositoryError> {
        let data = |reason: String| RepositoryError::Data {
            entity: Entity::Symbol,
            key: symbol_id.to_string(),
            reason,
        };
        let number = |column: &str, value: StoredNumeric| -> Result<Decimal, RepositoryError> {
            value.0.map_err(|error| data(format!("{column}: {error}")))
        };
        Ok(Instrument {
            instrument_type: self
                .instrument_type
                .parse()
                .map_err(|error| data(format!("instrument_type: {error}")))?,
            base_currency: self.base_currency,
            quote_currency: self.quote_currency,
            tick_size: number("tick_size", self.tick_size)?,
            lot_size: number("lot_size", self.lot_size)?,
            contract_multiplier: number("contract_multiplier", self.contract_multiplier)?,
            expiry: self.expiry,
            strike: self
                .strike
                .map(|strike| number("strike", strike))
                .transpose()?,
        })
    }
}
