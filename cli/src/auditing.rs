//! Records the changes of commands in the audit log.

use std::path::PathBuf;

use anyhow::Context as _;
use tickbook::config::SettingsReader;
use tickbook::domain::printable;
use tickbook_ledger::KeySource;
use tickbook_ledger::audit::AnchorFile;
use tickbook_ledger::domain::{AuditChain, AuditChange, AuditHead, KeyRing};

use crate::Outcome;
use crate::args::{
    AccountsCommand, Command, CredentialsCommand, DeleteCommand, ExchangesCommand, ImportCommand,
    LedgerCommand, PoliciesCommand, QuarantineCommand, RiskCommand, SymbolsCommand, TokensCommand,
    UsersCommand,
};
use crate::opening::{connect_oversight, settings};

/// The settings of the audit log.
#[derive(Debug)]
pub(crate) struct AuditSettings {
    /// `None`: changes are not recorded.
    keys: Option<KeySource>,
    anchors: Option<AnchorFile>,
}

impl AuditSettings {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let settings = SettingsReader::own()
            .read(|it| Some((it.text("audit.keys"), it.text("audit.anchor_file"))))?;
        let (keys, file) = settings.program;
        let keys = match keys.is_empty() {
            true => None,
            false => Some(keys.parse().context("audit.keys")?),
        };
        let anchors = (!file.is_empty()).then(|| AnchorFile::new(PathBuf::from(file)));
        Ok(Self { keys, anchors })
    }

    /// The keys; `None` if changes are not recorded.
    pub(crate) fn keys(&self) -> anyhow::Result<Option<KeyRing>> {
        let read = self.keys.as_ref().map(KeySource::read).transpose();
        Ok(read?)
    }

    /// The heads of the anchor file.
    pub(crate) fn anchors(&self) -> anyhow::Result<Vec<AuditHead>> {
        let heads = self.anchors.as_ref().map(AnchorFile::heads).transpose()?;
        Ok(heads.unwrap_or_default())
    }
}

/// Who runs the program: `cli:` and the name of the user.
pub(crate) fn actor() -> String {
    let name = ["LOGNAME", "USER"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|it| !it.is_empty()));
    shortened(&format!(
        "cli:{}",
        name.unwrap_or_else(|| "unknown".to_owned())
    ))
}

/// A text as an entry may have it.
fn shortened(text: &str) -> String {
    let text: String = printable(text).chars().take(500).collect();
    text
}

/// Runs a command; if it changes something, records it with its outcome.
pub(crate) async fn recorded(
    command: Command,
    run: impl AsyncFnOnce(Command) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let Some((action, resource_type, resource_id)) = change_of(&command) else {
        return run(command).await;
    };
    let audit = AuditSettings::load()?;
    // keys that cannot be read are found before the change
    let Some(keys) = audit.keys()? else {
        tracing::info!("changes are not recorded in the audit log: audit.keys is not set");
        return run(command).await;
    };
    let outcome = run(command).await;
    let arguments: Vec<_> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: String = arguments.join(" ").chars().take(5_000).collect();
    let change = AuditChange::new(actor(), action, resource_type, shortened(&resource_id))
        .with_detail("arguments", arguments.replace('\0', ""));
    let change = match &outcome {
        Ok(Outcome::Complete) => change,
        Ok(Outcome::Incomplete) => change.failed("incomplete: exit code 1"),
        Err(error) => change.failed(shortened(&format!("{error:#}"))),
    };
    let oversight = connect_oversight(&settings()?).await?.0.oversight;
    let recorded = oversight
        .record_audit(AuditChain::INSTALLATION, change, &keys)
        .await;
    let recorded = match (recorded, &outcome) {
        (Ok(entry), _) => entry,
        // the reason of the command is more useful
        (Err(error), Err(_)) => {
            tracing::error!(%error, "cannot record the failed change in the audit log");
            return outcome;
        }
        (Err(error), Ok(_)) => {
            return Err(error)
                .context("the command was executed, but not recorded in the audit log");
        }
    };
    if let Some(anchors) = &audit.anchors {
        anchors.append(&recorded.head())?;
    }
    outcome
}

