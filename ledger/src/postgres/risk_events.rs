//! Risk events and their acknowledgements.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Jsonb, Nullable, Numeric, Text, Timestamptz};
use diesel::{PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::{Page, SortOrder, SymbolId};
use tickbook::postgres::PgDecimal;
use tickbook::{Entity, RepositoryError};

use super::accounts::find;
use super::details::{details_of, text_of};
use super::json::PgJson;
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::stored::{invalid, missing};
use crate::domain::{
    AccountId, AccountScope, Acknowledgement, NewRiskEvent, RiskEvent, RiskEventId, StrategyId,
    UnknownName,
};
use crate::repository::RiskEventQuery;

struct InsertRisk;

impl StatementText for InsertRisk {
    const SQL: &'static str = "INSERT INTO risk_events (account_id, strategy_id, symbol_id, kind, severity, metric, \
        observed, threshold, action, details, occurred_at, recorded_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?::text::jsonb, ?, ?) RETURNING risk_event_id";
    type Row = BigInt;
}

pub(super) fn raise(
    connection: &mut PgConnection,
    scope: &AccountScope,
    event: &NewRiskEvent,
    now: DateTime<Utc>,
) -> Result<RiskEvent, DbError> {
    transaction(connection, |connection| {
        let is_known = match event.account_id {
            Some(id) => find(connection, scope, id)?.is_some(),
            None => scope.tenant_id().is_none(),
        };
        if !is_known {
            return Err(missing(event.account_id.unwrap_or(AccountId::new(0))).into());
        }
        let id: i64 = Statement::<InsertRisk>::new([
            Parameter::OptionalBigInt(event.account_id.map(AccountId::get)),
            Parameter::OptionalBigInt(event.strategy_id.map(StrategyId::get)),
            Parameter::OptionalBigInt(event.symbol_id.map(SymbolId::get)),
            Parameter::Text(event.kind.as_str().to_owned()),
            Parameter::Text(event.severity.as_str().to_owned()),
            Parameter::Text(event.metric.clone()),
            Parameter::OptionalDecimal(Some(PgDecimal(event.observed))),
            Parameter::OptionalDecimal(Some(PgDecimal(event.threshold))),
            Parameter::OptionalText(event.action.clone()),
            Parameter::Text(text_of(&event.details)?),
            Parameter::Time(event.occurred_at),
            Parameter::Time(now),
        ])
        .get_result(connection)?;
        Ok(RiskEvent::new(RiskEventId::new(id), event.clone(), now))
    })
}

struct Acknowledge;

impl StatementText for Acknowledge {
    const SQL: &'static str = "INSERT INTO risk_acknowledgements (risk_event_id, acknowledged_by, note, \
        acknowledged_at) VALUES (?, ?, ?, ?) ON CONFLICT (risk_event_id) DO NOTHING";
    type Row = BigInt;
}

pub(super) fn acknowledge(
    connection: &mut PgConnection,
    scope: &AccountScope,
    id: RiskEventId,
    acknowledgement: &Acknowledgement,
) -> Result<RiskEvent, DbError> {
    let missing = || RepositoryError::NotFound {
        entity: Entity::RiskEvent,
        key: id.to_string(),
    };
    transaction(connection, |connection| {
        get(connection, scope, id)?.ok_or_else(missing)?;
        Statement::<Acknowledge>::new([
            Parameter::BigInt(id.get()),
            Parameter::Text(acknowledgement.by.clone()),
            Parameter::Text(acknowledgement.note.clone()),
            Parameter::Time(acknowledgement.at),
        ])
        .execute(connection)?;
        Ok(get(connection, scope, id)?.ok_or_else(missing)?)
    })
}

type Columns = (
    BigInt,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Text,
    Text,
    Text,
    Numeric,
    Numeric,
    Nullable<Text>,
    Jsonb,
    Timestamptz,
    Timestamptz,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Timestamptz>,
);

#[derive(Debug, Queryable)]
struct Row {
    risk_event_id: i64,
    account_id: Option<i64>,
    strategy_id: Option<i64>,
    symbol_id: Option<i64>,
    kind: String,
    severity: String,
    metric: String,
    observed: PgDecimal,
    threshold: PgDecimal,
    action: Option<String>,
    details: PgJson,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    acknowledged_by: Option<String>,
    note: Option<String>,
    acknowledged_at: Option<DateTime<Utc>>,
}

impl Row {
    fn into_event(self) -> Result<RiskEvent, RepositoryError> {
        let id = self.risk_event_id;
        let error =
            |column| move |error: UnknownName| invalid(Entity::RiskEvent, id, column, error);
        let mut event = NewRiskEvent::new(
            self.kind.parse().map_err(error("kind"))?,
            self.severity.parse().map_err(error("severity"))?,
            self.metric,
            self.observed.0,
            self.threshold.0,
            self.occurred_at,
        )
        .with_account(self.account_id.map(AccountId::new))
        .with_strategy(self.strategy_id.map(StrategyId::new))
        .with_symbol(self.symbol_id.map(SymbolId::new));
        event.action = self.action;
        event.details = details_of(Entity::RiskEvent, id, &self.details)?;
        let mut event = RiskEvent::new(RiskEventId::new(id), event, self.recorded_at);
        event.acknowledgement = match (self.acknowledged_by, self.note, self.acknowledged_at) {
            (Some(by), Some(note), Some(at)) => Some(Acknowledgement::new(by, note, at)),
            _ => None,
        };
        Ok(event)
    }
}

/// Selects the events of a scope.
fn selection(scope: &AccountScope) -> Selection<Columns> {
    let mut select = Selection::new(
        "SELECT r.risk_event_id, r.account_id, r.strategy_id, r.symbol_id, r.kind, r.severity, r.metric, \
         r.observed, r.threshold, r.action, r.details, r.occurred_at, r.recorded_at, k.acknowledged_by, \
         k.note, k.acknowledged_at FROM risk_events r LEFT JOIN risk_acknowledgements k USING (risk_event_id) \
         WHERE true",
    );
    if let Some(tenant) = scope.tenant_id() {
        select.push(
            " AND r.account_id IN (SELECT a.account_id FROM accounts a WHERE a.tenant_id = ?)",
            [Parameter::BigInt(tenant.get())],
        );
    }
    if let Some(ids) = scope.account_ids() {
        let ids = ids.iter().map(|id| Some(id.get())).collect();
        select.push(" AND r.account_id = ANY(?)", [Parameter::BigInts(ids)]);
    }
    select
}

fn get(
    connection: &mut PgConnection,
    scope: &AccountScope,
    id: RiskEventId,
) -> Result<Option<RiskEvent>, DbError> {
    let mut select = selection(scope);
    select.push(" AND r.risk_event_id = ?", [Parameter::BigInt(id.get())]);
    let found = select.collect(connection, Row::into_event)?;
    Ok(found.into_iter().next())
}

pub(super) fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    query: &RiskEventQuery,
) -> Result<Page<RiskEvent, RiskEventId>, DbError> {
    let mut select = selection(scope);
    select.push(
        " AND r.occurred_at >= ? AND r.occurred_at < ?",
        [
            Parameter::Time(query.range.start()),
            Parameter::Time(query.range.end()),
        ],
    );
    if let Some(id) = query.account_id {
        select.push(" AND r.account_id = ?", [Parameter::BigInt(id.get())]);
    }
    if let Some(kind) = query.kind {
        let kind = kind.as_str().to_owned();
        select.push(" AND r.kind = ?", [Parameter::Text(kind)]);
    }
    if let Some(severity) = query.severity {
        let severity = severity.as_str().to_owned();
        select.push(" AND r.severity = ?", [Parameter::Text(severity)]);
    }
    match query.acknowledged {
        Some(true) => select.push(" AND k.risk_event_id IS NOT NULL", []),
        Some(false) => select.push(" AND k.risk_event_id IS NULL", []),
        None => {}
    }
    let (sign, direction) = match query.order {
        SortOrder::Ascending => (">", "ASC"),
        SortOrder::Descending => ("<", "DESC"),
    };
    if let Some(after) = query.after {
        select.push(
            &format!(" AND r.risk_event_id {sign} ?"),
            [Parameter::BigInt(after.get())],
        );
    }
    select.push(
        &format!(" ORDER BY r.risk_event_id {direction} LIMIT ?"),
        // at most a page and one more
        [Parameter::BigInt(query.limit.get() as i64 + 1)],
    );
    let items = select.collect(connection, Row::into_event)?;
    Ok(Page::from_limit_plus_one(
        items,
        query.limit,
        |event: &RiskEvent| event.risk_event_id,
    ))
}
