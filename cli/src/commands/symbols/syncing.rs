//! `tickbook symbols sync`.

use anyhow::{Context as _, anyhow};
use tickbook::Clock;
use tickbook::config::Config;
use tickbook::domain::{Symbol, SyncReport, printable};
use tickbook_feeds::feed::symbol_list;
use tickbook_feeds::transport::{Tls, Transport};
use tickbook_feeds::{Channel, Endpoints, Subscription};

use crate::Outcome;
use crate::args::SyncSymbolsArguments;
use crate::opening::connect_instruments;
use crate::report::{print, print_json};
use crate::symbol_output::{ChangeOutput, change_lines, name_and_id};

/// The text after the error of a connection.
const NETWORK: &str = "check that the network allows connections to this host";

pub(super) async fn run(
    config: &Config,
    arguments: &SyncSymbolsArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let tls = Tls::of_the_system().context("the certificates of the system cannot be used")?;
    let transport = Transport::new(tls, clock.clone());
    let endpoints = arguments.websocket.as_ref().zip(arguments.http.as_ref());
    let endpoints = endpoints.map(|(websocket, http)| Endpoints::new(websocket, http));
    let none: [String; 0] = [];
    let subscription = Subscription::new(none, [Channel::Instruments]);
    let mut venue = arguments.venue.create(subscription, endpoints, clock)?;
    let instruments = connect_instruments(config).await?;
    let found = transport.instruments(&mut venue).await;
    let found = found.map_err(|error| anyhow!("{error}: {NETWORK}"))?;
    let feed = arguments
        .feed
        .as_deref()
        .unwrap_or(arguments.venue.as_str());
    let list = symbol_list(feed, &found)
        .accepts_loss(arguments.accept_loss)
        .creates(!arguments.existing);
    let report = instruments.sync(&list).await?;
    match arguments.json {
        true => print_json(&report)?,
        false => print_report(&report)?,
    }
    match report.kept_active.is_empty() {
        true => Ok(Outcome::Complete),
        false => Ok(Outcome::Incomplete),
    }
}

fn print_report(report: &SyncReport) -> anyhow::Result<()> {
    let SyncReport {
        feed,
        listed,
        added,
        changed,
        reappeared,
        missing,
        kept_active,
        refused,
        left_out,
        ..
    } = report;
    print_each("added", added)?;
    for changed in changed {
        let changes = changed.changes.iter().cloned();
        let changes: Vec<ChangeOutput> = changes.map(Into::into).collect();
        for line in change_lines(&name_and_id(&changed.symbol), &changes) {
            print(&printable(&line))?;
        }
    }
    print_each("reappeared", reappeared)?;
    print_each("missing", missing)?;
    for refused in refused {
        eprintln!(
            "refused: {} ({}): {}",
            printable(&refused.name),
            printable(&refused.key),
            printable(&refused.reason)
        );
    }
    if !kept_active.is_empty() {
        eprintln!(
            "{} symbols are missing, which is a fifth of the active ones or more: they stay active; use \
             --accept-loss if the list is right",
            kept_active.len()
        );
    }
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!(", left out {left_out}"),
    };
    print(&format!(
        "{feed}: listed {listed}, added {}, changed {}, reappeared {}, missing {}, kept active {}, refused {}{left_out}",
        added.len(),
        changed.len(),
        reappeared.len(),
        missing.len(),
        kept_active.len(),
        refused.len()
    ))
}

fn print_each(outcome: &str, symbols: &[Symbol]) -> anyhow::Result<()> {
    let mut lines = symbols
        .iter()
        .map(|symbol| format!("{outcome}: {}", name_and_id(symbol)));
    lines.try_for_each(|line| print(&printable(&line)))
}
