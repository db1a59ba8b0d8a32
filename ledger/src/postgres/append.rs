//! Books a batch of events.
//!
//! If the ledger of the account is in memory and nothing unusual happens, a batch is one statement, which writes only if
//! the account still has the last event that the memory knows. Otherwise the head of the account is locked, and what the
//! events refer to is loaded first.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use tickbook::RepositoryError;
use tickbook::db::{DbError, transaction};

use super::account_rows;
use super::append_rows::Changes;
use super::append_sql::Append;
use super::statement::{Parameter, Statement, StatementText};
use super::stored::missing;
use super::{append_one, loading, quarantine, rewriting};
use crate::domain::{
    AccountId, AccountLedger, AccountScope, CostMethod, OrderEvent, OrderEventKind, Outcome,
};
use crate::repository::{AppendReceipt, QuarantineReason};

/// A part of the ledger of an account as it was stored.
#[derive(Debug)]
pub(super) struct LoadedLedger {
    pub(super) ledger: AccountLedger,
    pub(super) revision: i64,
}

/// A call of `append`.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) scope: AccountScope,
    pub(super) account_id: AccountId,
    pub(super) events: Vec<OrderEvent>,
    pub(super) expected: Option<i64>,
    pub(super) recorded_at: DateTime<Utc>,
}

/// Books the events of a batch. `loaded` is what this process knows of the account.
pub(super) fn append(
    connection: &mut PgConnection,
    batch: &Batch,
    loaded: Option<LoadedLedger>,
) -> Result<(AppendReceipt, LoadedLedger), DbError> {
    if let Some(mut loaded) = loaded {
        match append_loaded(connection, batch, &mut loaded) {
            Ok(Some(receipt)) => return Ok((receipt, loaded)),
            // something is booked that the memory does not know
            Ok(None) => {}
            Err(error) if error.is_unique_violation() => {}
            Err(error) => return Err(error),
        }
    }
    match append_locked(connection, batch, batch.events.len().max(1)) {
        // an event named its order by an id that only an earlier event of the batch told
        Err(error) if error.is_unique_violation() => append_locked(connection, batch, 1),
        result => result,
    }
}

/// Books a batch in one statement. Returns `None`, with an unspecified ledger, if more has to be loaded.
fn append_loaded(
    connection: &mut PgConnection,
    batch: &Batch,
    loaded: &mut LoadedLedger,
) -> Result<Option<AppendReceipt>, DbError> {
    let ledger = &mut loaded.ledger;
    let terms = &ledger.account().terms;
    let is_unexpected = batch.expected.is_some_and(|it| it != ledger.sequence());
    if !batch.scope.contains(terms.tenant_id, batch.account_id)
        || terms.cost_method != CostMethod::Average
        || is_unexpected
        || batch.events.is_empty()
    {
        return Ok(None);
    }
    let mut receipt = AppendReceipt::default();
    for (index, event) in batch.events.iter().enumerate() {
        if changes_fill(event) || !ledger.knows_order_of(event) {
            return Ok(None);
        }
        match ledger.apply_loaded(event, batch.recorded_at) {
            Ok(outcome @ Outcome::Appended { .. }) => receipt.add(index, &outcome),
            _ => return Ok(None),
        }
    }
    if !write(connection, loaded)? {
        return Ok(None);
    }
    receipt.sequence = loaded.ledger.sequence();
    Ok(Some(receipt))
}

fn changes_fill(event: &OrderEvent) -> bool {
    matches!(
        event.kind,
        OrderEventKind::FillBusted(_) | OrderEventKind::FillCorrected(_)
    )
}

/// Books a batch under the lock of the account, `size` events at a time.
fn append_locked(
    connection: &mut PgConnection,
    batch: &Batch,
    size: usize,
) -> Result<(AppendReceipt, LoadedLedger), DbError> {
    transaction(connection, |connection| {
        let mut loaded = lock(connection, &batch.scope, batch.account_id)?;
        let last = loaded.ledger.sequence();
        if let Some(expected) = batch.expected
            && expected != last
        {
            let account_id = batch.account_id;
            return Err(RepositoryError::invalid(format_args!(
                "invalid expected sequence {expected}: the last event of account {account_id} is {last}"
            ))
            .into());
        }
        let mut receipt = AppendReceipt::default();
        let mut kept = Vec::new();
        for (number, events) in batch.events.chunks(size).enumerate() {
            let ledger = &mut loaded.ledger;
            // an invalid event refers to nothing
            let valid: Vec<_> = events
                .iter()
                .filter_map(|it| it.normalized().ok())
                .collect();
            loading::load(connection, ledger, &valid)?;
            for (index, event) in events.iter().enumerate() {
                let outcome = apply(connection, ledger, event, batch.recorded_at)?;
                receipt.add(number * size + index, &outcome);
                match outcome {
                    Outcome::Conflict { first } => {
                        kept.push((event, QuarantineReason::Conflict { first }));
                    }
                    Outcome::Quarantined(refusal) => kept.push((event, refusal.into())),
                    Outcome::Appended { .. } | Outcome::Duplicate { .. } => {}
                }
            }
            write(connection, &mut loaded)?;
        }
        quarantine::keep(connection, batch.account_id, &kept, batch.recorded_at)?;
        receipt.sequence = loaded.ledger.sequence();
        Ok((receipt, loaded))
    })
}

