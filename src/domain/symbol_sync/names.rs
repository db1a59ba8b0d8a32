//! Which symbol each listed instrument is, and the name that it gets.

use std::collections::{BTreeMap, BTreeSet};

use super::{ListedKey, ListedSymbol, RefusedListing, StoredFeed};
use crate::domain::invalid_symbol::folded_name;
use crate::domain::symbol::Symbol;
use crate::domain::symbol_id::SymbolId;

/// The symbol of a listed instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A stored symbol. Of several instruments of one symbol, only the first describes it.
    Stored { id: SymbolId, describes: bool },
    /// A stored symbol that gets the name of the list.
    Renamed(SymbolId),
    /// A new symbol.
    New,
}

/// A listed instrument with its symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'l> {
    pub(super) listed: &'l ListedSymbol,
    pub(super) target: Target,
    /// Whether the name of the list was refused.
    pub(super) keeps_name: bool,
}

/// The entries with their symbols, by key.
pub(super) struct Resolution<'l> {
    pub(super) entries: Vec<Entry<'l>>,
    pub(super) refused: Vec<RefusedListing>,
}

/// Finds the symbol of each instrument: by its key, else by a name that is an alias of the feed, else by its name on
/// the exchange.
pub(super) fn resolve<'l>(
    listed: &BTreeMap<&'l str, &'l ListedSymbol>,
    stored: &StoredFeed,
    symbols: &BTreeMap<SymbolId, &Symbol>,
    keys: &BTreeMap<&str, &ListedKey>,
) -> Resolution<'l> {
    let mut taken = BTreeSet::new();
    let mut targets: BTreeMap<&str, Target> = BTreeMap::new();
    for (key, listed) in listed {
        let Some(known) = keys.get(key) else {
            continue;
        };
        let Some(symbol) = symbols.get(&known.symbol_id) else {
            continue;
        };
        let describes = taken.insert(known.symbol_id);
        let is_renamed =
            describes && stored.is_own(symbol) && is_renamed(known, symbol, &listed.name);
        let target = match is_renamed {
            true => Target::Renamed(known.symbol_id),
            false => Target::Stored {
                id: known.symbol_id,
                describes,
            },
        };
        targets.insert(key, target);
    }
    let own = symbols.values().filter(|symbol| stored.is_own(symbol));
    let by_name: BTreeMap<_, _> = own
        .map(|symbol| (folded_name(&symbol.name), symbol.symbol_id))
        .collect();
    for (key, listed) in listed {
        if targets.contains_key(key) {
            continue;
        }
        let alias = keys.get(listed.name.as_str());
        let alias = alias.filter(|alias| alias.listed_name.is_none());
        let same_name = match alias {
            Some(alias) => Some(alias.symbol_id),
            None => by_name.get(&folded_name(&listed.name)).copied(),
        };
        let target = match same_name.filter(|id| taken.insert(*id)) {
            Some(id) => Target::Stored {
                id,
                describes: true,
            },
            None => Target::New,
        };
        targets.insert(key, target);
    }
    let entries = targets.into_iter().map(|(key, target)| Entry {
        listed: listed[key],
        target,
        keeps_name: false,
    });
    let mut resolution = Resolution {
        entries: entries.collect(),
        refused: Vec::new(),
    };
    resolution.refuse_taken_names(stored, symbols);
    resolution
}

impl Resolution<'_> {
    /// Refuses new names that symbols have which keep theirs. A symbol that keeps its name because of this may have a
    /// name that another entry wants, so this is repeated until all names are different.
    fn refuse_taken_names(&mut self, stored: &StoredFeed, symbols: &BTreeMap<SymbolId, &Symbol>) {
        // an entry that is renamed comes before a new one of the same name
        self.entries
            .sort_by_key(|entry| matches!(entry.target, Target::New));
        loop {
            let renamed: BTreeSet<_> = self.entries.iter().filter_map(renamed).collect();
            let kept = symbols
                .values()
                .filter(|symbol| stored.is_own(symbol) && !renamed.contains(&symbol.symbol_id));
            let mut names: BTreeMap<_, _> = kept
                .map(|symbol| (folded_name(&symbol.name), name_and_id(symbol)))
                .collect();
            let mut is_refused = false;
            self.entries.retain_mut(|entry| {
                if matches!(entry.target, Target::Stored { .. }) {
                    return true;
                }
                let listed = entry.listed;
                let folded = folded_name(&listed.name);
                let Some(taker) = names.get(&folded) else {
                    names.insert(folded, format!("the key {}", listed.key));
                    return true;
                };
                is_refused = true;
                let reason = format!("its name is that of {taker}");
                let refused = RefusedListing::new(&*listed.key, &*listed.name, reason);
                self.refused.push(refused);
                match entry.target {
                    Target::Renamed(id) => {
                        entry.keeps_name = true;
                        entry.target = Target::Stored {
                            id,
                            describes: true,
                        };
                        true
                    }
                    _ => false,
                }
            });
            if !is_refused {
                break;
            }
        }
        self.entries.sort_by_key(|entry| &entry.listed.key);
    }
}

/// Whether the name of the list changed. A name that an operator chose stays.
fn is_renamed(known: &ListedKey, symbol: &Symbol, name: &str) -> bool {
    known.listed_name.as_ref().is_some_and(|before| {
        before != name && symbol.name != name && folded_name(before) == folded_name(&symbol.name)
    })
}

fn renamed(entry: &Entry<'_>) -> Option<SymbolId> {
    match entry.target {
        Target::Renamed(id) => Some(id),
        _ => None,
    }
}

fn name_and_id(symbol: &Symbol) -> String {
    let (exchange, name, id) = (&symbol.exchange, &symbol.name, symbol.symbol_id);
    format!("{exchange}:{name} (symbol_id {id})")
}
