//! `tickbook quarantine`.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use tickbook::Repositories;
use tickbook::domain::{MarketEvent, PageLimit, Rule, SymbolReference, Tick, TimeRange, Trade};
use tickbook::ingest::quality::{ReleaseReceipt, release};
use tickbook::repository::{
    QuarantineEntry, QuarantineId, QuarantineQuery, QuarantineState, Resolution,
};

use crate::Outcome;
use crate::held_event::{Fields, HeldEvent};
use crate::opening::{connect, full_name, settings, symbol};
use crate::report::{print, print_json};
use crate::times::{time_or_date, time_text};

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Lists ticks, or trades, that were held back, with rule, observed value and limit
    #[command(after_help = "\
Exit code 1 if a pending tick or trade is listed.

Examples:
  tickbook quarantine list
  tickbook quarantine list --trades
  tickbook quarantine list --symbol oanda:EURUSD --rule deviation --json")]
    List(ListArguments),
    /// Stores ticks, or trades, that were held back; may be repeated
    #[command(after_help = "\
A tick or trade stays in quarantine if its key belongs to a stored one with other content, or if it is
rejected; the exit code is then 1. The command does not refresh candles that were refreshed before.

Examples:
  tickbook quarantine release 17 18
  tickbook quarantine release --all --rule future --from 2026-11-01")]
    Release(ResolveArguments),
    /// Discards ticks, or trades, permanently; `list --state discarded` still shows them
    #[command(after_help = "\
Example:
  tickbook quarantine discard --all --rule not_positive --symbol oanda:EURUSD")]
    Discard(ResolveArguments),
}

#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Trades instead of ticks; they have numbers of their own
    #[arg(long)]
    trades: bool,
    /// Only records of this symbol: EURUSD, oanda:EURUSD or its id
    #[arg(long)]
    symbol: Option<SymbolReference>,
    /// Only records that this rule held back, such as deviation
    #[arg(long)]
    rule: Option<Rule>,
    /// Start of the range of times at the venue (inclusive), such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    from: Option<DateTime<Utc>>,
    /// End of the range of times at the venue (exclusive)
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    to: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    filter: Filter,
    /// pending, released, discarded, or all
    #[arg(long, default_value = "pending", value_parser = state)]
    state: StateFilter,
    /// Maximum number of ticks or trades
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    /// Only those with larger numbers
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// Prints one JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArguments {
    /// Numbers of the ticks or trades, as shown by `quarantine list`
    #[arg(conflicts_with_all = ["all", "symbol", "rule", "from", "to"])]
    numbers: Vec<i64>,
    /// All pending ones that match the filters
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Prints the result as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy)]
struct StateFilter(Option<QuarantineState>);

fn state(text: &str) -> Result<StateFilter, String> {
    if text == "all" {
        return Ok(StateFilter(None));
    }
    let state = text.parse().map_err(|error| format!("{error}, or all"))?;
    Ok(StateFilter(Some(state)))
}

pub(crate) async fn run(command: &QuarantineCommand) -> anyhow::Result<Outcome> {
    if let QuarantineCommand::Release(arguments) | QuarantineCommand::Discard(arguments) = command
        && !arguments.all
        && arguments.numbers.is_empty()
    {
        bail!(
            "no numbers given: name the numbers that `tickbook quarantine list` shows, or give --all"
        );
    }
    let (repositories, _pools) = connect(&settings()?).await?;
    match command {
        QuarantineCommand::List(arguments) if arguments.filter.trades => {
            list::<Trade>(&repositories, arguments).await
        }
        QuarantineCommand::List(arguments) => list::<Tick>(&repositories, arguments).await,
        QuarantineCommand::Release(arguments) => {
            resolve_events(&repositories, arguments, Resolution::Released).await
        }
        QuarantineCommand::Discard(arguments) => {
            resolve_events(&repositories, arguments, Resolution::Discarded).await
        }
    }
}

