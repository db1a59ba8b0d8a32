//! `tickbook ledger rebuild`.

use serde::Serialize;
use tickbook_ledger::LedgerRepositories;

use super::{chosen_accounts, scope, shown};
use crate::Outcome;
use crate::args::RebuildArguments;
use crate::report::{print, print_json};

/// The JSON of an account.
#[derive(Debug, Serialize)]
struct RebuiltAccount<'a> {
    account_id: i64,
    name: &'a str,
    sequence: i64,
    /// Whether the stored orders, fills and positions differed.
    is_changed: bool,
    before: String,
    after: String,
}

pub(super) async fn run(
    ledger: &LedgerRepositories,
    arguments: &RebuildArguments,
) -> anyhow::Result<Outcome> {
    let accounts = chosen_accounts(&*ledger.accounts, arguments.account.as_deref()).await?;
    for account in &accounts {
        let compared = ledger.ledger.rebuild(&scope(), account.account_id).await?;
        if arguments.json {
            print_json(&RebuiltAccount {
                account_id: account.account_id.get(),
                name: &account.terms.name,
                sequence: compared.sequence,
                is_changed: !compared.is_equal(),
                before: compared.stored.to_string(),
                after: compared.rebuilt.to_string(),
            })?;
            continue;
        }
        let result = match compared.is_equal() {
            true => "nothing to change",
            false => "changed",
        };
        let events = compared.sequence;
        print(&format!("{}: {events} events, {result}", shown(account)))?;
    }
    Ok(Outcome::Complete)
}
