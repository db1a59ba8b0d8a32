//! Positions as rows, with their fees and lots.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::DbError;
use tickbook::domain::SymbolId;
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::amount::PgAmount;
use super::fill_rows::fill_id;
use super::statement::{Parameter, Statement, StatementText};
use super::stored::{StoredText, invalid};
use crate::domain::{
    Account, Amount, CostMethod, Currency, ExecId, FillId, FillOrder, Lot, Position,
    PositionEffect, PositionKey, StrategyId, Venue,
};
use crate::repository::PositionEntry;

/// The columns of a [`PositionRow`], of the table `positions` with the name `p`.
macro_rules! position_columns {
    () => {
        "p.strategy_id, p.symbol_id, p.position_name, p.quantity, p.open_cost, p.realized, p.opened_at"
    };
}

pub(super) use position_columns;

pub(super) type PositionColumns = (
    BigInt,
    BigInt,
    Text,
    Numeric,
    Numeric,
    Numeric,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
pub(super) struct PositionRow {
    strategy_id: i64,
    symbol_id: i64,
    position_name: String,
    quantity: PgDecimal,
    open_cost: PgAmount,
    realized: PgAmount,
    opened_at: Option<DateTime<Utc>>,
}

impl PositionRow {
    /// The position without fees and lots.
    fn into_entry(self) -> PositionEntry {
        let key = position_key(self.strategy_id, self.symbol_id, self.position_name);
        let position = Position {
            quantity: self.quantity.0,
            open_cost: self.open_cost.0,
            realized: self.realized.0,
            opened_at: self.opened_at,
            ..Position::default()
        };
        PositionEntry::new(key, position)
    }
}

/// The strategy of a position in the database, which has 0 for none.
pub(super) fn strategy_of(key: &PositionKey) -> i64 {
    key.strategy_id.map_or(0, |id| id.get())
}

fn position_key(strategy_id: i64, symbol_id: i64, name: String) -> PositionKey {
    let strategy_id = (strategy_id != 0).then(|| StrategyId::new(strategy_id));
    PositionKey::new(strategy_id, SymbolId::new(symbol_id), name)
}

/// An account, and the strategies, symbols and names of positions.
pub(super) fn key_parameters<'a>(
    account: &Account,
    keys: impl IntoIterator<Item = &'a PositionKey> + Clone,
) -> [Parameter; 4] {
    let each = || keys.clone().into_iter();
    [
        Parameter::BigInt(account.account_id.get()),
        Parameter::BigInts(each().map(|key| Some(strategy_of(key))).collect()),
        Parameter::BigInts(each().map(|key| Some(key.symbol_id.get())).collect()),
        Parameter::Texts(each().map(|key| Some(key.name.clone())).collect()),
    ]
}

struct PositionsOfKeys;

impl StatementText for PositionsOfKeys {
    const SQL: &'static str = concat!(
        "SELECT ",
        position_columns!(),
        ", l.trade_time, l.venue_sequence, l.sequence, l.venue, l.exec_id, l.effect, l.content_hash \
         FROM positions p LEFT JOIN LATERAL (SELECT f.* FROM fills f \
         WHERE f.account_id = p.account_id AND f.symbol_id = p.symbol_id AND f.position_name = p.position_name \
         AND COALESCE(f.strategy_id, 0) = p.strategy_id AND NOT f.is_busted \
         ORDER BY f.trade_time DESC, f.venue_sequence DESC, f.sequence DESC LIMIT 1) l ON true \
         WHERE p.account_id = ? AND (p.strategy_id, p.symbol_id, p.position_name) \
         IN (SELECT * FROM UNNEST(?::bigint[], ?::bigint[], ?::text[]))"
    );
    type Row = (
        PositionColumns,
        (
            Nullable<Timestamptz>,
            Nullable<BigInt>,
            Nullable<BigInt>,
            Nullable<Text>,
            Nullable<Text>,
            Nullable<Text>,
            Nullable<Binary>,
        ),
    );
}

#[derive(Debug, Queryable)]
struct LastFill {
    trade_time: Option<DateTime<Utc>>,
    venue_sequence: Option<i64>,
    sequence: Option<i64>,
    venue: Option<StoredText<Venue>>,
    exec_id: Option<StoredText<ExecId>>,
    effect: Option<StoredText<PositionEffect>>,
    content_hash: Option<Vec<u8>>,
}

impl LastFill {
    fn into_order(self) -> Result<Option<(FillOrder, FillId)>, RepositoryError> {
        let (Some(trade_time), Some(venue_sequence), Some(sequence)) =
            (self.trade_time, self.venue_sequence, self.sequence)
        else {
            return Ok(None);
        };
        let order = FillOrder {
            trade_time,
            venue_sequence,
            sequence,
        };
        let id = fill_id((self.venue, self.exec_id, self.effect, self.content_hash));
        let id = id.map_err(|reason| invalid(Entity::Fill, sequence, "fill id", reason))?;
        Ok(Some((order, id)))
    }
}