async fn resolve_events(
    repositories: &Repositories,
    arguments: &ResolveArguments,
    resolution: Resolution,
) -> anyhow::Result<Outcome> {
    if arguments.filter.trades {
        resolve::<Trade>(repositories, arguments, resolution).await
    } else {
        resolve::<Tick>(repositories, arguments, resolution).await
    }
}

async fn query(repositories: &Repositories, filter: &Filter) -> anyhow::Result<QuarantineQuery> {
    let symbol_id = match &filter.symbol {
        None => None,
        Some(it) => Some(symbol(&*repositories.symbols, it).await?.symbol_id),
    };
    let all = TimeRange::all();
    let (from, to) = (
        filter.from.unwrap_or(all.start()),
        filter.to.unwrap_or(all.end()),
    );
    Ok(QuarantineQuery::default()
        .symbol_id(symbol_id)
        .rule(filter.rule)
        .range(TimeRange::new(from, to).context("--from is after --to")?)
        .limit(PageLimit::MAX))
}

/// One line of `list`.
#[derive(Debug, Serialize)]
struct Line {
    id: i64,
    state: &'static str,
    rule: &'static str,
    observed: String,
    limit: String,
    quarantined_at: String,
    symbol_id: i64,
    /// `oanda:EURUSD`; null if the symbol no longer exists.
    symbol: Option<String>,
    #[serde(flatten)]
    fields: Fields<Value>,
    /// Time, sequence and prices for people.
    #[serde(skip)]
    place: String,
}

impl Line {
    fn of<E: HeldEvent>(entry: &QuarantineEntry<E>, name: Option<&String>) -> Self {
        let (event, verdict) = (&entry.item.event, &entry.item.verdict);
        Self {
            id: entry.id.get(),
            state: entry.state.as_str(),
            rule: verdict.rule.as_str(),
            observed: verdict.observed.to_string(),
            limit: verdict.limit.to_string(),
            quarantined_at: time_text(entry.item.quarantined_at),
            symbol_id: MarketEvent::symbol_id(event).get(),
            symbol: name.cloned(),
            fields: Fields(event.fields()),
            place: format!(
                "time {} sequence {} {}",
                time_text(MarketEvent::time(event)),
                event.sequence(),
                event.prices()
            ),
        }
    }

    fn text(&self) -> String {
        let name = self.symbol.as_ref();
        let name = name.map_or(String::new(), |name| format!(" {name}"));
        let Self {
            id,
            state,
            symbol_id,
            place,
            rule,
            observed,
            limit,
            ..
        } = self;
        format!("{id} {state}: symbol {symbol_id}{name} {place}: {rule} {observed} (limit {limit})")
    }
}

async fn list<E: HeldEvent>(
    repositories: &Repositories,
    arguments: &ListArguments,
) -> anyhow::Result<Outcome> {
    let mut query = query(repositories, &arguments.filter)
        .await?
        .state(arguments.state.0)
        .after(arguments.after.map(QuarantineId::new));
    let mut left = arguments.limit;
    let (mut listed, mut pending, mut more) = (0, 0, true);
    while more && left > 0 {
        let page_limit = left.min(PageLimit::MAX.get());
        query.limit = PageLimit::try_from(page_limit as i64)?;
        let page = E::quarantine(repositories).list(&query).await?;
        let ids: BTreeSet<_> = page
            .items
            .iter()
            .map(|entry| MarketEvent::symbol_id(&entry.item.event))
            .collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let symbols = repositories.symbols.get_many(&ids).await?;
        let names = symbols
            .iter()
            .map(|symbol| (symbol.symbol_id, full_name(symbol)));
        let names: HashMap<_, _> = names.collect();
        for entry in &page.items {
            let symbol_id = MarketEvent::symbol_id(&entry.item.event);
            let line = Line::of(entry, names.get(&symbol_id));
            if arguments.json {
                print_json(&line)?;
            } else {
                print(&line.text())?;
            }
            pending += usize::from(entry.state == QuarantineState::Pending);
        }
        listed += page.items.len();
        left -= page.items.len();
        more = page.next.is_some();
        query.after = page.next;
    }
    if !arguments.json {
        let rest = match query.after {
            Some(after) => format!("; more with --after {after}"),
            None => String::new(),
        };
        print(&format!("listed {listed}{rest}"))?;
    }
    Ok(outcome(pending == 0))
}

