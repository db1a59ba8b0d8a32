//! `tickbook audit`.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde::Serialize;
use tickbook::domain::{PageLimit, SortOrder, TimeRange};
use tickbook_ledger::audit::verify_chain;
use tickbook_ledger::domain::{AuditChain, AuditEntry, ChainVerification, Details};
use tickbook_ledger::repository::AuditQuery;

use crate::Outcome;
use crate::args::{AuditCommand, ListAuditArguments, VerifyAuditArguments};
use crate::auditing::AuditSettings;
use crate::opening::{connect_oversight, settings};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 6] = ["NUMBER", "TIME", "ACTOR", "ACTION", "RESOURCE", "RESULT"];

/// The JSON of a chain.
#[derive(Debug, Serialize)]
struct VerifiedChain {
    chain: i64,
    verified: u64,
    /// The last entry without a fault, as `--head` takes it.
    head: Option<String>,
    /// The first bad entry.
    entry: Option<i64>,
    fault: Option<String>,
}

/// The JSON of an entry.
#[derive(Debug, Serialize)]
struct EntryOutput<'a> {
    chain: i64,
    sequence: i64,
    occurred_at: String,
    actor: &'a str,
    role: Option<&'a str>,
    action: &'a str,
    resource_type: &'a str,
    resource_id: &'a str,
    details: &'a Details,
    ip: Option<String>,
    user_agent: Option<&'a str>,
    success: bool,
    error: Option<&'a str>,
    key_id: &'a str,
    previous_mac: String,
    mac: String,
}

impl<'a> From<&'a AuditEntry> for EntryOutput<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        let change = &entry.change;
        Self {
            chain: entry.chain.get(),
            sequence: entry.sequence,
            occurred_at: time_text(entry.occurred_at),
            actor: &change.actor,
            role: change.role.as_deref(),
            action: &change.action,
            resource_type: &change.resource_type,
            resource_id: &change.resource_id,
            details: &change.details,
            ip: change.ip.map(|ip| ip.to_string()),
            user_agent: change.user_agent.as_deref(),
            success: change.success,
            error: change.error.as_deref(),
            key_id: entry.key_id.as_str(),
            previous_mac: entry.previous_mac.to_string(),
            mac: entry.mac.to_string(),
        }
    }
}

pub(crate) async fn run(command: &AuditCommand) -> anyhow::Result<Outcome> {
    match command {
        AuditCommand::Verify(arguments) => verify(arguments).await,
        AuditCommand::List(arguments) => list(arguments).await,
    }
}

fn chain_of(number: i64) -> anyhow::Result<AuditChain> {
    AuditChain::new(number).with_context(|| format!("invalid chain {number}: expected 0 or more"))
}

async fn verify(arguments: &VerifyAuditArguments) -> anyhow::Result<Outcome> {
    let audit = AuditSettings::load()?;
    let keys = audit.keys()?;
    let keys =
        keys.context("no keys are set: set audit.keys, such as file:/etc/tickbook/audit.keys")?;
    let mut anchors = audit.anchors()?;
    anchors.extend(&arguments.heads);
    let oversight = connect_oversight(&settings()?).await?.0.oversight;
    let chains = match arguments.chain {
        Some(number) => BTreeSet::from([chain_of(number)?]),
        // a chain whose entries are missing is known to an anchor only
        None => {
            let heads = oversight.audit_heads().await?;
            heads.iter().chain(&anchors).map(|it| it.chain).collect()
        }
    };
    if chains.is_empty() && !arguments.json {
        print("the audit log is empty")?;
    }
    let mut outcome = Outcome::Complete;
    for chain in chains {
        let verified = verify_chain(&*oversight, chain, &keys, &anchors).await?;
        if !verified.is_intact() {
            outcome = Outcome::Incomplete;
        }
        print_verified(&verified, arguments.json)?;
    }
    Ok(outcome)
}

fn print_verified(verified: &ChainVerification, json: bool) -> anyhow::Result<()> {
    let (chain, fault) = (verified.chain.get(), verified.fault.as_ref());
    if json {
        return print_json(&VerifiedChain {
            chain,
            verified: verified.verified,
            head: verified.head.map(|head| head.to_string()),
            entry: fault.map(|(number, _)| *number),
            fault: fault.map(|(_, fault)| fault.to_string()),
        });
    }
    let count = verified.verified;
    match fault {
        None => print(&format!("chain {chain}: {count} entries, intact")),
        Some((number, fault)) => print(&format!(
            "chain {chain}: {count} entries, then entry {number} is bad: {fault}"
        )),
    }
}

async fn list(arguments: &ListAuditArguments) -> anyhow::Result<Outcome> {
    let all = TimeRange::all();
    let from = arguments.from.unwrap_or(all.start());
    let range = TimeRange::new(from, arguments.to.unwrap_or(all.end()))?;
    let order = match arguments.oldest_first {
        true => SortOrder::Ascending,
        false => SortOrder::Descending,
    };
    let query = AuditQuery::new(chain_of(arguments.chain)?)
        .actor(arguments.actor.clone())
        .action(arguments.action.clone())
        .range(range)
        .order(order)
        .limit(PageLimit::new(arguments.limit)?);
    let oversight = connect_oversight(&settings()?).await?.0.oversight;
    let entries = oversight.audit(&query).await?.items;
    if arguments.json {
        let mut outputs = entries.iter().map(EntryOutput::from);
        outputs.try_for_each(|output| print_json(&output))?;
        return Ok(Outcome::Complete);
    }
    if entries.is_empty() {
        eprintln!("there is no such entry");
        return Ok(Outcome::Complete);
    }
    let rows: Vec<_> = entries.iter().map(row).collect();
    print(&table(HEADER, &rows))?;
    Ok(Outcome::Complete)
}

fn row(entry: &AuditEntry) -> [String; HEADER.len()] {
    let change = &entry.change;
    let result = match &change.error {
        _ if change.success => "done",
        Some(error) => error,
        None => "failed",
    };
    [
        entry.sequence.to_string(),
        time_text(entry.occurred_at),
        change.actor.clone(),
        change.action.clone(),
        format!("{} {}", change.resource_type, change.resource_id),
        result.to_owned(),
    ]
}
