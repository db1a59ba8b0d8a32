//! Events of statements of brokers.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::Context as _;
use tickbook::RepositoryError;
use tickbook::domain::{Symbol, SymbolReference, printable};
use tickbook::repository::{SymbolRepository, find_symbol};
use tickbook_ledger::domain::Contract;
use tickbook_ledger::statement::{StatementReader, StatementSymbol, fill_events};

use super::importing::{FileEvents, LineEvent};
use crate::args::StatementArguments;

/// Reads a statement. A row of an unknown symbol is a bad line.
pub(super) async fn read(
    path: &Path,
    arguments: &StatementArguments,
    symbols: &dyn SymbolRepository,
) -> anyhow::Result<FileEvents> {
    let format = arguments.format();
    let reader = StatementReader::new(&format)?;
    let file = File::open(path).context("cannot be read")?;
    let statement = reader.read(file)?;
    let mut found: BTreeMap<&str, Result<StatementSymbol, String>> = BTreeMap::new();
    for row in &statement.rows {
        if !found.contains_key(&*row.symbol) {
            let symbol = symbol_of(&row.symbol, arguments, symbols).await?;
            found.insert(&row.symbol, symbol);
        }
    }
    let known = |name: &str| found.get(name)?.as_ref().ok().copied();
    let events = fill_events(&statement.rows, known);
    let bad_rows = statement.problems.iter();
    let mut bad_lines: Vec<_> = bad_rows.map(|it| (it.line, it.reason.clone())).collect();
    for row in &statement.rows {
        if let Some(Err(reason)) = found.get(&*row.symbol) {
            bad_lines.push((row.line, reason.clone()));
        }
    }
    bad_lines.sort();
    let events = events.into_iter().map(|it| LineEvent {
        line: it.line,
        event: it.event,
    });
    Ok(FileEvents {
        events: events.collect(),
        bad_lines,
    })
}

/// Looks up a name of the file: as the name of the feed, then as the name of a symbol.
async fn symbol_of(
    name: &str,
    arguments: &StatementArguments,
    symbols: &dyn SymbolRepository,
) -> anyhow::Result<Result<StatementSymbol, String>> {
    if let Some(feed) = &arguments.feed
        && let Some(symbol) = symbols.get_by_feed_key(feed, name).await?
    {
        return Ok(Ok(with_contract(&symbol)));
    }
    let mut reference: SymbolReference = match name.parse() {
        Ok(reference) => reference,
        Err(error) => return Ok(Err(format!("{error}"))),
    };
    if reference.exchange.is_none() {
        reference.exchange.clone_from(&arguments.exchange);
    }
    Ok(match find_symbol(symbols, &reference).await {
        Ok(Some(symbol)) => Ok(with_contract(&symbol)),
        Ok(None) => Err(format!(
            "there is no symbol {}: create it, give --exchange, or name it with `tickbook symbols alias` \
             and give --feed",
            printable(&reference.to_string())
        )),
        // several exchanges have the name
        Err(error @ RepositoryError::InvalidInput { .. }) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    })
}

fn with_contract(symbol: &Symbol) -> StatementSymbol {
    let contract = symbol.instrument.as_ref().map(Contract::of);
    StatementSymbol::new(symbol.symbol_id, contract.unwrap_or_default())
}
