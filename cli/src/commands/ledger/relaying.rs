//! `tickbook ledger relay`.

use std::time::Instant;

use serde::Serialize;
use tickbook_ledger::RelayRepositories;
use tickbook_ledger::relay::{Relay, RelayTotals};
use tickbook_ledger::repository::AccountRepository;

use super::find_account;
use crate::Outcome;
use crate::args::RelayArguments;
use crate::report::{print, print_json, seconds};

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Summary {
    copied: u64,
    duplicates: u64,
    accounts_ahead: Vec<i64>,
    seconds: f64,
}

pub(super) async fn run(
    accounts: &dyn AccountRepository,
    repositories: RelayRepositories,
    arguments: &RelayArguments,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let relay = Relay::new(repositories);
    if arguments.follow {
        eprintln!("copying order events until Ctrl-C");
        relay.run(std::future::pending()).await;
        return Ok(Outcome::Complete);
    }
    let (totals, ahead) = match &arguments.account {
        Some(account) => {
            let id = find_account(accounts, account).await?.account_id;
            (relay.resend(id).await?, Vec::new())
        }
        None => everything(&relay).await?,
    };
    for account_id in &ahead {
        eprintln!(
            "account {account_id}: the time-series database has events that the metadata database does \
             not have: `tickbook ledger verify` lists them"
        );
    }
    let summary = Summary {
        copied: totals.inserted,
        duplicates: totals.duplicates,
        accounts_ahead: ahead,
        seconds: seconds(begun.elapsed()),
    };
    if arguments.json {
        print_json(&summary)?;
    } else {
        print(&format!(
            "copied {}, duplicates {} in {:.1} s",
            summary.copied, summary.duplicates, summary.seconds
        ))?;
    }
    Ok(match summary.accounts_ahead.is_empty() {
        true => Outcome::Complete,
        false => Outcome::Incomplete,
    })
}

/// Copies what waits, then what is missing without waiting. Returns the accounts that are ahead.
async fn everything(relay: &Relay) -> anyhow::Result<(RelayTotals, Vec<i64>)> {
    let waiting = relay.drain().await?;
    let found = relay.reconcile().await?;
    let ahead = found.ahead.iter().map(|it| it.account_id.get()).collect();
    Ok((waiting.plus(found.copied), ahead))
}
