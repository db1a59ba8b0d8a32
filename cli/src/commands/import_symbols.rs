//! `tickbook import symbols`

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context as _, bail};
use tickbook::domain::NewSymbol;
use tickbook::files::{LeanSymbols, ListedSymbol, MarketFile};
use tickbook::repository::SymbolRepository;

use crate::Outcome;
use crate::args::{ImportSymbolsArguments, SymbolFormat};
use crate::interruption;
use crate::opening::{connect_symbols, settings};
use crate::report::{Problems, SymbolSummary, print, print_json, seconds};

/// Symbols of one transaction.
const BATCH: usize = 1_000;

pub(crate) async fn run(arguments: &ImportSymbolsArguments) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut table = match arguments.format {
        SymbolFormat::Lean => Table::read(arguments)?,
    };
    let config = settings()?;
    let symbols = interruption::unless_interrupted(async { Ok(connect_symbols(&config).await?) });
    let symbols = symbols.await?;
    let stored = table.store(&*symbols).await;
    table.summary.seconds = seconds(begun.elapsed());
    table.problems.print();
    if arguments.json {
        print_json(&table.summary)?;
    } else {
        print(&table.summary.line())?;
    }
    stored.context("the import ended early: what is counted above is stored; run it again")?;
    Ok(if table.summary.rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// The symbols of one market, which are some thousands at most.
#[derive(Debug, Default)]
struct Table {
    symbols: Vec<NewSymbol>,
    /// Where each name stands first, with its type.
    seen: HashMap<String, (u64, String)>,
    summary: SymbolSummary,
    problems: Problems,
}

impl Table {
    fn read(arguments: &ImportSymbolsArguments) -> anyhow::Result<Self> {
        let mut table = Self::default();
        let mut file = MarketFile::open(&arguments.file)?;
        file.verify()?;
        let mut markets = Vec::new();
        for index in 0..file.entry_count() {
            let entry = file.entry(index)?;
            let place = entry.to_string();
            let mut symbols = LeanSymbols::new(entry, &arguments.market)?;
            for listed in symbols.by_ref() {
                match listed {
                    Ok(listed) => table.add(listed, arguments, &place),
                    Err(error) if error.ends_entry() => return Err(error.into()),
                    Err(error) => table.reject(|| error.to_string()),
                }
            }
            markets.extend(symbols.markets().iter().cloned());
        }
        if table.summary.read == 0 {
            bail!(
                "{}: has no symbols of the market {:?}{}: use one of {}",
                arguments.file.display(),
                arguments.market,
                arguments
                    .instrument_type
                    .map_or(String::new(), |kind| format!(" and the type {kind}")),
                markets.join(", ")
            );
        }
        Ok(table)
    }

    fn add(&mut self, listed: ListedSymbol, arguments: &ImportSymbolsArguments, place: &str) {
        let ListedSymbol { line, mut symbol } = listed;
        let found = symbol.instrument.as_ref();
        let found = found.map(|instrument| instrument.instrument_type);
        if arguments.instrument_type.is_some() && arguments.instrument_type != found {
            return;
        }
        if let Some(exchange) = &arguments.exchange {
            symbol.exchange.clone_from(exchange);
        }
        if let Err(error) = symbol.validate() {
            self.reject(|| format!("{place}: line {line}: {error}"));
            return;
        }
        let kind = found.map_or("", |found| found.as_str());
        if let Some((first, first_kind)) = self.seen.get(&symbol.name).cloned() {
            self.reject(|| {
                format!(
                    "{place}: line {line}: {symbol_name} ({kind}) stands in line {first} \
                     ({first_kind}) already: import one type with --type, and the other one to \
                     another exchange with --exchange",
                    symbol_name = symbol.name
                )
            });
            return;
        }
        self.summary.read += 1;
        self.seen
            .insert(symbol.name.clone(), (line, kind.to_owned()));
        self.symbols.push(symbol);
    }

    fn reject(&mut self, describe: impl FnOnce() -> String) {
        self.summary.read += 1;
        self.summary.rejected += 1;
        self.problems.add(describe);
    }

    async fn store(&mut self, symbols: &dyn SymbolRepository) -> anyhow::Result<()> {
        for batch in self.symbols.chunks(BATCH) {
            interruption::check()?;
            self.summary.stored += symbols.upsert_batch(batch).await?.len() as u64;
        }
        Ok(())
    }
}
