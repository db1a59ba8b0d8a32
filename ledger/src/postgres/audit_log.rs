//! The audit log.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Bool, Jsonb, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, Queryable, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::{Page, SortOrder};
use tickbook::{Entity, RepositoryError};

use super::details::{details_of, text_of};
use super::json::PgJson;
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::stored::invalid;
use crate::domain::{AuditChain, AuditChange, AuditEntry, AuditHead, AuditMac, KeyId, KeyRing};
use crate::repository::AuditQuery;

/// Creates the head of a chain without entries. It locks nothing if there is one.
struct BeginChain;

impl StatementText for BeginChain {
    const SQL: &'static str = "INSERT INTO audit_heads (chain_id, sequence, mac, updated_at) \
        VALUES (?, 0, ?, ?) ON CONFLICT (chain_id) DO NOTHING";
    type Row = BigInt;
}

type HeadColumns = (BigInt, BigInt, Binary, Timestamptz);

/// Writers of a chain follow each other.
struct LockChain;

impl StatementText for LockChain {
    const SQL: &'static str = "SELECT chain_id, sequence, mac, updated_at FROM audit_heads \
        WHERE chain_id = ? FOR UPDATE";
    type Row = HeadColumns;
}

struct InsertEntry;

impl StatementText for InsertEntry {
    const SQL: &'static str = "INSERT INTO audit_log (chain_id, sequence, occurred_at, actor, role, action, \
        resource_type, resource_id, details, ip, user_agent, success, error, key_id, previous_mac, mac) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::text::jsonb, ?::text::inet, ?, ?, ?, ?, ?, ?)";
    type Row = BigInt;
}

struct MoveHead;

impl StatementText for MoveHead {
    const SQL: &'static str =
        "UPDATE audit_heads SET sequence = ?, mac = ?, updated_at = ? WHERE chain_id = ?";
    type Row = BigInt;
}

fn mac_of(key: i64, column: &str, bytes: &[u8]) -> Result<AuditMac, RepositoryError> {
    let bytes = bytes
        .try_into()
        .map_err(|_| invalid(Entity::AuditEntry, key, column, "expected 32 bytes"))?;
    Ok(AuditMac::from_bytes(bytes))
}

fn chain_of(number: i64) -> Result<AuditChain, RepositoryError> {
    let chain = AuditChain::new(number);
    chain.ok_or_else(|| invalid(Entity::AuditEntry, number, "chain_id", "it is negative"))
}

#[derive(Debug, Queryable)]
struct HeadRow {
    chain_id: i64,
    sequence: i64,
    mac: Vec<u8>,
    updated_at: DateTime<Utc>,
}

impl HeadRow {
    /// The head; `None` for a chain without entries.
    fn head(&self) -> Result<Option<AuditHead>, RepositoryError> {
        if self.sequence == 0 {
            return Ok(None);
        }
        let mac = mac_of(self.sequence, "mac", &self.mac)?;
        Ok(Some(AuditHead::new(
            chain_of(self.chain_id)?,
            self.sequence,
            mac,
        )))
    }
}

pub(super) fn record(
    connection: &mut PgConnection,
    chain: AuditChain,
    change: &AuditChange,
    keys: &KeyRing,
    now: DateTime<Utc>,
) -> Result<AuditEntry, DbError> {
    transaction(connection, |connection| {
        Statement::<BeginChain>::new([
            Parameter::BigInt(chain.get()),
            Parameter::Bytes(AuditMac::FIRST.as_bytes().to_vec()),
            Parameter::Time(now),
        ])
        .execute(connection)?;
        let lock = Statement::<LockChain>::new([Parameter::BigInt(chain.get())]);
        let row: HeadRow = lock.get_result(connection)?;
        let key = (keys.current_id(), keys.current());
        let time = now.max(row.updated_at);
        let head = row.head()?;
        let entry = AuditEntry::following(head.as_ref(), chain, time, change.clone(), key);
        insert(connection, &entry)?;
        Statement::<MoveHead>::new([
            Parameter::BigInt(entry.sequence),
            Parameter::Bytes(entry.mac.as_bytes().to_vec()),
            Parameter::Time(entry.occurred_at),
            Parameter::BigInt(chain.get()),
        ])
        .execute(connection)?;
        Ok(entry)
    })
}

fn insert(connection: &mut PgConnection, entry: &AuditEntry) -> Result<(), DbError> {
    let change = &entry.change;
    let text = |text: &str| Parameter::Text(text.to_owned());
    Statement::<InsertEntry>::new([
        Parameter::BigInt(entry.chain.get()),
        Parameter::BigInt(entry.sequence),
        Parameter::Time(entry.occurred_at),
        text(&change.actor),
        Parameter::OptionalText(change.role.clone()),
        text(&change.action),
        text(&change.resource_type),
        text(&change.resource_id),
        Parameter::Text(text_of(&change.details)?),
        Parameter::OptionalText(change.ip.map(|ip| ip.to_string())),
        Parameter::OptionalText(change.user_agent.clone()),
        Parameter::OptionalBool(Some(change.success)),
        Parameter::OptionalText(change.error.clone()),
        text(entry.key_id.as_str()),
        Parameter::Bytes(entry.previous_mac.as_bytes().to_vec()),
        Parameter::Bytes(entry.mac.as_bytes().to_vec()),
    ])
    .execute(connection)?;
    Ok(())
}

