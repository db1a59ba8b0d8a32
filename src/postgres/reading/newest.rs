//! The newest row of each of many symbols.

use std::marker::PhantomData;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::{Pg, PgRowByRowLoadingMode};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Timestamptz, Untyped};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{SymbolId, TimeRange};
use crate::error::RepositoryError;
use crate::postgres::symbol_days::{NewestDays, newest_days};
use crate::postgres::writing::{KeyedRow, StoredRow, push_names, sequence_column, time_column};

use super::range::{newest_in, push_all};

/// The maximum number of symbols of a call.
const MAX_SYMBOLS: usize = 10_000;

/// Returns the ids as numbers, sorted and without repetitions.
///
/// # Errors
/// `InvalidInput` for more than 10,000 symbols.
pub(in crate::postgres) fn distinct_ids(
    symbol_ids: &[SymbolId],
) -> Result<Vec<i64>, RepositoryError> {
    let mut ids: Vec<_> = symbol_ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_SYMBOLS {
        return Err(RepositoryError::invalid(format!(
            "too many symbols ({}): request at most {MAX_SYMBOLS} per call",
            ids.len()
        )));
    }
    Ok(ids)
}

/// The newest row of each of `symbol_ids`, by ascending id.
///
/// Searches all symbols together in the last hour and the last day, then each symbol in its newest recorded
/// day. A symbol without rows in that day, because they were deleted, is searched on its own.
pub(in crate::postgres) fn newest_of<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_ids: Vec<i64>,
    now: DateTime<Utc>,
) -> Result<Vec<R>, DbError> {
    let mut search = NewestSearch {
        symbol_ids,
        rows: Vec::new(),
    };
    let mut reached = TimeRange::all().end();
    for reach in [TimeDelta::hours(1), TimeDelta::days(1)] {
        let from = (now - reach).clamp(TimeRange::all().start(), reached);
        search.read(connection, from, reached)?;
        reached = from;
    }
    if search.symbol_ids.is_empty() {
        return Ok(search.finish());
    }
    match newest_days(connection, R::DAYS, &search.symbol_ids, reached)? {
        Some(days) => search.read_days(connection, days, reached, now)?,
        None => {
            let first = TimeRange::all().start();
            for start in [now - TimeDelta::days(7), now - TimeDelta::days(30), first] {
                let from = start.clamp(first, reached);
                search.read(connection, from, reached)?;
                reached = from;
            }
        }
    }
    Ok(search.finish())
}

/// The symbols to search and the rows found.
struct NewestSearch<R> {
    symbol_ids: Vec<i64>,
    rows: Vec<R>,
}

impl<R: KeyedRow> NewestSearch<R> {
    /// Reads the newest row in `[from, to)` of each symbol.
    fn read(
        &mut self,
        connection: &mut PgConnection,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(), DbError> {
        if self.symbol_ids.is_empty() || from >= to {
            return Ok(());
        }
        let found = read_newest(connection, &self.symbol_ids, from, to)?;
        self.add(found);
        Ok(())
    }

    /// Reads the newest row before `to` of each symbol, if it is in the symbol's newest recorded day; the
    /// others one by one.
    fn read_days(
        &mut self,
        connection: &mut PgConnection,
        days: NewestDays,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), DbError> {
        for (day, symbol_ids) in days {
            let end = to.min(day + TimeDelta::days(1));
            let found = read_newest::<R>(connection, &symbol_ids, day, end)?;
            let mut rest = symbol_ids;
            rest.retain(|id| found.iter().all(|row| row.symbol_id().get() != *id));
            self.add(found);
            for symbol_id in rest {
                let before = TimeRange::new(TimeRange::all().start(), day);
                let before = before.map_err(RepositoryError::invalid)?;
                self.rows.extend(newest_in(
                    connection,
                    SymbolId::new(symbol_id),
                    before,
                    now,
                )?);
            }
        }
        Ok(())
    }

    fn add(&mut self, found: Vec<R>) {
        let mut ids: Vec<_> = found.iter().map(|row| row.symbol_id().get()).collect();
        ids.sort_unstable();
        self.symbol_ids.retain(|id| ids.binary_search(id).is_err());
        self.rows.extend(found);
    }

    fn finish(mut self) -> Vec<R> {
        self.rows.sort_unstable_by_key(R::symbol_id);
        self.rows
    }
}

fn read_newest<R: KeyedRow>(
    connection: &mut PgConnection,
    symbol_ids: &[i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<R>, DbError> {
    let query = SelectNewest {
        symbol_ids,
        from,
        to,
        of: PhantomData::<R>,
    };
    let mut rows = Vec::with_capacity(symbol_ids.len());
    for row in query.load_iter::<StoredRow<R>, PgRowByRowLoadingMode>(connection)? {
        rows.push(R::of_stored(row?.0)?);
    }
    Ok(rows)
}

/// Probes the index once for each symbol; `DISTINCT ON` would read every row of the range.
///
/// The server plans it for the given range; see `range.rs`.
struct SelectNewest<'a, R> {
    symbol_ids: &'a [i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    of: PhantomData<R>,
}

impl<R: KeyedRow> QueryFragment<Pg> for SelectNewest<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (time, sequence) = (time_column::<R>(), sequence_column::<R>());
        out.push_sql("SELECT newest.* FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(self.symbol_ids)?;
        out.push_sql(") AS wanted (id) CROSS JOIN LATERAL (SELECT ");
        push_names(R::COLUMNS, &mut out);
        push_all(
            &mut out,
            &[
                " FROM ",
                R::TABLE,
                " WHERE symbol_id = wanted.id AND ",
                time,
                " >= ",
            ],
        );
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        push_all(&mut out, &[" AND ", time, " < "]);
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        push_all(
            &mut out,
            &[
                " ORDER BY ",
                time,
                " DESC, ",
                sequence,
                " DESC LIMIT 1) AS newest",
            ],
        );
        Ok(())
    }
}

impl<R> QueryId for SelectNewest<'_, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for SelectNewest<'_, R> {
    type SqlType = Untyped;
}

impl<R> RunQueryDsl<PgConnection> for SelectNewest<'_, R> {}
