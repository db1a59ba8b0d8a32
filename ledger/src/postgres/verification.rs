//! Compares what is stored with what the journal gives, and rebuilds it.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, ScopedJoinHandle};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};
use tickbook::domain::PageLimit;

use super::append::lock;
use super::append_rows::Changes;
use super::append_sql::Project;
use super::fill_rows::{FillColumns, FillRow, fill_columns};
use super::position_rows::{PositionColumns, PositionRow, complete, position_columns};
use super::rows::{OrderColumns, OrderRow, order_columns};
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::stored::missing;
use super::{account_rows, reading, rewriting};
use crate::domain::{
    Account, AccountId, AccountLedger, AccountScope, ContentHash, Fill, Order, RecordedEvent,
    digest,
};
use crate::repository::{OrderEventQuery, Verification};

/// Pages that are read before they are folded.
const MAX_PAGES_AHEAD: usize = 1;

/// Compares an account at one instant. Changes nothing.
pub(super) fn verify(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<Verification, DbError> {
    transaction(connection, |connection| {
        connection.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let account = account_rows::get(connection, account_id)?;
        let account = account.filter(|it| scope.contains(it.terms.tenant_id, account_id));
        let account = account.ok_or_else(|| missing(account_id))?;
        let rebuilt = fold(connection, &account)?;
        digests(connection, &rebuilt)
    })
}

/// Stores what the journal gives, if something else is stored.
pub(super) fn rebuild(
    connection: &mut PgConnection,
    scope: &AccountScope,
    account_id: AccountId,
) -> Result<Verification, DbError> {
    transaction(connection, |connection| {
        let account = lock(connection, scope, account_id)?
            .ledger
            .account()
            .clone();
        let rebuilt = fold(connection, &account)?;
        let verification = digests(connection, &rebuilt)?;
        if !verification.is_equal() {
            replace(connection, &rebuilt)?;
        }
        Ok(verification)
    })
}

/// Folds the journal of an account. This thread reads pages while another folds those that were read.
fn fold(connection: &mut PgConnection, account: &Account) -> Result<AccountLedger, DbError> {
    thread::scope(|scope| {
        let (pages, read) = mpsc::sync_channel(MAX_PAGES_AHEAD);
        let folding = scope.spawn(|| folded(account, read));
        let sent = send_journal(connection, account.account_id, pages);
        let ledger = joined(folding);
        sent.map(|()| ledger)
    })
}

/// Sends the journal of an account in pages. Ends early if nobody receives them.
fn send_journal(
    connection: &mut PgConnection,
    account_id: AccountId,
    pages: SyncSender<Vec<RecordedEvent>>,
) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let query = OrderEventQuery::new(account_id)
            .after(after)
            .limit(PageLimit::MAX);
        let page = reading::events(connection, &query)?;
        after = page.next;
        if pages.send(page.items).is_err() || after.is_none() {
            return Ok(());
        }
    }
}

fn folded(account: &Account, pages: Receiver<Vec<RecordedEvent>>) -> AccountLedger {
    let mut open = account.clone();
    // the events were booked before the account was closed
    open.closed_at = None;
    let mut ledger = AccountLedger::new(&open);
    for recorded in pages.into_iter().flatten() {
        ledger.apply(&recorded.event, recorded.recorded_at);
    }
    ledger.set_account(account);
    ledger
}

/// The digests of what is stored and of `rebuilt`, which another thread computes meanwhile.
fn digests(
    connection: &mut PgConnection,
    rebuilt: &AccountLedger,
) -> Result<Verification, DbError> {
    thread::scope(|scope| {
        let digesting = scope.spawn(|| rebuilt.digest());
        let stored = stored_digest(connection, rebuilt.account());
        let digest = joined(digesting);
        Ok(Verification::new(rebuilt.sequence(), stored?, digest))
    })
}

/// The result of a thread; a panic continues in this one.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// The digest of the stored orders, fills and positions.
fn stored_digest(connection: &mut PgConnection, account: &Account) -> Result<ContentHash, DbError> {
    let id = || Parameter::BigInt(account.account_id.get());
    let mut select = Selection::<OrderColumns>::new(concat!("SELECT ", order_columns!()));
    select.push(" FROM orders WHERE account_id = ?", [id()]);
    let mut orders: Vec<Order> = select.collect(connection, OrderRow::into_order)?;
    orders.sort_by(|a, b| a.order_id.cmp(&b.order_id));

    let mut select = Selection::<FillColumns>::new(concat!("SELECT ", fill_columns!()));
    select.push(
        " FROM fills f WHERE f.account_id = ? ORDER BY f.sequence",
        [id()],
    );
    let fills: Vec<Fill> = select.collect(connection, FillRow::into_fill)?;

    let mut select = Selection::<PositionColumns>::new(concat!("SELECT ", position_columns!()));
    select.push(" FROM positions p WHERE p.account_id = ?", [id()]);
    let rows: Vec<PositionRow> = select.load(connection)?;
    let mut positions = complete(connection, account, rows)?;
    positions.sort_by(|a, b| a.key.cmp(&b.key));
    let positions = positions.iter().map(|entry| (&entry.key, &entry.position));
    Ok(digest(&orders, &fills, positions))
}

struct Revise;

impl StatementText for Revise {
    const SQL: &'static str =
        "UPDATE account_heads SET revision = revision + 1 WHERE account_id = ?";
    type Row = BigInt;
}

struct DeleteOrders;

impl StatementText for DeleteOrders {
    const SQL: &'static str = "DELETE FROM orders WHERE account_id = ?";
    type Row = BigInt;
}

struct DeleteFills;

impl StatementText for DeleteFills {
    const SQL: &'static str = "DELETE FROM fills WHERE account_id = ?";
    type Row = BigInt;
}

struct DeleteClientIds;

impl StatementText for DeleteClientIds {
    const SQL: &'static str = "DELETE FROM order_client_ids WHERE account_id = ?";
    type Row = BigInt;
}

struct DeleteVenueIds;

impl StatementText for DeleteVenueIds {
    const SQL: &'static str = "DELETE FROM order_venue_ids WHERE account_id = ?";
    type Row = BigInt;
}

struct DeletePositions;

impl StatementText for DeletePositions {
    const SQL: &'static str = "DELETE FROM positions WHERE account_id = ?";
    type Row = BigInt;
}

/// Replaces the orders, fills and positions of an account by those of `ledger`.
fn replace(connection: &mut PgConnection, ledger: &AccountLedger) -> Result<(), DbError> {
    let account_id = ledger.account().account_id;
    let id = || [Parameter::BigInt(account_id.get())];
    Statement::<Revise>::new(id()).execute(connection)?;
    Statement::<DeleteOrders>::new(id()).execute(connection)?;
    Statement::<DeleteClientIds>::new(id()).execute(connection)?;
    Statement::<DeleteVenueIds>::new(id()).execute(connection)?;
    Statement::<DeleteFills>::new(id()).execute(connection)?;
    // their fees and lots are deleted with them
    Statement::<DeletePositions>::new(id()).execute(connection)?;
    for changes in Changes::whole(ledger) {
        let mut parameters = Vec::from(id());
        parameters.extend(changes.projections());
        Statement::<Project>::new(parameters).execute(connection)?;
        rewriting::write_lots(connection, ledger, &changes)?;
    }
    Ok(())
}
