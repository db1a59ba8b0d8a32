//! `tickbook ledger verify`.

use serde::Serialize;
use tickbook_ledger::domain::{Account, OrderEvent, RecordedEvent};
use tickbook_ledger::relay::{AccountComparison, compare_account};
use tickbook_ledger::repository::Verification;
use tickbook_ledger::{LedgerRepositories, RelayRepositories};

use super::{chosen_accounts, scope, shown};
use crate::Outcome;
use crate::args::VerifyLedgerArguments;
use crate::report::{Problems, print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 6] = [
    "ACCOUNT",
    "EVENTS",
    "DIGEST",
    "COPIED",
    "NOT COPIED",
    "SURPLUS",
];

/// The JSON of an account.
#[derive(Debug, Serialize)]
struct VerifiedAccount<'a> {
    account_id: i64,
    name: &'a str,
    sequence: i64,
    is_equal: bool,
    stored: String,
    rebuilt: String,
    #[serde(flatten)]
    history: Option<History<'a>>,
}

/// The order history of an account compared with its journal.
#[derive(Debug, Serialize)]
struct History<'a> {
    copied: u64,
    not_copied: u64,
    surplus: Vec<SurplusEvent<'a>>,
}

/// An event that only the order history has.
#[derive(Debug, Serialize)]
struct SurplusEvent<'a> {
    sequence: i64,
    recorded_at: String,
    order_id: &'a str,
    kind: &'static str,
    exec_id: Option<&'a str>,
    event: &'a OrderEvent,
}

impl<'a> From<&'a RecordedEvent> for SurplusEvent<'a> {
    fn from(recorded: &'a RecordedEvent) -> Self {
        Self {
            sequence: recorded.sequence,
            recorded_at: time_text(recorded.recorded_at),
            order_id: recorded.order_id.as_str(),
            kind: recorded.event.kind.as_str(),
            exec_id: recorded.event.exec_id.as_ref().map(|id| id.as_str()),
            event: &recorded.event,
        }
    }
}

/// The events of the journal that are not in the history.
fn not_copied(verification: Verification, comparison: &AccountComparison) -> u64 {
    let known = comparison.copied - comparison.surplus.len() as u64;
    u64::try_from(verification.sequence)
        .unwrap_or_default()
        .saturating_sub(known)
}

/// Verifies the accounts. Without `relay` only their digests.
pub(super) async fn run(
    ledger: &LedgerRepositories,
    relay: Option<&RelayRepositories>,
    arguments: &VerifyLedgerArguments,
) -> anyhow::Result<Outcome> {
    let accounts = chosen_accounts(&*ledger.accounts, arguments.account.as_deref()).await?;
    let (mut rows, mut problems) = (Vec::new(), Problems::default());
    let mut outcome = Outcome::Complete;
    for account in &accounts {
        let id = account.account_id;
        // copies are read first, so that events booked meanwhile are not missing in the journal
        let comparison = match relay {
            Some(relay) => Some(compare_account(relay, id).await?),
            None => None,
        };
        let verification = ledger.ledger.verify(&scope(), id).await?;
        let surplus = comparison.as_ref().map_or(&[][..], |it| &it.surplus);
        if !verification.is_equal() || !surplus.is_empty() {
            outcome = Outcome::Incomplete;
        }
        if arguments.json {
            print_json(&output(account, verification, comparison.as_ref()))?;
            continue;
        }
        if !verification.is_equal() {
            problems.add(|| {
                format!(
                    "{}: the stored orders, fills and positions are not those of the journal: \
                     `tickbook ledger rebuild` stores these",
                    shown(account)
                )
            });
        }
        for event in surplus {
            problems.add(|| surplus_text(account, event));
        }
        rows.push(row(account, verification, comparison.as_ref()));
    }
    if arguments.json {
        return Ok(outcome);
    }
    problems.print();
    match rows.is_empty() {
        true => eprintln!("there is no account yet"),
        false => print(&table(HEADER, &rows))?,
    }
    Ok(outcome)
}

fn surplus_text(account: &Account, recorded: &RecordedEvent) -> String {
    let event = &recorded.event;
    let exec_id = event.exec_id.as_ref().map(|id| format!(" {id}"));
    format!(
        "{}: only the time-series database has event {} of {}: {}{} of order {}",
        shown(account),
        recorded.sequence,
        time_text(recorded.recorded_at),
        event.kind.as_str(),
        exec_id.unwrap_or_default(),
        recorded.order_id
    )
}

fn output<'a>(
    account: &'a Account,
    verification: Verification,
    comparison: Option<&'a AccountComparison>,
) -> VerifiedAccount<'a> {
    VerifiedAccount {
        account_id: account.account_id.get(),
        name: &account.terms.name,
        sequence: verification.sequence,
        is_equal: verification.is_equal(),
        stored: verification.stored.to_string(),
        rebuilt: verification.rebuilt.to_string(),
        history: comparison.map(|comparison| History {
            copied: comparison.copied,
            not_copied: not_copied(verification, comparison),
            surplus: comparison.surplus.iter().map(SurplusEvent::from).collect(),
        }),
    }
}

fn row(
    account: &Account,
    verification: Verification,
    comparison: Option<&AccountComparison>,
) -> [String; HEADER.len()] {
    let digest = if verification.is_equal() {
        "equal"
    } else {
        "differs"
    };
    let [copied, waiting, surplus] = match comparison {
        Some(it) => [
            it.copied,
            not_copied(verification, it),
            it.surplus.len() as u64,
        ]
        .map(|number| number.to_string()),
        None => [(); 3].map(|()| "-".to_owned()),
    };
    [
        shown(account),
        verification.sequence.to_string(),
        digest.to_owned(),
        copied,
        waiting,
        surplus,
    ]
}
