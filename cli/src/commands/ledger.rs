//! `tickbook ledger`.

mod accounts;
mod exporting;
mod importing;
mod rebuilding;
mod relaying;
mod statements;
mod verifying;

use anyhow::bail;
use tickbook::domain::{PageLimit, printable};
use tickbook_ledger::domain::{Account, AccountId, AccountScope};
use tickbook_ledger::repository::{AccountQuery, AccountRepository};

use crate::Outcome;
use crate::args::LedgerCommand;
use crate::opening::{connect_ledger, connect_relay, settings};

pub(crate) async fn run(command: &LedgerCommand) -> anyhow::Result<Outcome> {
    let config = settings()?;
    match command {
        LedgerCommand::Accounts(arguments) => {
            let (ledger, _) = connect_ledger(&config).await?;
            accounts::run(&*ledger.accounts, arguments).await
        }
        LedgerCommand::Verify(arguments) if arguments.digests_only => {
            let (ledger, _) = connect_ledger(&config).await?;
            verifying::run(&ledger, None, arguments).await
        }
        LedgerCommand::Verify(arguments) => {
            let (ledger, relay) = connect_relay(&config).await?;
            verifying::run(&ledger, Some(&relay), arguments).await
        }
        LedgerCommand::Rebuild(arguments) => {
            let (ledger, _) = connect_ledger(&config).await?;
            rebuilding::run(&ledger, arguments).await
        }
        LedgerCommand::Export(arguments) => {
            let (ledger, _) = connect_ledger(&config).await?;
            exporting::run(&ledger, arguments).await
        }
        LedgerCommand::Import(arguments) => {
            let (ledger, symbols) = connect_ledger(&config).await?;
            importing::run(&ledger, &*symbols, arguments).await
        }
        LedgerCommand::Relay(arguments) => {
            let (ledger, relay) = connect_relay(&config).await?;
            relaying::run(&*ledger.accounts, relay, arguments).await
        }
    }
}

/// The operator sees all accounts.
fn scope() -> AccountScope {
    AccountScope::all()
}

/// Looks up the account with this id or name.
pub(super) async fn find_account(
    accounts: &dyn AccountRepository,
    text: &str,
) -> anyhow::Result<Account> {
    if let Ok(id) = text.parse::<i64>()
        && let Some(account) = accounts.get(&scope(), AccountId::new(id)).await?
    {
        return Ok(account);
    }
    let query = AccountQuery::default().name(text);
    let mut found = accounts.list(&scope(), &query).await?.items;
    match (found.pop(), found.is_empty()) {
        (Some(account), true) => Ok(account),
        (Some(_), false) => bail!(
            "several tenants have an account {}: give its id",
            printable(text)
        ),
        (None, _) => bail!(
            "there is no account {}: `tickbook ledger accounts` shows all, `create` creates one",
            printable(text)
        ),
    }
}

/// The given account, or all accounts by ascending id.
async fn chosen_accounts(
    accounts: &dyn AccountRepository,
    given: Option<&str>,
) -> anyhow::Result<Vec<Account>> {
    match given {
        Some(text) => Ok(vec![find_account(accounts, text).await?]),
        None => all_accounts(accounts, AccountQuery::default()).await,
    }
}

/// All accounts of a query, by ascending id.
async fn all_accounts(
    accounts: &dyn AccountRepository,
    query: AccountQuery,
) -> anyhow::Result<Vec<Account>> {
    let (mut found, mut query) = (Vec::new(), query.limit(PageLimit::MAX));
    loop {
        let page = accounts.list(&scope(), &query).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok(found),
        }
    }
}

/// An account as shown in texts: `main (1)`.
fn shown(account: &Account) -> String {
    format!(
        "{} ({})",
        printable(&account.terms.name),
        account.account_id
    )
}
