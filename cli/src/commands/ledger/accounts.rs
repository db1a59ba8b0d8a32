//! `tickbook ledger accounts`.

use serde::Serialize;
use tickbook_ledger::domain::{Account, NewAccount, TenantId};
use tickbook_ledger::repository::{AccountQuery, AccountRepository};

use super::{all_accounts, find_account, scope, shown};
use crate::Outcome;
use crate::args::{
    AccountsArguments, AccountsCommand, CloseAccountArguments, CreateAccountArguments,
    ListAccountsArguments, RenameAccountArguments,
};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 9] = [
    "ID",
    "TENANT",
    "NAME",
    "VENUE",
    "ENVIRONMENT",
    "CURRENCY",
    "COSTS",
    "POSITIONS",
    "CLOSED",
];

/// The JSON of an account.
#[derive(Debug, Serialize)]
struct AccountOutput<'a> {
    account_id: i64,
    tenant_id: i64,
    name: &'a str,
    venue: &'a str,
    environment: &'static str,
    base_currency: &'a str,
    time_zone: &'a str,
    cost_method: &'static str,
    position_mode: &'static str,
    created_at: String,
    closed_at: Option<String>,
}

impl<'a> From<&'a Account> for AccountOutput<'a> {
    fn from(account: &'a Account) -> Self {
        let terms = &account.terms;
        Self {
            account_id: account.account_id.get(),
            tenant_id: terms.tenant_id.get(),
            name: &terms.name,
            venue: terms.venue.as_str(),
            environment: terms.environment.as_str(),
            base_currency: terms.base_currency.as_str(),
            time_zone: &terms.time_zone,
            cost_method: terms.cost_method.as_str(),
            position_mode: terms.position_mode.as_str(),
            created_at: time_text(account.created_at),
            closed_at: account.closed_at.map(time_text),
        }
    }
}

pub(super) async fn run(
    accounts: &dyn AccountRepository,
    arguments: &AccountsArguments,
) -> anyhow::Result<Outcome> {
    match &arguments.command {
        None => list(accounts, &arguments.list).await?,
        Some(AccountsCommand::Create(arguments)) => create(accounts, arguments).await?,
        Some(AccountsCommand::Rename(arguments)) => rename(accounts, arguments).await?,
        Some(AccountsCommand::Close(arguments)) => close(accounts, arguments).await?,
    }
    Ok(Outcome::Complete)
}

async fn list(
    accounts: &dyn AccountRepository,
    arguments: &ListAccountsArguments,
) -> anyhow::Result<()> {
    let query = AccountQuery::default()
        .environment(arguments.environment)
        .closed(arguments.open.then_some(false));
    let found = all_accounts(accounts, query).await?;
    if arguments.json {
        return found
            .iter()
            .try_for_each(|account| print_json(&AccountOutput::from(account)));
    }
    if found.is_empty() {
        eprintln!("there is no such account");
        return Ok(());
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    print(&table(HEADER, &rows))
}

fn row(account: &Account) -> [String; HEADER.len()] {
    let terms = &account.terms;
    [
        account.account_id.to_string(),
        terms.tenant_id.to_string(),
        terms.name.clone(),
        terms.venue.to_string(),
        terms.environment.to_string(),
        terms.base_currency.to_string(),
        terms.cost_method.to_string(),
        terms.position_mode.to_string(),
        account.closed_at.map(time_text).unwrap_or_default(),
    ]
}

fn print_changed(account: &Account, what: &str, json: bool) -> anyhow::Result<()> {
    match json {
        true => print_json(&AccountOutput::from(account)),
        false => print(&format!("{what} {}", shown(account))),
    }
}

async fn create(
    accounts: &dyn AccountRepository,
    arguments: &CreateAccountArguments,
) -> anyhow::Result<()> {
    let terms = NewAccount::new(
        TenantId::new(arguments.tenant),
        &arguments.name,
        arguments.venue.clone(),
        arguments.environment,
        arguments.currency.clone(),
    )
    .time_zone(&arguments.time_zone)
    .cost_method(arguments.cost_method)
    .position_mode(arguments.position_mode);
    let account = accounts.create(&scope(), terms).await?;
    print_changed(&account, "created", arguments.json)
}

async fn rename(
    accounts: &dyn AccountRepository,
    arguments: &RenameAccountArguments,
) -> anyhow::Result<()> {
    let id = find_account(accounts, &arguments.account).await?.account_id;
    let account = accounts.rename(&scope(), id, &arguments.name).await?;
    print_changed(&account, "renamed", arguments.json)
}

async fn close(
    accounts: &dyn AccountRepository,
    arguments: &CloseAccountArguments,
) -> anyhow::Result<()> {
    let id = find_account(accounts, &arguments.account).await?.account_id;
    let account = accounts.close(&scope(), id).await?;
    print_changed(&account, "closed", arguments.json)
}
