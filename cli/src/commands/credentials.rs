//! `tickbook credentials`.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use serde::Serialize;
use tickbook::config::SettingsReader;
use tickbook::domain::{PageLimit, printable};
use tickbook_ledger::KeySource;
use tickbook_ledger::domain::{AccountScope, Credential, CredentialName, MAX_SECRET_BYTES};
use tickbook_ledger::repository::{AccountRepository, CredentialQuery, CredentialRepository};
use tickbook_ledger::vault::Vault;
use tickbook_ledger::vault::secrecy::SecretString;

use super::ledger::find_account;
use crate::Outcome;
use crate::args::{
    AddCredentialArguments, CredentialNameArguments, CredentialsCommand, ListCredentialsArguments,
    RevokeCredentialArguments, RotateCredentialsArguments,
};
use crate::opening::{connect_oversight, settings};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 7] = [
    "ID", "ACCOUNT", "BROKER", "LABEL", "VERSION", "KEY", "REVOKED",
];

/// The JSON of a credential.
#[derive(Debug, Serialize)]
struct CredentialOutput<'a> {
    credential_id: i64,
    account_id: i64,
    broker: &'a str,
    label: &'a str,
    version: i32,
    key_id: &'a str,
    created_at: String,
    rewrapped_at: Option<String>,
    revoked_at: Option<String>,
}

impl<'a> From<&'a Credential> for CredentialOutput<'a> {
    fn from(credential: &'a Credential) -> Self {
        let version = &credential.version;
        Self {
            credential_id: version.credential_id.get(),
            account_id: version.name.account_id.get(),
            broker: version.name.broker.as_str(),
            label: &version.name.label,
            version: version.version,
            key_id: credential.key_id.as_str(),
            created_at: time_text(credential.created_at),
            rewrapped_at: credential.rewrapped_at.map(time_text),
            revoked_at: credential.revoked_at.map(time_text),
        }
    }
}

/// The JSON of a rotation.
#[derive(Debug, Serialize)]
struct RotationOutput {
    rewrapped: u64,
}

pub(crate) async fn run(command: &CredentialsCommand) -> anyhow::Result<Outcome> {
    let (oversight, ledger) = connect_oversight(&settings()?).await?;
    let (credentials, accounts) = (oversight.credentials, &*ledger.accounts);
    match command {
        CredentialsCommand::Add(arguments) => {
            let vault = Vault::new(credentials, keys()?.read()?);
            add(&vault, accounts, arguments).await?;
        }
        CredentialsCommand::List(arguments) => list(&*credentials, accounts, arguments).await?,
        CredentialsCommand::Rotate(arguments) => {
            rotate(&Vault::new(credentials, keys()?.read()?), arguments).await?;
        }
        CredentialsCommand::Revoke(arguments) => revoke(&*credentials, accounts, arguments).await?,
    }
    Ok(Outcome::Complete)
}

/// The source of the keys that encrypt data keys.
fn keys() -> anyhow::Result<KeySource> {
    let settings = SettingsReader::own().read(|it| Some(it.text("credentials.keys")))?;
    if settings.program.is_empty() {
        bail!("no keys are set: set credentials.keys, such as file:/etc/tickbook/credentials.keys");
    }
    settings.program.parse().context("credentials.keys")
}

async fn name(
    accounts: &dyn AccountRepository,
    arguments: &CredentialNameArguments,
) -> anyhow::Result<CredentialName> {
    let account = find_account(accounts, &arguments.account).await?;
    let broker = arguments.broker.clone();
    Ok(CredentialName::new(
        account.account_id,
        broker,
        &arguments.label,
    )?)
}

/// Reads the secret from standard input, without a line break at its end.
fn secret() -> anyhow::Result<SecretString> {
    // with its final capacity, so that no part of the secret stays in freed memory
    let mut text = String::with_capacity(MAX_SECRET_BYTES + 2);
    let limit = MAX_SECRET_BYTES as u64 + 2;
    let read = std::io::stdin()
        .lock()
        .take(limit)
        .read_to_string(&mut text);
    read.context("cannot read the secret from standard input")?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(SecretString::from(text))
}

async fn add(
    vault: &Vault,
    accounts: &dyn AccountRepository,
    arguments: &AddCredentialArguments,
) -> anyhow::Result<()> {
    let name = name(accounts, &arguments.name).await?;
    let stored = vault.add(&AccountScope::all(), &name, &secret()?).await?;
    print_changed(&stored, "added", arguments.json)
}

fn print_changed(credential: &Credential, what: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&CredentialOutput::from(credential));
    }
    let version = &credential.version;
    let name = format!("{} {}", version.name.broker, version.name.label);
    print(&format!(
        "{what} {}, version {}",
        printable(&name),
        version.version
    ))
}

async fn list(
    credentials: &dyn CredentialRepository,
    accounts: &dyn AccountRepository,
    arguments: &ListCredentialsArguments,
) -> anyhow::Result<()> {
    let account_id = match &arguments.account {
        Some(text) => Some(find_account(accounts, text).await?.account_id),
        None => None,
    };
    let mut query = CredentialQuery::default()
        .account_id(account_id)
        .with_revoked(arguments.revoked)
        .limit(PageLimit::MAX);
    let mut found = Vec::new();
    loop {
        let page = credentials.list(&AccountScope::all(), &query).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    if arguments.json {
        let mut outputs = found.iter().map(CredentialOutput::from);
        return outputs.try_for_each(|output| print_json(&output));
    }
    if found.is_empty() {
        eprintln!("there is no such credential");
        return Ok(());
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    print(&table(HEADER, &rows))
}

fn row(credential: &Credential) -> [String; HEADER.len()] {
    let version = &credential.version;
    [
        version.credential_id.to_string(),
        version.name.account_id.to_string(),
        version.name.broker.to_string(),
        version.name.label.clone(),
        version.version.to_string(),
        credential.key_id.to_string(),
        credential.revoked_at.map(time_text).unwrap_or_default(),
    ]
}

async fn rotate(vault: &Vault, arguments: &RotateCredentialsArguments) -> anyhow::Result<()> {
    let rewrapped = vault.rotate().await?.rewrapped;
    match arguments.json {
        true => print_json(&RotationOutput { rewrapped }),
        false => print(&format!(
            "encrypted {rewrapped} data keys with the current key"
        )),
    }
}

async fn revoke(
    credentials: &dyn CredentialRepository,
    accounts: &dyn AccountRepository,
    arguments: &RevokeCredentialArguments,
) -> anyhow::Result<()> {
    let name = name(accounts, &arguments.name).await?;
    let revoked = credentials.revoke(&AccountScope::all(), &name).await?;
    print_changed(&revoked, "revoked", arguments.json)
}