/// A position, and its last fill that is not busted.
type WithLastFill = (PositionEntry, Option<(FillOrder, FillId)>);

/// The positions with these keys, as far as they exist, each with its last fill that is not busted.
pub(super) fn of_keys(
    connection: &mut PgConnection,
    account: &Account,
    keys: &[PositionKey],
) -> Result<Vec<WithLastFill>, DbError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let statement = Statement::<PositionsOfKeys>::new(key_parameters(account, keys));
    let rows: Vec<(PositionRow, LastFill)> = statement.load(connection)?;
    let (rows, last): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let entries = complete(connection, account, rows)?;
    let last = last.into_iter().map(LastFill::into_order);
    let last: Vec<_> = last.collect::<Result<_, _>>()?;
    Ok(entries.into_iter().zip(last).collect())
}

/// The positions of these rows with their fees and lots.
pub(super) fn complete(
    connection: &mut PgConnection,
    account: &Account,
    rows: Vec<PositionRow>,
) -> Result<Vec<PositionEntry>, DbError> {
    let mut entries: Vec<_> = rows.into_iter().map(PositionRow::into_entry).collect();
    if entries.is_empty() {
        return Ok(entries);
    }
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut fees = fees(connection, account, &keys)?;
    let mut lots = match account.terms.cost_method {
        CostMethod::Average => BTreeMap::new(),
        _ => lots(connection, account, &keys)?,
    };
    for entry in &mut entries {
        entry.position.fees = fees.remove(&entry.key).unwrap_or_default();
        entry.position.lots = lots.remove(&entry.key).unwrap_or_default();
    }
    Ok(entries)
}

struct Fees;

impl StatementText for Fees {
    const SQL: &'static str = "SELECT strategy_id, symbol_id, position_name, currency, amount FROM position_fees \
         WHERE account_id = ? AND (strategy_id, symbol_id, position_name) \
         IN (SELECT * FROM UNNEST(?::bigint[], ?::bigint[], ?::text[]))";
    type Row = (BigInt, BigInt, Text, Text, Numeric);
}

fn fees(
    connection: &mut PgConnection,
    account: &Account,
    keys: &[PositionKey],
) -> Result<BTreeMap<PositionKey, BTreeMap<Currency, Amount>>, DbError> {
    let statement = Statement::<Fees>::new(key_parameters(account, keys));
    let rows: Vec<(i64, i64, String, String, PgAmount)> = statement.load(connection)?;
    let mut fees: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (strategy_id, symbol_id, name, currency, amount) in rows {
        let error = |error| invalid(Entity::Position, &name, "currency", error);
        let currency = Currency::new(currency).map_err(error)?;
        let key = position_key(strategy_id, symbol_id, name);
        fees.entry(key).or_default().insert(currency, amount.0);
    }
    Ok(fees)
}

struct Lots;

impl StatementText for Lots {
    const SQL: &'static str = "SELECT strategy_id, symbol_id, position_name, quantity, price, cost, venue, exec_id, \
         effect, content_hash, opened_at FROM position_lots \
         WHERE account_id = ? AND (strategy_id, symbol_id, position_name) \
         IN (SELECT * FROM UNNEST(?::bigint[], ?::bigint[], ?::text[])) ORDER BY lot";
    type Row = LotColumns;
}

type LotColumns = (
    BigInt,
    BigInt,
    Text,
    Numeric,
    Numeric,
    Numeric,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Binary>,
    Timestamptz,
);

#[derive(Debug, Queryable)]
struct LotRow {
    strategy_id: i64,
    symbol_id: i64,
    position_name: String,
    quantity: PgDecimal,
    price: PgDecimal,
    cost: PgAmount,
    venue: Option<StoredText<Venue>>,
    exec_id: Option<StoredText<ExecId>>,
    effect: Option<StoredText<PositionEffect>>,
    content_hash: Option<Vec<u8>>,
    opened_at: DateTime<Utc>,
}

fn lots(
    connection: &mut PgConnection,
    account: &Account,
    keys: &[PositionKey],
) -> Result<BTreeMap<PositionKey, Vec<Lot>>, DbError> {
    let statement = Statement::<Lots>::new(key_parameters(account, keys));
    let rows: Vec<LotRow> = statement.load(connection)?;
    let mut lots: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        let key = position_key(row.strategy_id, row.symbol_id, row.position_name);
        let id = fill_id((row.venue, row.exec_id, row.effect, row.content_hash));
        let error = |reason| invalid(Entity::Position, &key.name, "fill of a lot", reason);
        let lot = Lot {
            quantity: row.quantity.0,
            price: row.price.0,
            cost: row.cost.0,
            fill_id: Some(id.map_err(error)?),
            opened_at: Some(row.opened_at),
        };
        lots.entry(key).or_default().push(lot);
    }
    Ok(lots)
}
