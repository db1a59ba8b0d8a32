//! Reads the recorded days.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use crate::db::DbError;
use crate::domain::{SortOrder, TimeRange, Timeframe};

use super::RecordedDays;

/// Appends a source that has a row if days may be missing.
fn push_unrecorded(recorded: &RecordedDays, out: &mut AstPass<'_, '_, Pg>) {
    out.push_sql(" FROM (SELECT FROM ");
    out.push_sql(recorded.unrecorded);
    out.push_sql(" LIMIT 1) AS unrecorded");
}

/// The first `limit` recorded days of `symbol_id` that overlap `range`, in `order`; `None` if days may be
/// missing.
pub(super) fn recorded_days(
    connection: &mut PgConnection,
    recorded: &'static RecordedDays,
    symbol_id: i64,
    range: TimeRange,
    order: SortOrder,
    limit: usize,
) -> Result<Option<Vec<DateTime<Utc>>>, DbError> {
    let select = SelectDays {
        recorded,
        symbol_id,
        from: Timeframe::D1.bucket_start(range.start()),
        to: range.end(),
        order,
        // at most 365
        limit: limit as i64,
    };
    let mut days: Vec<Option<DateTime<Utc>>> = select.load(connection)?;
    // the union keeps no order
    days.sort_unstable();
    let days: Option<Vec<_>> = days.into_iter().collect();
    Ok(days.map(|mut days| {
        if order == SortOrder::Descending {
            days.reverse();
        }
        days
    }))
}

/// The symbols of each day that is their newest recorded one.
pub(in crate::postgres) type NewestDays = BTreeMap<DateTime<Utc>, Vec<i64>>;

/// The newest recorded day before `to` of each of `symbol_ids`, if it has one; `None` if days may be missing.
pub(in crate::postgres) fn newest_days(
    connection: &mut PgConnection,
    recorded: Option<&'static RecordedDays>,
    symbol_ids: &[i64],
    to: DateTime<Utc>,
) -> Result<Option<NewestDays>, DbError> {
    let Some(recorded) = recorded else {
        return Ok(None);
    };
    let select = SelectNewestDays {
        recorded,
        symbol_ids,
        to,
    };
    let rows: Vec<(Option<i64>, Option<DateTime<Utc>>)> = select.load(connection)?;
    let mut days = NewestDays::new();
    for row in rows {
        let (Some(symbol_id), Some(day)) = row else {
            return Ok(None);
        };
        days.entry(day).or_default().push(symbol_id);
    }
    Ok(Some(days))
}

// these two statements are prepared: their plans do not depend on the values, since the table has no chunks

struct SelectDays {
    recorded: &'static RecordedDays,
    symbol_id: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    order: SortOrder,
    limit: i64,
}

impl QueryFragment<Pg> for SelectDays {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT day FROM (SELECT day FROM ");
        out.push_sql(self.recorded.days);
        out.push_sql(" WHERE symbol_id = ");
        out.push_bind_param::<BigInt, _>(&self.symbol_id)?;
        out.push_sql(" AND day >= ");
        out.push_bind_param::<Timestamptz, _>(&self.from)?;
        out.push_sql(" AND day < ");
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        out.push_sql(match self.order {
            SortOrder::Ascending => " ORDER BY day ASC LIMIT ",
            SortOrder::Descending => " ORDER BY day DESC LIMIT ",
        });
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(") AS recorded UNION ALL SELECT NULL");
        push_unrecorded(self.recorded, &mut out);
        Ok(())
    }
}

// diesel identifies prepared statements by their text, of which each table has two
impl QueryId for SelectDays {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectDays {
    type SqlType = Nullable<Timestamptz>;
}

impl RunQueryDsl<PgConnection> for SelectDays {}

struct SelectNewestDays<'a> {
    recorded: &'static RecordedDays,
    symbol_ids: &'a [i64],
    to: DateTime<Utc>,
}

impl QueryFragment<Pg> for SelectNewestDays<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT id, newest.day FROM UNNEST(");
        out.push_bind_param::<Array<BigInt>, _>(self.symbol_ids)?;
        out.push_sql(") AS wanted (id) CROSS JOIN LATERAL (SELECT day FROM ");
        out.push_sql(self.recorded.days);
        out.push_sql(" WHERE symbol_id = wanted.id AND day < ");
        out.push_bind_param::<Timestamptz, _>(&self.to)?;
        out.push_sql(" ORDER BY day DESC LIMIT 1) AS newest UNION ALL SELECT NULL, NULL");
        push_unrecorded(self.recorded, &mut out);
        Ok(())
    }
}

impl QueryId for SelectNewestDays<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SelectNewestDays<'_> {
    type SqlType = (Nullable<BigInt>, Nullable<Timestamptz>);
}

impl RunQueryDsl<PgConnection> for SelectNewestDays<'_> {}