/// The result of `release` and `discard`.
#[derive(Debug, Default, Serialize)]
struct ResolvedCounts {
    resolved: u64,
    inserted: u64,
    duplicates: u64,
    conflicts: u64,
    rejected: u64,
}

impl ResolvedCounts {
    fn add<E>(&mut self, receipt: &ReleaseReceipt<E>) {
        self.resolved += receipt.released;
        self.inserted += receipt.stored.inserted;
        self.duplicates += receipt.stored.duplicates;
        self.conflicts += receipt.stored.conflicts.len() as u64;
        self.rejected += receipt.stored.rejected.len() as u64;
    }
}

async fn resolve<E: HeldEvent>(
    repositories: &Repositories,
    arguments: &ResolveArguments,
    resolution: Resolution,
) -> anyhow::Result<Outcome> {
    let mut done = ResolvedCounts::default();
    if arguments.all {
        let mut query = query(repositories, &arguments.filter).await?;
        loop {
            let page = E::quarantine(repositories).list(&query).await?;
            let ids: Vec<_> = page.items.iter().map(|entry| entry.id).collect();
            resolve_ids::<E>(repositories, &ids, resolution, &mut done).await?;
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
    } else {
        let ids: Vec<_> = arguments
            .numbers
            .iter()
            .copied()
            .map(QuarantineId::new)
            .collect();
        require::<E>(repositories, &ids).await?;
        resolve_ids::<E>(repositories, &ids, resolution, &mut done).await?;
    }
    let ResolvedCounts {
        resolved,
        inserted,
        duplicates,
        conflicts,
        rejected,
    } = &done;
    if arguments.json {
        print_json(&done)?;
    } else if resolution == Resolution::Released {
        print(&format!(
            "released {resolved}, inserted {inserted}, duplicates {duplicates}, \
             conflicts {conflicts}, rejected {rejected}"
        ))?;
    } else {
        print(&format!("discarded {resolved}"))?;
    }
    Ok(outcome(*conflicts == 0 && *rejected == 0))
}

/// Returns an error if one of `ids` is not in quarantine in any state, before anything is changed.
async fn require<E: HeldEvent>(
    repositories: &Repositories,
    ids: &[QuarantineId],
) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for id in ids {
        let query = QuarantineQuery::default()
            .state(None)
            .after(Some(QuarantineId::new(id.get().saturating_sub(1))))
            .limit(PageLimit::new(1).unwrap_or_default());
        let page = E::quarantine(repositories).list(&query).await?;
        if page.items.first().is_none_or(|entry| entry.id != *id) {
            missing.push(id.get().to_string());
        }
    }
    if !missing.is_empty() {
        bail!(
            "there is no {} in quarantine, and nothing was changed: see `tickbook quarantine list`",
            missing.join(", ")
        );
    }
    Ok(())
}

async fn resolve_ids<E: HeldEvent>(
    repositories: &Repositories,
    ids: &[QuarantineId],
    resolution: Resolution,
    done: &mut ResolvedCounts,
) -> anyhow::Result<()> {
    let quarantine = E::quarantine(repositories).as_ref();
    if resolution == Resolution::Released {
        let receipt = release(quarantine, &*E::stored_in(repositories), ids).await?;
        done.add(&receipt);
    } else {
        done.resolved += quarantine.resolve(ids, resolution).await?;
    }
    Ok(())
}

fn outcome(is_complete: bool) -> Outcome {
    if is_complete {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    }
}
