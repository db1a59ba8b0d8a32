//! Changes stored trades as their corrections say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;

use super::Instant;
use super::row::{COLUMNS, CorrectionRow};
use crate::db::DbError;
use crate::domain::{AggressorSide, CandleInput, SymbolId, Timeframe, Trade, TradeKey};
use crate::postgres::numeric::PgDecimal;
use crate::postgres::timescale::{CandleRows, begin_deleting};
use crate::postgres::writing::{insert_missing, read_instants};
use crate::repository::{RecordedCorrection, cancelled_trade, newest_correction};

/// Held until the transaction ends, so that only one session changes trades for their corrections.
const LOCK: &str = "SELECT pg_advisory_xact_lock(\
     hashtextextended('tickbook trade corrections ' || current_schema(), 0))";

/// The settled corrections.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The number of removed trades.
    pub(super) removed: u64,
    /// All corrections of the instants.
    pub(super) corrections: Vec<RecordedCorrection>,
}

/// Begins a transaction that settles: waits for other sessions that settle, and for a running maintenance or
/// refresh of this library. Later statements of the transaction see what they have committed.
pub(super) fn lock(connection: &mut PgConnection) -> Result<(), DbError> {
    begin_deleting(connection)?;
    Ok(connection.batch_execute(LOCK)?)
}

/// The recorded corrections of `instants`, by id.
pub(super) fn recorded_at(
    connection: &mut PgConnection,
    instants: &[Instant],
) -> Result<Vec<RecordedCorrection>, DbError> {
    let (symbols, times): (Vec<_>, Vec<_>) = instants
        .iter()
        .map(|(symbol_id, time)| (symbol_id.get(), *time))
        .unzip();
    let rows: Vec<CorrectionRow> = sql_query(format!(
        "SELECT {COLUMNS} FROM trade_corrections WHERE (symbol_id, trade_time) IN \
         (SELECT * FROM UNNEST($1, $2)) ORDER BY correction_id"
    ))
    .bind::<Array<BigInt>, _>(symbols)
    .bind::<Array<Timestamptz>, _>(times)
    .load(connection)?;
    let recorded = rows.into_iter().map(CorrectionRow::into_recorded);
    Ok(recorded.collect::<Result<_, _>>()?)
}

/// Makes the stored trades of `instants` as their newest corrections say, and records the trades as they were
/// before. Call it in a transaction that holds the [`lock`].
pub(super) fn settle(
    connection: &mut PgConnection,
    instants: &[Instant],
) -> Result<Settled, DbError> {
    let mut corrections = recorded_at(connection, instants)?;
    if corrections.is_empty() {
        return Ok(Settled::default());
    }
    // a row with a symbol and a time stands for its instant
    let of_instant = |one: &RecordedCorrection| {
        let (symbol_id, time) = (one.correction.symbol_id, one.correction.trade_time);
        Trade::new(symbol_id, time, Decimal::ONE, Decimal::ONE)
    };
    let corrected: Vec<_> = corrections.iter().map(of_instant).collect();
    // before the trades are read: see `CandleRows`
    let rows = CandleRows::lock(connection, CandleInput::Trades)?;
    let stored = read_instants(connection, &corrected)?;
    let stored: BTreeMap<TradeKey, Trade> = stored.into_iter().map(|it| (it.key(), it)).collect();
    let mut trades = stored.clone();
    for place in newest_first(&corrections) {
        let one = &corrections[place];
        let cancelled = cancelled_trade(&corrections, &one.correction);
        let of_instant = |it: &&Trade| {
            let correction = &one.correction;
            (it.symbol_id, it.trade_time) == (correction.symbol_id, correction.trade_time)
        };
        let of_time: Vec<_> = trades.values().filter(of_instant).cloned().collect();
        let settled = one.correction.settled(&of_time, cancelled);
        for key in &settled.removed {
            trades.remove(key);
        }
        if let Some(replaced) = settled.replaced {
            trades.insert(replaced.key(), replaced);
        }
        if let (None, Some(before)) = (&one.before, settled.before) {
            record_before(connection, one, &before)?;
            corrections[place].before = Some(before);
        }
    }
    let removed = write_changes(connection, &rows, &stored, &trades)?;
    Ok(Settled {
        removed,
        corrections,
    })
}