type EntryColumns = (
    BigInt,
    BigInt,
    Timestamptz,
    Text,
    Nullable<Text>,
    Text,
    Text,
    Text,
    Jsonb,
    Nullable<Text>,
    Nullable<Text>,
    Bool,
    Nullable<Text>,
    Text,
    Binary,
    Binary,
);

#[derive(Debug, Queryable)]
struct EntryRow {
    chain_id: i64,
    sequence: i64,
    occurred_at: DateTime<Utc>,
    actor: String,
    role: Option<String>,
    action: String,
    resource_type: String,
    resource_id: String,
    details: PgJson,
    ip: Option<String>,
    user_agent: Option<String>,
    success: bool,
    error: Option<String>,
    key_id: String,
    previous_mac: Vec<u8>,
    mac: Vec<u8>,
}

impl EntryRow {
    fn into_entry(self) -> Result<AuditEntry, RepositoryError> {
        let key = self.sequence;
        let entity = Entity::AuditEntry;
        let mut change = AuditChange::new(
            self.actor,
            self.action,
            self.resource_type,
            self.resource_id,
        );
        change.role = self.role;
        change.details = details_of(entity, key, &self.details)?;
        let ip = self.ip.map(|ip| ip.parse()).transpose();
        change.ip = ip.map_err(|error| invalid(entity, key, "ip", error))?;
        change.user_agent = self.user_agent;
        change.success = self.success;
        change.error = self.error;
        let key_id =
            KeyId::new(self.key_id).map_err(|error| invalid(entity, key, "key_id", error))?;
        Ok(AuditEntry {
            chain: chain_of(self.chain_id)?,
            sequence: self.sequence,
            occurred_at: self.occurred_at,
            change,
            key_id,
            previous_mac: mac_of(key, "previous_mac", &self.previous_mac)?,
            mac: mac_of(key, "mac", &self.mac)?,
        })
    }
}

pub(super) fn entries(
    connection: &mut PgConnection,
    query: &AuditQuery,
) -> Result<Page<AuditEntry, i64>, DbError> {
    let mut select = Selection::<EntryColumns>::new(
        "SELECT chain_id, sequence, occurred_at, actor, role, action, resource_type, resource_id, details, \
         host(ip), user_agent, success, error, key_id, previous_mac, mac FROM audit_log",
    );
    select.push(
        " WHERE chain_id = ? AND occurred_at >= ? AND occurred_at < ?",
        [
            Parameter::BigInt(query.chain.get()),
            Parameter::Time(query.range.start()),
            Parameter::Time(query.range.end()),
        ],
    );
    if let Some(actor) = &query.actor {
        select.push(" AND actor = ?", [Parameter::Text(actor.clone())]);
    }
    if let Some(action) = &query.action {
        select.push(" AND action = ?", [Parameter::Text(action.clone())]);
    }
    let (sign, direction) = match query.order {
        SortOrder::Ascending => (">", "ASC"),
        SortOrder::Descending => ("<", "DESC"),
    };
    if let Some(after) = query.after {
        select.push(
            &format!(" AND sequence {sign} ?"),
            [Parameter::BigInt(after)],
        );
    }
    select.push(
        &format!(" ORDER BY sequence {direction} LIMIT ?"),
        // at most a page and one more
        [Parameter::BigInt(query.limit.get() as i64 + 1)],
    );
    let items = select.collect(connection, EntryRow::into_entry)?;
    Ok(Page::from_limit_plus_one(
        items,
        query.limit,
        |entry: &AuditEntry| entry.sequence,
    ))
}

struct GetHead;

impl StatementText for GetHead {
    const SQL: &'static str =
        "SELECT chain_id, sequence, mac, updated_at FROM audit_heads WHERE chain_id = ?";
    type Row = HeadColumns;
}

pub(super) fn head(
    connection: &mut PgConnection,
    chain: AuditChain,
) -> Result<Option<AuditHead>, DbError> {
    let statement = Statement::<GetHead>::new([Parameter::BigInt(chain.get())]);
    let row: Option<HeadRow> = statement.get_result(connection).optional()?;
    let head = row.map(|row| row.head()).transpose()?;
    Ok(head.flatten())
}

struct GetHeads;

impl StatementText for GetHeads {
    const SQL: &'static str =
        "SELECT chain_id, sequence, mac, updated_at FROM audit_heads ORDER BY chain_id";
    type Row = HeadColumns;
}

pub(super) fn heads(connection: &mut PgConnection) -> Result<Vec<AuditHead>, DbError> {
    let rows: Vec<HeadRow> = Statement::<GetHeads>::new([]).load(connection)?;
    let heads: Result<Vec<_>, _> = rows.iter().map(HeadRow::head).collect();
    Ok(heads?.into_iter().flatten().collect())
}
