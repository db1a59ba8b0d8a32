//! `tickbook risk`.

use serde::Serialize;
use tickbook::domain::{PageLimit, SortOrder, TimeRange};
use tickbook_ledger::domain::{
    AccountId, AccountScope, Details, RiskEvent, RiskEventId, StrategyId,
};
use tickbook_ledger::repository::RiskEventQuery;

use super::ledger::find_account;
use crate::Outcome;
use crate::args::{AcknowledgeArguments, ListRiskArguments, RiskCommand};
use crate::auditing::actor;
use crate::opening::{connect_oversight, settings};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 9] = [
    "ID",
    "TIME",
    "SEVERITY",
    "KIND",
    "ACCOUNT",
    "METRIC",
    "OBSERVED",
    "LIMIT",
    "ACKNOWLEDGED",
];

/// The JSON of an event.
#[derive(Debug, Serialize)]
struct RiskOutput<'a> {
    risk_event_id: i64,
    kind: &'static str,
    severity: &'static str,
    account_id: Option<i64>,
    strategy_id: Option<i64>,
    symbol_id: Option<i64>,
    metric: &'a str,
    observed: String,
    threshold: String,
    action: Option<&'a str>,
    details: &'a Details,
    occurred_at: String,
    recorded_at: String,
    acknowledged_by: Option<&'a str>,
    acknowledged_at: Option<String>,
    note: Option<&'a str>,
}

impl<'a> From<&'a RiskEvent> for RiskOutput<'a> {
    fn from(stored: &'a RiskEvent) -> Self {
        let event = &stored.event;
        let acknowledgement = stored.acknowledgement.as_ref();
        Self {
            risk_event_id: stored.risk_event_id.get(),
            kind: event.kind.as_str(),
            severity: event.severity.as_str(),
            account_id: event.account_id.map(AccountId::get),
            strategy_id: event.strategy_id.map(StrategyId::get),
            symbol_id: event.symbol_id.map(|id| id.get()),
            metric: &event.metric,
            observed: event.observed.normalize().to_string(),
            threshold: event.threshold.normalize().to_string(),
            action: event.action.as_deref(),
            details: &event.details,
            occurred_at: time_text(event.occurred_at),
            recorded_at: time_text(stored.recorded_at),
            acknowledged_by: acknowledgement.map(|it| &*it.by),
            acknowledged_at: acknowledgement.map(|it| time_text(it.at)),
            note: acknowledgement.map(|it| &*it.note),
        }
    }
}

pub(crate) async fn run(command: &RiskCommand) -> anyhow::Result<Outcome> {
    match command {
        RiskCommand::List(arguments) => list(arguments).await?,
        RiskCommand::Acknowledge(arguments) => acknowledge(arguments).await?,
    }
    Ok(Outcome::Complete)
}

async fn list(arguments: &ListRiskArguments) -> anyhow::Result<()> {
    let (oversight, ledger) = connect_oversight(&settings()?).await?;
    let account_id = match &arguments.account {
        Some(text) => Some(find_account(&*ledger.accounts, text).await?.account_id),
        None => None,
    };
    let all = TimeRange::all();
    let from = arguments.from.unwrap_or(all.start());
    let query = RiskEventQuery::default()
        .account_id(account_id)
        .kind(arguments.kind)
        .severity(arguments.severity)
        .acknowledged(arguments.open.then_some(false))
        .range(TimeRange::new(from, arguments.to.unwrap_or(all.end()))?)
        .order(SortOrder::Descending)
        .limit(PageLimit::new(arguments.limit)?);
    let all = AccountScope::all();
    let found = oversight.oversight.risk_events(&all, &query).await?.items;
    if arguments.json {
        let mut outputs = found.iter().map(RiskOutput::from);
        return outputs.try_for_each(|output| print_json(&output));
    }
    if found.is_empty() {
        eprintln!("there is no such risk event");
        return Ok(());
    }
    let rows: Vec<_> = found.iter().map(row).collect();
    print(&table(HEADER, &rows))
}

fn row(stored: &RiskEvent) -> [String; HEADER.len()] {
    let event = &stored.event;
    let account = event.account_id.map(|id| id.to_string());
    let acknowledgement = stored.acknowledgement.as_ref();
    [
        stored.risk_event_id.to_string(),
        time_text(event.occurred_at),
        event.severity.to_string(),
        event.kind.to_string(),
        account.unwrap_or_default(),
        event.metric.clone(),
        event.observed.normalize().to_string(),
        event.threshold.normalize().to_string(),
        acknowledgement.map_or(String::new(), |it| it.by.clone()),
    ]
}

async fn acknowledge(arguments: &AcknowledgeArguments) -> anyhow::Result<()> {
    let (oversight, _) = connect_oversight(&settings()?).await?;
    let id = RiskEventId::new(arguments.id);
    let (all, by) = (AccountScope::all(), actor());
    let event = oversight
        .oversight
        .acknowledge_risk(&all, id, &by, &arguments.note)
        .await?;
    match arguments.json {
        true => print_json(&RiskOutput::from(&event)),
        false => print(&format!("acknowledged {id}")),
    }
}