/// The places of the newest correction of each trade, in the order of the corrections.
fn newest_first(corrections: &[RecordedCorrection]) -> Vec<usize> {
    let is_newest = |one: &RecordedCorrection| {
        let of_trade = corrections.iter();
        let of_trade = of_trade.filter(|other| other.correction.is_of_trade_of(&one.correction));
        newest_correction(of_trade).is_some_and(|newest| newest.id == one.id)
    };
    let mut places: Vec<_> = (0..corrections.len())
        .filter(|place| is_newest(&corrections[*place]))
        .collect();
    places.sort_by_key(|place| {
        let one = &corrections[*place];
        (one.correction.corrected_at, one.id)
    });
    places
}

/// Changes and removes the trades that differ, and deletes the rows of candles that include them. Returns the
/// number of removed trades.
fn write_changes(
    connection: &mut PgConnection,
    rows: &CandleRows,
    stored: &BTreeMap<TradeKey, Trade>,
    trades: &BTreeMap<TradeKey, Trade>,
) -> Result<u64, DbError> {
    let mut removed = 0;
    let mut changed: BTreeMap<(SymbolId, DateTime<Utc>), Vec<DateTime<Utc>>> = BTreeMap::new();
    let mut change = |key: &TradeKey| {
        let day = Timeframe::D1.bucket_start(key.trade_time);
        let of_day = changed.entry((key.symbol_id, day)).or_default();
        of_day.push(key.trade_time);
    };
    let restored = trades.iter().filter(|(key, _)| !stored.contains_key(key));
    for (key, trade) in restored {
        insert_missing(connection, std::slice::from_ref(trade))?;
        change(key);
    }
    for (key, before) in stored {
        match trades.get(key) {
            Some(now) if now == before => continue,
            Some(now) => update(connection, now)?,
            None => {
                removed += 1;
                delete(connection, key)?;
            }
        }
        change(key);
    }
    for ((symbol_id, _), times) in changed {
        rows.forget(connection, symbol_id, times)?;
    }
    Ok(removed)
}

fn update(connection: &mut PgConnection, trade: &Trade) -> Result<(), DbError> {
    sql_query(
        "UPDATE trades SET price = $4, quantity = $5, aggressor_side = $6, is_block = $7 \
         WHERE symbol_id = $1 AND trade_time = $2 AND sequence = $3",
    )
    .bind::<BigInt, _>(trade.symbol_id.get())
    .bind::<Timestamptz, _>(trade.trade_time)
    .bind::<BigInt, _>(trade.sequence)
    .bind::<Numeric, _>(PgDecimal(trade.price))
    .bind::<Numeric, _>(PgDecimal(trade.quantity))
    .bind::<Nullable<Text>, _>(trade.aggressor_side.map(AggressorSide::as_str))
    .bind::<Bool, _>(trade.is_block)
    .execute(connection)?;
    Ok(())
}

fn delete(connection: &mut PgConnection, key: &TradeKey) -> Result<(), DbError> {
    sql_query("DELETE FROM trades WHERE symbol_id = $1 AND trade_time = $2 AND sequence = $3")
        .bind::<BigInt, _>(key.symbol_id.get())
        .bind::<Timestamptz, _>(key.trade_time)
        .bind::<BigInt, _>(key.sequence)
        .execute(connection)?;
    Ok(())
}

fn record_before(
    connection: &mut PgConnection,
    recorded: &RecordedCorrection,
    before: &Trade,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE trade_corrections SET before_sequence = $2, before_price = $3, \
         before_quantity = $4, before_aggressor_side = $5, before_is_block = $6, \
         before_trade_id = $7, before_received_at = $8 WHERE correction_id = $1",
    )
    .bind::<BigInt, _>(recorded.id.get())
    .bind::<BigInt, _>(before.sequence)
    .bind::<Numeric, _>(PgDecimal(before.price))
    .bind::<Numeric, _>(PgDecimal(before.quantity))
    .bind::<Nullable<Text>, _>(before.aggressor_side.map(AggressorSide::as_str))
    .bind::<Bool, _>(before.is_block)
    .bind::<Nullable<Text>, _>(before.trade_id.as_deref())
    .bind::<Nullable<Timestamptz>, _>(before.received_at)
    .execute(connection)?;
    Ok(())
}
