//! Deletion of trades and of the candle rows that include them.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::{CandleInput, SymbolId, TimeRange, Trade};
use crate::postgres::reading::first_part;
use crate::postgres::timescale::retention::applied_now;
use crate::postgres::timescale::{CandleRows, begin_deleting};
use crate::repository::{DeletedTrades, TimeSpan, refuse_dropped};

#[derive(QueryableByName)]
struct Time {
    #[diesel(sql_type = Timestamptz)]
    trade_time: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    trades: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

/// Deletes the first part of `range` in one transaction.
pub(super) fn delete_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTrades, DbError> {
    transaction(connection, |connection| {
        begin_deleting(connection)?;
        let Some((part, rest)) = part_of_trades(connection, symbol_id, range)? else {
            return Ok(DeletedTrades::default());
        };
        // before the trades are read: see `CandleRows`
        let rows = CandleRows::lock(connection, CandleInput::Trades)?;
        let times: Vec<Time> = sql_query(
            "DELETE FROM trades WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3 \
             RETURNING trade_time",
        )
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(part.start())
        .bind::<Timestamptz, _>(part.end())
        .load(connection)?;
        let times: Vec<_> = times.into_iter().map(|row| row.trade_time).collect();
        rows.forget(connection, symbol_id, times.iter().copied())?;
        Ok(DeletedTrades {
            rest,
            ..DeletedTrades::of(times)
        })
    })
}

/// Counts the trades that [`delete_part`] would delete.
pub(super) fn deletable_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTrades, DbError> {
    let Some((part, rest)) = part_of_trades(connection, symbol_id, range)? else {
        return Ok(DeletedTrades::default());
    };
    let counted: Counted = sql_query(
        "SELECT count(*) AS trades, min(trade_time) AS first, max(trade_time) AS last FROM trades \
         WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3",
    )
    .bind::<BigInt, _>(symbol_id.get())
    .bind::<Timestamptz, _>(part.start())
    .bind::<Timestamptz, _>(part.end())
    .get_result(connection)?;
    let span = counted.first.zip(counted.last);
    Ok(DeletedTrades {
        trades: counted.trades.unsigned_abs(),
        span: span.map(|(first, last)| TimeSpan::new(first, last)),
        rest,
    })
}

/// The first part of `range` and the rest; `None` without trades.
fn part_of_trades(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<Option<(TimeRange, Option<TimeRange>)>, DbError> {
    if let Some((applied, _)) = applied_now(connection)? {
        refuse_dropped(range, applied.trades.dropped_before)?;
    }
    first_part::<Trade>(connection, symbol_id, range)
}