/// Applies an event, and loads the fills of its position if that has to be computed again.
fn apply(
    connection: &mut PgConnection,
    ledger: &mut AccountLedger,
    event: &OrderEvent,
    recorded_at: DateTime<Utc>,
) -> Result<Outcome, DbError> {
    loop {
        match ledger.apply_loaded(event, recorded_at) {
            Ok(outcome) => return Ok(outcome),
            // it is complete after this
            Err(position) => loading::load_fills_of(connection, ledger, &position)?,
        }
    }
}

/// The statements that follow in the transaction are planned for their values. They read by ids of one account, and
/// several indexes begin with the account: a plan that was made while the tables were small would read all rows of the
/// account.
struct Lock;

impl StatementText for Lock {
    const SQL: &'static str = "SELECT sequence, revision, updated_at, \
         set_config('plan_cache_mode', 'force_custom_plan', true) \
         FROM account_heads WHERE account_id = ? FOR UPDATE";
    type Row = (BigInt, BigInt, Timestamptz, Text);
}

/// Locks the head of an account and returns its ledger without anything loaded.
pub(super) fn lock(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<LoadedLedger, DbError> {
    let statement = Statement::<Lock>::new([Parameter::BigInt(account_id.get())]);
    let head: Option<(i64, i64, DateTime<Utc>, String)> =
        statement.get_result(connection).optional()?;
    let (sequence, revision, recorded_at, _) = head.ok_or_else(|| missing(account_id))?;
    // read after the lock, since another writer may have closed the account before
    let account = account_rows::get(connection, account_id)?;
    let account = account.filter(|it| scope.contains(it.terms.tenant_id, account_id));
    let account = account.ok_or_else(|| missing(account_id))?;
    Ok(LoadedLedger {
        ledger: AccountLedger::unloaded(&account, sequence, recorded_at),
        revision,
    })
}

/// Writes what was booked since the last call. Returns whether the account had the expected last event.
fn write(connection: &mut PgConnection, loaded: &mut LoadedLedger) -> Result<bool, DbError> {
    let bookings = loaded.ledger.take_bookings();
    if bookings.is_empty() {
        return Ok(true);
    }
    let ledger = &loaded.ledger;
    let changes = Changes::of(ledger, &bookings);
    let written = match bookings.len() {
        1 => write_one(connection, loaded, &changes)?,
        _ => None,
    };
    let written = match written {
        Some(written) => written,
        None => write_batch(connection, loaded, &changes)?,
    };
    if written == 0 {
        return Ok(false);
    }
    rewriting::write_lots(connection, ledger, &changes)?;
    if bookings.iter().any(|it| changes_fill(&it.recorded.event)) {
        rewriting::delete_ended_fees(connection, ledger, &changes)?;
    }
    Ok(true)
}

/// Writes a single event. Returns `None` if that takes the statement of a batch.
fn write_one(
    connection: &mut PgConnection,
    loaded: &LoadedLedger,
    changes: &Changes<'_>,
) -> Result<Option<i64>, DbError> {
    let ledger = &loaded.ledger;
    let (sequence, recorded_at) = (ledger.sequence(), ledger.recorded_at());
    let head = [
        Parameter::BigInt(sequence),
        Parameter::Time(recorded_at),
        Parameter::BigInt(ledger.account().account_id.get()),
        Parameter::BigInt(changes.before),
        Parameter::BigInt(loaded.revision),
    ];
    let outbox = [
        Parameter::BigInt(sequence),
        Parameter::BigInt(sequence),
        Parameter::Time(recorded_at),
    ];
    match append_one::statement(changes, head, outbox)? {
        Some(statement) => {
            let written: Option<i64> = statement.get_result(connection).optional()?;
            Ok(Some(i64::from(written.is_some())))
        }
        None => Ok(None),
    }
}

fn write_batch(
    connection: &mut PgConnection,
    loaded: &LoadedLedger,
    changes: &Changes<'_>,
) -> Result<i64, DbError> {
    let ledger = &loaded.ledger;
    let mut parameters = vec![
        Parameter::BigInt(ledger.account().account_id.get()),
        Parameter::BigInt(changes.before),
        Parameter::BigInt(loaded.revision),
        Parameter::BigInt(ledger.sequence()),
        Parameter::Time(ledger.recorded_at()),
    ];
    parameters.extend(changes.parameters()?);
    Ok(Statement::<Append>::new(parameters).get_result(connection)?)
}
