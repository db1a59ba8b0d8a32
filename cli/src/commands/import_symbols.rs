//! `tickbook import symbols`.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use tickbook::domain::{FieldChange, MergedSymbol, StatedSymbol, Symbol, folded_name};
use tickbook::files::{LeanSymbols, ListedSymbol, MarketFile};
use tickbook::repository::SymbolRepository;

use crate::Outcome;
use crate::args::{ImportSymbolsArguments, SymbolFormat};
use crate::interruption;
use crate::opening::{connect_symbols, full_name, settings};
use crate::report::{Problems, SymbolSummary, print, print_json, seconds};
use crate::symbol_output::{ChangeOutput, value};

/// Number of symbols in one transaction.
const BATCH: usize = 1_000;

pub(crate) async fn run(arguments: &ImportSymbolsArguments) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut table = match arguments.format {
        SymbolFormat::Lean => Table::read(arguments)?,
    };
    let config = settings()?;
    let symbols = interruption::unless_interrupted(async { Ok(connect_symbols(&config).await?) });
    let symbols = symbols.await?;
    let stored = table.store(&*symbols, arguments.overwrite).await;
    table.summary.seconds = seconds(begun.elapsed());
    table.print_result(arguments.json)?;
    stored.context("the import ended early: the symbols counted above are stored; run it again")?;
    Ok(if table.summary.rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// The symbols of one market; some thousands at most.
#[derive(Debug, Default)]
struct Table {
    symbols: Vec<StatedSymbol>,
    /// The place in the file of each symbol.
    places: Vec<String>,
    /// The first line of each case-folded name, with its type and its spelling.
    seen: HashMap<String, (u64, String, String)>,
    summary: SymbolSummary,
    problems: Problems,
    changes: Vec<SymbolChange>,
    kept: Vec<SymbolChange>,
}

impl Table {
    fn read(arguments: &ImportSymbolsArguments) -> anyhow::Result<Self> {
        let mut table = Self::default();
        let mut file = MarketFile::open(&arguments.file)?;
        file.verify()?;
        let mut markets = BTreeSet::new();
        let mut has_defaults = false;
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
            has_defaults |= symbols.has_defaults();
        }
        if table.summary.read == 0 {
            return Err(nothing_found(arguments, &markets, has_defaults));
        }
        Ok(table)
    }

    fn add(&mut self, listed: ListedSymbol, arguments: &ImportSymbolsArguments, place: &str) {
        let ListedSymbol {
            line, mut symbol, ..
        } = listed;
        let found = symbol.facts.instrument.instrument_type;
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
        let folded = folded_name(&symbol.name);
        if let Some((first, first_kind, first_name)) = self.seen.get(&folded).cloned() {
            let name = &symbol.name;
            if first_name != *name {
                self.reject(|| {
                    format!(
                        "{place}: line {line}: {name} ({kind}) differs from {first_name} in line \
                         {first} only in case: rename one of them, or import it to \
                         another exchange with --exchange"
                    )
                });
                return;
            }
            self.reject(|| {
                format!(
                    "{place}: line {line}: {name} ({kind}) is already in line {first} \
                     ({first_kind}): import one type with --type, and the other one to \
                     another exchange with --exchange"
                )
            });
            return;
        }
        self.summary.read += 1;
        let first = (line, kind.to_owned(), symbol.name.clone());
        self.seen.insert(folded, first);
        self.symbols.push(symbol);
        self.places.push(format!("{place}: line {line}"));
    }

    fn reject(&mut self, describe: impl FnOnce() -> String) {
        self.summary.read += 1;
        self.summary.rejected += 1;
        self.problems.add(describe);
    }

    async fn store(
        &mut self,
        symbols: &dyn SymbolRepository,
        overwrite: bool,
    ) -> anyhow::Result<()> {
        let stated = std::mem::take(&mut self.symbols);
        let places = std::mem::take(&mut self.places);
        for (batch, places) in stated.chunks(BATCH).zip(places.chunks(BATCH)) {
            interruption::check()?;
            let merged = symbols.merge_batch(batch, overwrite).await?;
            for (merged, place) in merged.into_iter().zip(places) {
                match merged {
                    Ok(merged) => self.count(merged),
                    Err(invalid) => {
                        self.summary.rejected += 1;
                        self.problems.add(|| format!("{place}: {invalid}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, merged: MergedSymbol) {
        let summary = &mut self.summary;
        match (merged.created, merged.changed.is_empty()) {
            (true, _) => summary.created += 1,
            (_, false) => summary.changed += 1,
            (_, true) => summary.unchanged += 1,
        }
        summary.kept += u64::from(!merged.kept.is_empty());
        let symbol = &merged.symbol;
        let of_symbol = |change: FieldChange| SymbolChange::new(symbol, change);
        self.changes
            .extend(merged.changed.into_iter().map(of_symbol));
        self.kept.extend(merged.kept.into_iter().map(of_symbol));
    }

    fn print_result(&self, json: bool) -> anyhow::Result<()> {
        self.problems.print();
        if json {
            return print_json(&ReportJson {
                summary: &self.summary,
                changes: &self.changes,
                kept_values: &self.kept,
            });
        }
        for change in &self.changes {
            print(&format!("{}: {}", change.name(), change.values.line()))?;
        }
        let mut kept = Problems::default();
        for change in &self.kept {
            kept.add(|| change.kept_line());
        }
        kept.print();
        print(&self.summary.line())
    }
}

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    #[serde(flatten)]
    summary: &'a SymbolSummary,
    changes: &'a [SymbolChange],
    /// Values of the file that were not stored.
    kept_values: &'a [SymbolChange],
}

#[derive(Debug, Serialize)]
struct SymbolChange {
    symbol_id: i64,
    symbol: String,
    #[serde(flatten)]
    values: ChangeOutput,
}

impl SymbolChange {
    fn new(symbol: &Symbol, change: FieldChange) -> Self {
        Self {
            symbol_id: symbol.symbol_id.get(),
            symbol: full_name(symbol),
            values: change.into(),
        }
    }

    fn name(&self) -> String {
        format!("{} ({})", self.symbol, self.symbol_id)
    }

    fn kept_line(&self) -> String {
        let ChangeOutput { field, old, new } = &self.values;
        let (old, new) = (value(old.as_deref()), value(new.as_deref()));
        let name = self.name();
        format!("{name}: {field} {old} is kept, the file has {new}: use --overwrite to store it")
    }
}

/// Why nothing was imported, and what can be imported.
fn nothing_found(
    arguments: &ImportSymbolsArguments,
    markets: &BTreeSet<String>,
    has_defaults: bool,
) -> anyhow::Error {
    let (file, market) = (arguments.file.display(), &arguments.market);
    let kind = arguments.instrument_type;
    let kind = kind.map_or(String::new(), |kind| format!(" and the type {kind}"));
    let markets: Vec<_> = markets.iter().map(String::as_str).collect();
    let others = match (markets.contains(&market.as_str()), &markets[..]) {
        (true, _) => "use another type, or none".to_owned(),
        (_, []) => "no market in it has symbols".to_owned(),
        _ => format!("use one of {}", markets.join(", ")),
    };
    match has_defaults && !markets.contains(&market.as_str()) {
        true => anyhow!(
            "{file}: contains only rows of defaults of the market {market:?}, named [*], which are not \
             symbols: {others}"
        ),
        false => anyhow!("{file}: has no symbols of the market {market:?}{kind}: {others}"),
    }
}
