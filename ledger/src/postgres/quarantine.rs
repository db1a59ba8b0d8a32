//! Events that were not booked.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::RepositoryError;
use tickbook::db::DbError;
use tickbook::domain::Page;

use super::json::{PgJson, event_of, text_of};
use super::statement::{Parameter, Selection, Statement, StatementText};
use crate::domain::{AccountId, OrderEvent};
use crate::repository::{QuarantineQuery, QuarantineReason, QuarantinedEvent};

struct Keep;

impl StatementText for Keep {
    const SQL: &'static str = "\
WITH input AS (SELECT ?::bigint AS account_id)
INSERT INTO quarantined_order_events AS kept
    (account_id, number, digest, reason, message, first_sequence, quarantined_at, deliveries, payload)
SELECT input.account_id,
    COALESCE((SELECT max(q.number) FROM quarantined_order_events q WHERE q.account_id = input.account_id), 0) + 1,
    ?, ?, ?, ?, ?, 1, ?::text::json
FROM input
ON CONFLICT (account_id, digest) DO UPDATE SET deliveries = kept.deliveries + 1";
    type Row = BigInt;
}

/// Keeps events of an account whose head is locked, each once.
pub(super) fn keep(
    connection: &mut PgConnection,
    account_id: AccountId,
    events: &[(&OrderEvent, QuarantineReason)],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    for (event, reason) in events {
        let first = match reason {
            QuarantineReason::Conflict { first } => Some(*first),
            QuarantineReason::Refused { .. } => None,
        };
        let statement = Statement::<Keep>::new([
            Parameter::BigInt(account_id.get()),
            Parameter::Bytes(event.digest().as_bytes().to_vec()),
            Parameter::Text(reason.as_str().to_owned()),
            Parameter::Text(reason.to_string()),
            Parameter::OptionalBigInt(first),
            Parameter::Time(now),
            Parameter::Text(text_of(event)?),
        ]);
        statement.execute(connection)?;
    }
    Ok(())
}

type Columns = (
    BigInt,
    Text,
    Text,
    Nullable<BigInt>,
    Timestamptz,
    BigInt,
    Text,
);
type Row = (i64, String, String, Option<i64>, DateTime<Utc>, i64, String);

fn quarantined(row: Row) -> Result<QuarantinedEvent, RepositoryError> {
    let (number, reason, message, first, quarantined_at, deliveries, payload) = row;
    let reason = match first {
        Some(first) => QuarantineReason::Conflict { first },
        None => QuarantineReason::Refused { reason, message },
    };
    let event = event_of(number, &PgJson(payload))?;
    let mut kept = QuarantinedEvent::new(number, event, reason, quarantined_at);
    kept.deliveries = u32::try_from(deliveries).unwrap_or(u32::MAX);
    Ok(kept)
}

pub(super) fn list(
    connection: &mut PgConnection,
    query: &QuarantineQuery,
) -> Result<Page<QuarantinedEvent, i64>, DbError> {
    let mut select = Selection::<Columns>::new(
        "SELECT number, reason, message, first_sequence, quarantined_at, deliveries, payload::text",
    );
    select.push(
        " FROM quarantined_order_events WHERE account_id = ? AND number > ? ORDER BY number LIMIT ?",
        [
            Parameter::BigInt(query.account_id.get()),
            Parameter::BigInt(query.after.unwrap_or_default()),
            Parameter::BigInt(query.limit.get() as i64 + 1),
        ],
    );
    let rows: Vec<Row> = select.load(connection)?;
    let kept: Result<Vec<_>, RepositoryError> = rows.into_iter().map(quarantined).collect();
    Ok(Page::from_limit_plus_one(
        kept?,
        query.limit,
        |it: &QuarantinedEvent| it.number,
    ))
}
