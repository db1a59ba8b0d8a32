//! Deletion of trades.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};

use crate::db::{DbError, transaction};
use crate::domain::{SymbolId, TimeRange, Trade};
use crate::postgres::reading::first_part;
use crate::repository::{DeletedTrades, TimeSpan};

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    trades: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

impl Counted {
    fn into_deleted(self, rest: Option<TimeRange>) -> DeletedTrades {
        let span = self.first.zip(self.last);
        DeletedTrades {
            trades: self.trades.unsigned_abs(),
            span: span.map(|(first, last)| TimeSpan::new(first, last)),
            rest,
        }
    }
}

/// Deletes the first part of `range` in one transaction.
pub(super) fn delete_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTrades, DbError> {
    transaction(connection, |connection| {
        on_first_part(
            connection,
            symbol_id,
            range,
            "WITH deleted AS (DELETE FROM trades \
             WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3 RETURNING trade_time) \
             SELECT count(*) AS trades, min(trade_time) AS first, max(trade_time) AS last FROM deleted",
        )
    })
}

/// Counts the trades that [`delete_part`] would delete.
pub(super) fn deletable_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
) -> Result<DeletedTrades, DbError> {
    on_first_part(
        connection,
        symbol_id,
        range,
        "SELECT count(*) AS trades, min(trade_time) AS first, max(trade_time) AS last FROM trades \
         WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3",
    )
}

fn on_first_part(
    connection: &mut PgConnection,
    symbol_id: SymbolId,
    range: TimeRange,
    statement: &str,
) -> Result<DeletedTrades, DbError> {
    let Some((part, rest)) = first_part::<Trade>(connection, symbol_id, range)? else {
        return Ok(DeletedTrades::default());
    };
    let counted: Counted = sql_query(statement)
        .bind::<BigInt, _>(symbol_id.get())
        .bind::<Timestamptz, _>(part.start())
        .bind::<Timestamptz, _>(part.end())
        .get_result(connection)?;
    Ok(counted.into_deleted(rest))
}
