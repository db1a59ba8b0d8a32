//! `tickbook ledger equity`.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tickbook::domain::{PageLimit, TimeRange, earliest_time, latest_time, parse_time};
use tickbook_ledger::domain::performance::EquityPoint;
use tickbook_ledger::domain::{Account, AccountId, Amount};
use tickbook_ledger::repository::{EquityQuery, PerformanceRepository};
use tickbook_ledger::{LedgerRepositories, PerformanceRepositories};

use super::{find_account, shown};
use crate::Outcome;
use crate::args::EquityArguments;
use crate::report::{Problems, print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 5] = ["TIME", "EQUITY", "CASH", "FLOWS", "SOURCE"];

/// The number of points that are recorded in one call.
const AT_ONCE: usize = 10_000;

/// A point as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    as_of: String,
    equity: String,
    cash: String,
    #[serde(default = "zero")]
    flows: String,
    source: String,
}

fn zero() -> String {
    "0".to_owned()
}

/// The output of `--record --json`.
#[derive(Debug, Default, Serialize)]
struct Recorded {
    read: u64,
    inserted: u64,
    duplicates: u64,
    conflicts: u64,
}

impl Point {
    fn of(point: &EquityPoint) -> Self {
        Self {
            as_of: time_text(point.as_of),
            equity: point.equity.to_string(),
            cash: point.cash.to_string(),
            flows: point.flows.to_string(),
            source: point.source.clone(),
        }
    }

    fn into_point(self, account_id: AccountId) -> anyhow::Result<EquityPoint> {
        let amount = |field: &'static str, text: &str| text.parse::<Amount>().context(field);
        let time = parse_time(&self.as_of).context("as_of")?;
        let (equity, cash) = (amount("equity", &self.equity)?, amount("cash", &self.cash)?);
        let point = EquityPoint::new(account_id, time, equity, cash, self.source);
        let point = point.with_flows(amount("flows", &self.flows)?);
        Ok(point.normalized()?)
    }
}

/// The points of the lines of a file. Blank lines are left out.
fn read(path: &Path, account_id: AccountId) -> anyhow::Result<Vec<EquityPoint>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let points = lines.map(|(number, line)| {
        let point = serde_json::from_str::<Point>(line).map_err(anyhow::Error::from);
        let point = point.and_then(|point| point.into_point(account_id));
        point.with_context(|| format!("{}, line {}", path.display(), number + 1))
    });
    points.collect()
}

pub(super) async fn run(
    ledger: &LedgerRepositories,
    performance: &PerformanceRepositories,
    arguments: &EquityArguments,
) -> anyhow::Result<Outcome> {
    let account = find_account(&*ledger.accounts, &arguments.account).await?;
    match &arguments.record {
        Some(path) => record(&*performance.performance, &account, path, arguments.json).await,
        None => list(&*performance.performance, &account, arguments).await,
    }
}

async fn record(
    performance: &dyn PerformanceRepository,
    account: &Account,
    path: &Path,
    json: bool,
) -> anyhow::Result<Outcome> {
    let points = read(path, account.account_id)?;
    let mut recorded = Recorded {
        read: points.len() as u64,
        ..Recorded::default()
    };
    let mut problems = Problems::default();
    for batch in points.chunks(AT_ONCE) {
        let receipt = performance.record_equity(batch).await?;
        recorded.inserted += receipt.inserted;
        recorded.duplicates += receipt.duplicates;
        recorded.conflicts += receipt.conflicts.len() as u64;
        for point in &receipt.conflicts {
            let time = time_text(point.as_of);
            problems.add(|| format!("{}: another point of {time} is recorded", shown(account)));
        }
    }
    problems.print();
    match json {
        true => print_json(&recorded)?,
        false => print(&format!(
            "read {}, recorded {}, duplicates {}, conflicts {}",
            recorded.read, recorded.inserted, recorded.duplicates, recorded.conflicts
        ))?,
    }
    Ok(match recorded.conflicts {
        0 => Outcome::Complete,
        _ => Outcome::Incomplete,
    })
}

async fn list(
    performance: &dyn PerformanceRepository,
    account: &Account,
    arguments: &EquityArguments,
) -> anyhow::Result<Outcome> {
    let from = arguments.from.unwrap_or_else(earliest_time);
    let range = TimeRange::new(from, arguments.to.unwrap_or_else(latest_time))?;
    let mut query = EquityQuery::new(account.account_id, range).limit(PageLimit::MAX);
    let mut rows = Vec::new();
    loop {
        let page = performance.equity(&query).await?;
        for point in page.items.iter().map(Point::of) {
            match arguments.json {
                true => print_json(&point)?,
                false => rows.push([
                    point.as_of,
                    point.equity,
                    point.cash,
                    point.flows,
                    point.source,
                ]),
            }
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => break,
        }
    }
    match (arguments.json, rows.is_empty()) {
        (true, _) => {}
        (false, true) => eprintln!("{}: no equity is recorded in the range", shown(account)),
        (false, false) => print(&table(HEADER, &rows))?,
    }
    Ok(Outcome::Complete)
}
