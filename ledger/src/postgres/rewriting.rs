//! Replaces the lots and fees of positions.

use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::db::DbError;

use super::amount::PgAmount;
use super::append_rows::Changes;
use super::fill_rows::columns_of;
use super::position_rows::{key_parameters, strategy_of};
use super::statement::{Parameter, Statement, StatementText};
use crate::domain::{AccountLedger, CostMethod, Lot, PositionKey};
use tickbook::postgres::PgDecimal;

struct DeleteLots;

impl StatementText for DeleteLots {
    const SQL: &'static str = "DELETE FROM position_lots WHERE account_id = ? \
         AND (strategy_id, symbol_id, position_name) IN (SELECT * FROM UNNEST(?::bigint[], ?::bigint[], ?::text[]))";
    type Row = BigInt;
}

struct InsertLots;

impl StatementText for InsertLots {
    const SQL: &'static str = "INSERT INTO position_lots (account_id, strategy_id, symbol_id, position_name, lot, quantity, \
         price, cost, venue, exec_id, effect, content_hash, opened_at) \
         SELECT ?::bigint, * FROM UNNEST(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::numeric[], ?::numeric[], \
         ?::numeric[], ?::text[], ?::text[], ?::text[], ?::bytea[], ?::timestamptz[])";
    type Row = BigInt;
}

/// Replaces the lots of the positions that a batch changed, if the account has lots.
pub(super) fn write_lots(
    connection: &mut PgConnection,
    ledger: &AccountLedger,
    changes: &Changes<'_>,
) -> Result<(), DbError> {
    let account = ledger.account();
    if account.terms.cost_method == CostMethod::Average || changes.positions().is_empty() {
        return Ok(());
    }
    let keys = changes.positions().iter().map(|it| it.key);
    Statement::<DeleteLots>::new(key_parameters(account, keys)).execute(connection)?;
    let lots: Vec<(&PositionKey, i64, &Lot)> = changes
        .positions()
        .iter()
        .flat_map(|it| {
            (1..)
                .zip(&it.position.lots)
                .map(|(place, lot)| (it.key, place, lot))
        })
        .collect();
    if lots.is_empty() {
        return Ok(());
    }
    // each lot of a stored position was opened by a fill
    let ids: Vec<_> = lots
        .iter()
        .map(|it| it.2.fill_id.as_ref().map(columns_of))
        .collect();
    let ids: Vec<_> = ids.into_iter().map(Option::unwrap_or_default).collect();
    let [account, strategies, symbols, names] = key_parameters(account, lots.iter().map(|it| it.0));
    let parameters = [
        account,
        strategies,
        symbols,
        names,
        Parameter::BigInts(lots.iter().map(|it| Some(it.1)).collect()),
        Parameter::Decimals(
            lots.iter()
                .map(|it| Some(PgDecimal(it.2.quantity)))
                .collect(),
        ),
        Parameter::Decimals(lots.iter().map(|it| Some(PgDecimal(it.2.price))).collect()),
        Parameter::Amounts(lots.iter().map(|it| Some(PgAmount(it.2.cost))).collect()),
        Parameter::Texts(ids.iter().map(|id| id.0.clone()).collect()),
        Parameter::Texts(ids.iter().map(|id| id.1.clone()).collect()),
        Parameter::Texts(ids.iter().map(|id| id.2.clone()).collect()),
        Parameter::Hashes(ids.iter().map(|id| id.3.clone()).collect()),
        Parameter::Times(lots.iter().map(|it| it.2.opened_at).collect()),
    ];
    Statement::<InsertLots>::new(parameters).execute(connection)?;
    Ok(())
}

struct DeleteFees;

impl StatementText for DeleteFees {
    const SQL: &'static str = "DELETE FROM position_fees WHERE account_id = ? AND strategy_id = ? AND symbol_id = ? \
         AND position_name = ? AND NOT currency = ANY(?)";
    type Row = BigInt;
}

/// Deletes the fees in currencies that no fill of the position has any more, since fills were busted.
pub(super) fn delete_ended_fees(
    connection: &mut PgConnection,
    ledger: &AccountLedger,
    changes: &Changes<'_>,
) -> Result<(), DbError> {
    for changed in changes.positions() {
        let currencies = changed.position.fees.keys();
        let statement = Statement::<DeleteFees>::new([
            Parameter::BigInt(ledger.account().account_id.get()),
            Parameter::BigInt(strategy_of(changed.key)),
            Parameter::BigInt(changed.key.symbol_id.get()),
            Parameter::Text(changed.key.name.clone()),
            Parameter::Texts(currencies.map(|it| Some(it.as_str().to_owned())).collect()),
        ]);
        statement.execute(connection)?;
    }
    Ok(())
}
