//! `tickbook symbols`.

mod listing;
mod syncing;

use anyhow::{anyhow, bail};
use tickbook::Clock;
use tickbook::domain::{Symbol, SymbolFacts, SymbolReference};
use tickbook::repository::{FeedSymbol, SymbolRepository, find_symbol};

use crate::Outcome;
use crate::args::{
    AliasSymbolArguments, DescribeSymbolArguments, FactArguments, OneSymbolArguments,
    RenameSymbolArguments, SymbolsCommand,
};
use crate::opening::{connect_symbols, named, settings};
use crate::report::{print, print_json};
use crate::symbol_output::{ChangeOutput, ChangedOutput, name_and_id, value};

pub(crate) async fn run(command: &SymbolsCommand, clock: &Clock) -> anyhow::Result<Outcome> {
    let config = settings()?;
    if let SymbolsCommand::Show(arguments) = command {
        return listing::show(&config, arguments).await;
    }
    if let SymbolsCommand::Sync(arguments) = command {
        return syncing::run(&config, arguments, clock).await;
    }
    let symbols = connect_symbols(&config).await?;
    match command {
        SymbolsCommand::List(arguments) => listing::list(&*symbols, arguments).await?,
        SymbolsCommand::Show(_) | SymbolsCommand::Sync(_) => {}
        SymbolsCommand::Rename(arguments) => rename(&*symbols, arguments).await?,
        SymbolsCommand::Alias(arguments) => alias(&*symbols, arguments).await?,
        SymbolsCommand::Deactivate(arguments) => activate(&*symbols, arguments, false).await?,
        SymbolsCommand::Activate(arguments) => activate(&*symbols, arguments, true).await?,
        SymbolsCommand::Describe(arguments) => describe(&*symbols, arguments).await?,
    }
    Ok(Outcome::Complete)
}

/// Looks up the symbol of `reference`; it must exist.
async fn existing(
    symbols: &dyn SymbolRepository,
    reference: &SymbolReference,
) -> anyhow::Result<Symbol> {
    match find_symbol(symbols, reference).await? {
        Some(symbol) => Ok(symbol),
        None => bail!(
            "there is no symbol {}: `tickbook symbols list` shows all",
            named(reference)
        ),
    }
}

async fn rename(
    symbols: &dyn SymbolRepository,
    arguments: &RenameSymbolArguments,
) -> anyhow::Result<()> {
    let symbol = existing(symbols, &arguments.symbol).await?;
    let renamed = symbols.rename(symbol.symbol_id, &arguments.name).await?;
    print_result(&symbol, &ChangedOutput::of(renamed), arguments.json)
}

async fn activate(
    symbols: &dyn SymbolRepository,
    arguments: &OneSymbolArguments,
    active: bool,
) -> anyhow::Result<()> {
    let symbol = existing(symbols, &arguments.symbol).await?;
    let mut facts = SymbolFacts::default();
    facts.active = Some(active);
    let changed = symbols.describe(symbol.symbol_id, &facts).await?;
    print_result(&symbol, &ChangedOutput::of(changed), arguments.json)
}

async fn describe(
    symbols: &dyn SymbolRepository,
    arguments: &DescribeSymbolArguments,
) -> anyhow::Result<()> {
    let symbol = existing(symbols, &arguments.symbol).await?;
    let facts = facts(&arguments.facts);
    let changed = symbols.describe(symbol.symbol_id, &facts).await?;
    print_result(&symbol, &ChangedOutput::of(changed), arguments.json)
}

fn facts(given: &FactArguments) -> SymbolFacts {
    let mut facts = SymbolFacts::default();
    facts.description.clone_from(&given.description);
    facts.digits = given.digits;
    let instrument = &mut facts.instrument;
    instrument.instrument_type = given.instrument_type;
    instrument.base_currency.clone_from(&given.base_currency);
    instrument.quote_currency.clone_from(&given.quote_currency);
    instrument.tick_size = given.tick_size;
    instrument.lot_size = given.lot_size;
    instrument.contract_multiplier = given.contract_multiplier;
    instrument.expiry = given.expiry;
    instrument.strike = given.strike;
    facts
}

async fn alias(
    symbols: &dyn SymbolRepository,
    arguments: &AliasSymbolArguments,
) -> anyhow::Result<()> {
    let symbol = existing(symbols, &arguments.symbol).await?;
    let AliasSymbolArguments { feed, key, .. } = arguments;
    let mapping = FeedSymbol::new(feed.clone(), key.clone(), symbol.symbol_id);
    mapping.validate()?;
    let owner = symbols.get_by_feed_key(feed, key).await?;
    let (feed_text, key_text) = (value(Some(feed)), value(Some(key)));
    let is_own = owner.as_ref().map(|owner| owner.symbol_id) == Some(symbol.symbol_id);
    let name = || Some(format!("{feed}:{key}"));
    let taken = |owner: &Symbol| {
        anyhow!(
            "{feed_text} calls {} {key_text}: {}",
            name_and_id(owner),
            match arguments.remove {
                true => "name that symbol to remove it",
                false => "use --move to take it from there",
            }
        )
    };
    let changes = match (&owner, is_own) {
        (Some(owner), false) if !arguments.moves => return Err(taken(owner)),
        (None, _) if arguments.remove => bail!(
            "{feed_text} calls no symbol {key_text}: `tickbook symbols show` lists the names of a symbol"
        ),
        (_, true) if arguments.remove => {
            symbols.remove_feed_symbol(&mapping).await?;
            vec![change(name(), None)]
        }
        (_, true) => Vec::new(),
        (_, false) if arguments.moves => {
            symbols.map_feed_symbols(&[mapping]).await?;
            vec![change(None, name())]
        }
        // another program may have added it meanwhile
        _ => match symbols.add_feed_symbol(&mapping).await? {
            Some(owner) => return Err(taken(&owner)),
            None => vec![change(None, name())],
        },
    };
    let mut changed = ChangedOutput::new(&symbol, changes);
    if let (Some(owner), false) = (&owner, is_own) {
        changed = changed.taken_from(owner);
        if !arguments.json {
            let lost = ChangedOutput::new(owner, vec![change(name(), None)]);
            print_result(owner, &lost, false)?;
        }
    }
    print_result(&symbol, &changed, arguments.json)
}

fn change(old: Option<String>, new: Option<String>) -> ChangeOutput {
    ChangeOutput {
        field: "alias",
        old,
        new,
    }
}

/// Prints the changes of `before`.
fn print_result(before: &Symbol, changed: &ChangedOutput, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(changed);
    }
    let lines = changed.lines(&name_and_id(before));
    lines.iter().try_for_each(|line| print(line))
}