/// The action, the kind of resource and the resource of a command that changes something.
fn change_of(command: &Command) -> Option<(&'static str, &'static str, String)> {
    let none = String::new;
    Some(match command {
        Command::Symbols(command) => {
            let (action, symbol) = match command {
                SymbolsCommand::List(_) | SymbolsCommand::Show(_) => return None,
                SymbolsCommand::Rename(it) => ("symbols.rename", it.symbol.to_string()),
                SymbolsCommand::Alias(it) => ("symbols.alias", it.symbol.to_string()),
                SymbolsCommand::Deactivate(it) => ("symbols.deactivate", it.symbol.to_string()),
                SymbolsCommand::Activate(it) => ("symbols.activate", it.symbol.to_string()),
                SymbolsCommand::Describe(it) => ("symbols.describe", it.symbol.to_string()),
                SymbolsCommand::Sync(_) => ("symbols.sync", none()),
            };
            (action, "symbol", symbol)
        }
        Command::Exchanges(ExchangesCommand::Create(_)) => ("exchanges.create", "exchange", none()),
        Command::Exchanges(ExchangesCommand::Describe(_)) => {
            ("exchanges.describe", "exchange", none())
        }
        Command::Seed(_) => ("seed", "exchange", none()),
        Command::Import(ImportCommand::Symbols(_)) => ("import.symbols", "symbol", none()),
        Command::Policies(PoliciesCommand::Apply(_)) => ("policies.apply", "policies", none()),
        Command::Policies(PoliciesCommand::Remove(_)) => ("policies.remove", "policies", none()),
        Command::Delete(command) => {
            let (action, what) = match command {
                DeleteCommand::Ticks(it) => ("delete.ticks", &it.what),
                DeleteCommand::Trades(it) => ("delete.trades", &it.what),
                DeleteCommand::Candles(it) => ("delete.candles", &it.what),
            };
            if what.dry_run {
                return None;
            }
            (action, "symbol", what.symbol.to_string())
        }
        Command::Quarantine(command) => match command {
            QuarantineCommand::List(_) => return None,
            _ => ("quarantine.resolve", "quarantine", none()),
        },
        Command::Tokens(TokensCommand::Add(it)) => ("tokens.add", "token", it.name.clone()),
        Command::Tokens(TokensCommand::Revoke(it)) => ("tokens.revoke", "token", it.name.clone()),
        Command::Ledger(LedgerCommand::Accounts(it)) => match &it.command {
            None => return None,
            Some(AccountsCommand::Create(it)) => ("accounts.create", "account", it.name.clone()),
            Some(AccountsCommand::Rename(it)) => ("accounts.rename", "account", it.account.clone()),
            Some(AccountsCommand::Close(it)) => ("accounts.close", "account", it.account.clone()),
        },
        Command::Ledger(LedgerCommand::Rebuild(it)) => {
            let account = it.account.clone().unwrap_or_default();
            ("ledger.rebuild", "account", account)
        }
        Command::Users(command) => match command {
            UsersCommand::List(_) => return None,
            UsersCommand::Create(it) => ("users.create", "user", it.username.clone()),
            UsersCommand::Deactivate(it) => ("users.deactivate", "user", it.username.clone()),
            UsersCommand::Activate(it) => ("users.activate", "user", it.username.clone()),
            UsersCommand::Grant(it) => ("users.grant", "user", it.username.clone()),
            UsersCommand::Withdraw(it) => ("users.withdraw", "user", it.username.clone()),
        },
        Command::Credentials(CredentialsCommand::Add(it)) => {
            ("credentials.add", "credential", shown(&it.name))
        }
        Command::Credentials(CredentialsCommand::Rotate(_)) => {
            ("credentials.rotate", "credential", none())
        }
        Command::Credentials(CredentialsCommand::Revoke(it)) => {
            ("credentials.revoke", "credential", shown(&it.name))
        }
        Command::Risk(RiskCommand::Acknowledge(it)) => {
            ("risk.acknowledge", "risk_event", it.id.to_string())
        }
        _ => return None,
    })
}

fn shown(name: &crate::args::CredentialNameArguments) -> String {
    format!("{}/{}/{}", name.account, name.broker, name.label)
}
