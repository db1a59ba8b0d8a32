//! `tickbook users`.

use anyhow::bail;
use serde::Serialize;
use tickbook::domain::{PageLimit, printable};
use tickbook_ledger::domain::{AccountId, Grant, TenantId, User, UserProfile};
use tickbook_ledger::repository::{AccountRepository, UserQuery, UserRepository};

use super::ledger::find_account;
use crate::Outcome;
use crate::args::{CreateUserArguments, GrantArguments, OneUserArguments, UsersCommand};
use crate::opening::{connect_oversight, settings};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 6] = ["ID", "TENANT", "NAME", "EMAIL", "ACTIVE", "ROLES"];

/// The JSON of a user.
#[derive(Debug, Serialize)]
struct UserOutput<'a> {
    user_id: i64,
    tenant_id: i64,
    username: &'a str,
    email: Option<&'a str>,
    display_name: &'a str,
    is_active: bool,
    two_factor_enabled: bool,
    created_at: String,
    updated_at: String,
    grants: Vec<GrantOutput>,
}

/// The JSON of a grant.
#[derive(Debug, Serialize)]
struct GrantOutput {
    /// `None` for all accounts of the tenant.
    account_id: Option<i64>,
    role: &'static str,
}

fn output<'a>(user: &'a User, grants: &[Grant]) -> UserOutput<'a> {
    let profile = &user.profile;
    let grant = |grant: &Grant| GrantOutput {
        account_id: grant.account_id.map(AccountId::get),
        role: grant.role.as_str(),
    };
    UserOutput {
        user_id: user.user_id.get(),
        tenant_id: profile.tenant_id.get(),
        username: &profile.username,
        email: profile.email.as_deref(),
        display_name: &profile.display_name,
        is_active: profile.is_active,
        two_factor_enabled: profile.two_factor_enabled,
        created_at: time_text(user.created_at),
        updated_at: time_text(user.updated_at),
        grants: grants.iter().map(grant).collect(),
    }
}

pub(crate) async fn run(command: &UsersCommand) -> anyhow::Result<Outcome> {
    let (oversight, ledger) = connect_oversight(&settings()?).await?;
    let (users, accounts) = (&*oversight.users, &*ledger.accounts);
    match command {
        UsersCommand::List(arguments) => list(users, arguments.json).await?,
        UsersCommand::Create(arguments) => create(users, arguments).await?,
        UsersCommand::Deactivate(arguments) => activate(users, arguments, false).await?,
        UsersCommand::Activate(arguments) => activate(users, arguments, true).await?,
        UsersCommand::Grant(arguments) => grant(users, accounts, arguments, true).await?,
        UsersCommand::Withdraw(arguments) => grant(users, accounts, arguments, false).await?,
    }
    Ok(Outcome::Complete)
}

async fn find_user(users: &dyn UserRepository, name: &str) -> anyhow::Result<User> {
    let found = users.list(&UserQuery::default().username(name)).await?;
    match found.items.into_iter().next() {
        Some(user) => Ok(user),
        None => bail!(
            "there is no user {}: `tickbook users list` shows all",
            printable(name)
        ),
    }
}

async fn list(users: &dyn UserRepository, json: bool) -> anyhow::Result<()> {
    let (mut query, mut rows) = (UserQuery::default().limit(PageLimit::MAX), Vec::new());
    loop {
        let page = users.list(&query).await?;
        for user in &page.items {
            let grants = users.grants(user.user_id).await?.unwrap_or_default();
            match json {
                true => print_json(&output(user, &grants))?,
                false => rows.push(row(user, &grants)),
            }
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    match rows.is_empty() {
        _ if json => Ok(()),
        true => {
            eprintln!("there is no user yet");
            Ok(())
        }
        false => print(&table(HEADER, &rows)),
    }
}

fn row(user: &User, grants: &[Grant]) -> [String; HEADER.len()] {
    let profile = &user.profile;
    let role = |grant: &Grant| match grant.account_id {
        Some(id) => format!("{} of {id}", grant.role),
        None => format!("{} of all", grant.role),
    };
    let roles: Vec<_> = grants.iter().map(role).collect();
    [
        user.user_id.to_string(),
        profile.tenant_id.to_string(),
        profile.username.clone(),
        profile.email.clone().unwrap_or_default(),
        if profile.is_active { "yes" } else { "no" }.to_owned(),
        roles.join(", "),
    ]
}

async fn create(users: &dyn UserRepository, arguments: &CreateUserArguments) -> anyhow::Result<()> {
    let tenant = TenantId::new(arguments.tenant);
    let profile = UserProfile::new(tenant, &arguments.username)
        .with_email(arguments.email.clone())
        .with_display_name(&arguments.display_name);
    let user = users.create(profile).await?;
    print_changed(&user, &[], "created", arguments.json)
}

fn print_changed(user: &User, grants: &[Grant], what: &str, json: bool) -> anyhow::Result<()> {
    match json {
        true => print_json(&output(user, grants)),
        false => print(&format!("{what} {}", user.profile.username)),
    }
}

async fn activate(
    users: &dyn UserRepository,
    arguments: &OneUserArguments,
    is_active: bool,
) -> anyhow::Result<()> {
    let user = find_user(users, &arguments.username).await?;
    let mut profile = user.profile;
    profile.is_active = is_active;
    let user = users.change(user.user_id, profile).await?;
    let grants = users.grants(user.user_id).await?.unwrap_or_default();
    let what = if is_active {
        "activated"
    } else {
        "deactivated"
    };
    print_changed(&user, &grants, what, arguments.json)
}

async fn grant(
    users: &dyn UserRepository,
    accounts: &dyn AccountRepository,
    arguments: &GrantArguments,
    is_granted: bool,
) -> anyhow::Result<()> {
    let user = find_user(users, &arguments.username).await?;
    let account_id = match &arguments.account {
        Some(text) => Some(find_account(accounts, text).await?.account_id),
        None => None,
    };
    let grant = Grant::new(account_id, arguments.role);
    let grants = match is_granted {
        true => users.grant(user.user_id, grant).await?,
        false => users.withdraw(user.user_id, grant).await?,
    };
    let what = if is_granted { "granted" } else { "withdrew" };
    let what = format!("{what} {}:", grant.role);
    print_changed(&user, &grants, &what, arguments.json)
}
