//! The comparison.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Entry, Target, resolve};
use super::report::{ChangedSymbol, RefusedListing, SyncReport};
use super::terms::{described, problem, terms};
use super::{ListedKey, ListedSymbol, StoredFeed, SymbolList, SyncPlan};
use crate::domain::symbol::Symbol;
use crate::domain::symbol_facts::{FieldChange, StatedSymbol};
use crate::domain::symbol_id::SymbolId;

impl SymbolList {
    /// Compares the list with what is stored.
    ///
    /// - A key of the feed identifies a symbol. A symbol whose listed name changes gets the new name, unless an operator
    ///   has given it another one.
    /// - A key that is not stored gets the symbol to which its name is mapped for this feed, or the symbol of its name on
    ///   the exchange, if the list has no other key of it, in place of its keys of earlier lists. Otherwise it gets
    ///   a new symbol, if the list creates symbols. New symbols have the next ids, by ascending key.
    /// - A name that is mapped for this feed and is not a key follows the instrument that has it.
    /// - Of a symbol of the exchange, stated values replace stored ones. Of a symbol of another exchange, they
    ///   replace unknown ones.
    /// - A symbol is lost if the list has none of its keys as traded. Lost symbols become inactive if they are fewer
    ///   than 20 % of the active symbols that the last list or this one had as traded, or if the list accepts the
    ///   loss; otherwise all of them stay active. If the list is not complete, symbols that it does not have are not lost.
    /// - A lost symbol that is listed as traded again becomes active. A symbol that an operator made inactive does
    ///   not.
    ///
    /// The order of the list does not matter, except that of entries with the same key the first one counts. After
    /// the plan is stored, the comparison with the same list gives an empty plan.
    #[must_use]
    pub fn compare(&self, stored: &StoredFeed) -> SyncPlan {
        let mut refused = self.refused.clone();
        let listed = self.usable(stored, &mut refused);
        let symbols: BTreeMap<_, _> = (stored.symbols.iter())
            .map(|symbol| (symbol.symbol_id, symbol))
            .collect();
        let keys: BTreeMap<_, _> = (stored.keys.iter())
            .map(|key| (key.key.as_str(), key))
            .collect();
        let resolution = resolve(&listed, stored, &symbols, &keys);
        refused.extend(resolution.refused);
        let mut comparison = Comparison {
            list: self,
            stored,
            known: &symbols,
            symbols: BTreeMap::new(),
            renamed: Vec::new(),
            keys: stored
                .keys
                .iter()
                .map(|key| (key.key.as_str(), key.clone()))
                .collect(),
            traded: BTreeSet::new(),
            traded_keys: BTreeSet::new(),
            unread_keys: BTreeSet::new(),
            suspended: BTreeSet::new(),
            last_id: stored.largest_id,
            report: SyncReport {
                feed: self.feed.clone(),
                listed: (self.symbols.len() + self.refused.len()) as u64,
                is_complete: self.is_complete,
                ..SyncReport::default()
            },
        };
        // what cannot be used is listed nevertheless
        for refused in &refused {
            if let Some(&known) = keys.get(refused.key.as_str())
                && !listed.contains_key(refused.key.as_str())
            {
                comparison.traded.insert(known.symbol_id);
                comparison.unread_keys.insert(&known.key);
            }
        }
        for entry in &resolution.entries {
            if !self.creates && matches!(entry.target, Target::New) {
                comparison.report.left_out += 1;
                continue;
            }
            if let Err(reason) = comparison.take(entry) {
                let listed = entry.listed;
                refused.push(RefusedListing::new(&*listed.key, &*listed.name, reason));
            }
        }
        comparison.settle_activity();
        refused.sort_by(|left, right| left.key.cmp(&right.key));
        comparison.report.refused = refused;
        comparison.into_plan(&keys)
    }

    /// The valid instruments by key.
    fn usable(
        &self,
        stored: &StoredFeed,
        refused: &mut Vec<RefusedListing>,
    ) -> BTreeMap<&str, &ListedSymbol> {
        let mut listed: BTreeMap<&str, &ListedSymbol> = BTreeMap::new();
        for one in &self.symbols {
            let problem = if listed.contains_key(one.key.as_str()) {
                Some("its key is listed before".to_owned())
            } else {
                problem(one, &stored.exchange)
            };
            match problem {
                None => {
                    listed.insert(&one.key, one);
                }
                Some(reason) => refused.push(RefusedListing::new(&*one.key, &*one.name, reason)),
            }
        }
        listed
    }
}

struct Comparison<'l> {
    list: &'l SymbolList,
    stored: &'l StoredFeed,
    known: &'l BTreeMap<SymbolId, &'l Symbol>,
    /// New and changed symbols.
    symbols: BTreeMap<SymbolId, Symbol>,
    renamed: Vec<SymbolId>,
    /// All keys, stored and listed.
    keys: BTreeMap<&'l str, ListedKey>,
    /// Symbols with a key that is listed as traded.
    traded: BTreeSet<SymbolId>,
    traded_keys: BTreeSet<&'l str>,
    /// Keys of instruments that cannot be used.
    unread_keys: BTreeSet<&'l str>,
    /// Symbols with a key that is listed as not traded.
    suspended: BTreeSet<SymbolId>,
    last_id: i64,
    report: SyncReport,
}

impl<'l> Comparison<'l> {
    /// Stores the terms of an instrument.
    fn take(&mut self, entry: &Entry<'l>) -> Result<(), String> {
        let listed = entry.listed;
        let id = match entry.target {
            Target::New => self.add(listed),
            Target::Renamed(id) => self.change(id, listed, true).map(|()| id),
            Target::Stored { id, describes } => {
                let described = match describes {
                    true => self.change(id, listed, false),
                    false => Ok(()),
                };
                described.map(|()| id)
            }
        };
        let id = match (id, entry.target) {
            (Ok(id), _) => id,
            // its terms are refused, and it is listed nevertheless
            (Err(reason), Target::Renamed(id) | Target::Stored { id, .. }) => {
                self.traded.insert(id);
                self.unread_keys.insert(&listed.key);
                return Err(reason);
            }
            (Err(reason), Target::New) => return Err(reason),
        };
        if listed.active {
            self.traded.insert(id);
            self.traded_keys.insert(&listed.key);
        } else {
            self.suspended.insert(id);
        }
        if !self.keys.contains_key(listed.key.as_str()) {
            let symbol = self.current(id).cloned();
            self.report.added.extend(symbol);
            let key = self.new_key(&listed.key, id);
            self.keys.insert(&listed.key, key);
        }
        let Some(key) = self.keys.get_mut(listed.key.as_str()) else {
            return Ok(());
        };
        if entry.keeps_name {
            return Ok(());
        }
        key.listed_name = Some(listed.name.clone());
        // an alias by name is that of the instrument with this name
        if listed.key != listed.name
            && let Some(alias) = self.keys.get_mut(listed.name.as_str())
            && alias.listed_name.is_none()
        {
            alias.symbol_id = id;
        }
        Ok(())
    }

    /// A key of a symbol that has no listed key. It replaces keys of earlier lists, which the feed may give to other
    /// instruments now.
    fn new_key(&mut self, key: &str, id: SymbolId) -> ListedKey {
        let mut new = ListedKey::unlisted(key, id);
        let is_replaced = |it: &ListedKey| it.symbol_id == id && it.listed_name.is_some();
        let unread = &self.unread_keys;
        let replaced = self
            .keys
            .iter()
            .filter(|(key, it)| is_replaced(it) && !unread.contains(*key));
        let replaced: Vec<_> = replaced.map(|(key, _)| *key).collect();
        for key in replaced {
            if let Some(old) = self.keys.remove(key) {
                new.listed = new.listed.max(old.listed);
            }
        }
        new
    }

    fn add(&mut self, listed: &ListedSymbol) -> Result<SymbolId, String> {
        let mut new = StatedSymbol::named(&*self.stored.exchange, &*listed.name);
        new.facts = described(listed);
        new.facts.active = Some(listed.active);
        let new = new.into_new().map_err(|invalid| invalid.to_string())?;
        let next = self.last_id.checked_add(1);
        self.last_id = next.ok_or("the largest symbol_id is in use")?;
        let id = SymbolId::new(self.last_id);
        self.symbols.insert(id, new.into_symbol(id));
        Ok(id)
    }

    fn change(&mut self, id: SymbolId, listed: &ListedSymbol, renames: bool) -> Result<(), String> {
        let Some(&stored) = self.known.get(&id) else {
            return Ok(());
        };
        let is_own = self.stored.is_own(stored);
        let facts = match (&stored.instrument, is_own) {
            (Some(_), true) => terms(listed),
            _ => described(listed),
        };
        let merged = stored.merged(&facts, is_own);
        let merged = merged.map_err(|invalid| invalid.to_string())?;
        let (mut symbol, mut changes) = (merged.symbol, merged.changed);
        if renames {
            changes.push(FieldChange {
                field: "name",
                old: Some(stored.name.clone()),
                new: Some(listed.name.clone()),
            });
            symbol.name.clone_from(&listed.name);
            self.renamed.push(id);
        }
        if !changes.is_empty() {
            self.symbols.insert(id, symbol.clone());
            let changed = ChangedSymbol { symbol, changes };
            self.report.changed.push(changed);
        }
        Ok(())
    }

    /// Decides which symbols are active, and what the keys remember.
    fn settle_activity(&mut self) {
        let mut of_symbol: BTreeMap<SymbolId, Vec<&'l str>> = BTreeMap::new();
        for (key, it) in &self.keys {
            of_symbol.entry(it.symbol_id).or_default().push(key);
        }
        let mut lost = Vec::new();
        let (mut tracked, mut lost_tracked) = (0_u64, 0_u64);
        for (id, keys) in &of_symbol {
            let Some(symbol) = self.current(*id).cloned() else {
                continue;
            };
            let is_own = self.stored.is_own(&symbol);
            let was = |state| keys.iter().any(|key| self.keys[key].listed == Some(state));
            let (was_listed, was_lost) = (was(true), was(false));
            if self.traded.contains(id) {
                if is_own && was_lost && !was_listed && !symbol.active {
                    self.activate(symbol);
                }
                let is_active = self.current(*id).is_some_and(|symbol| symbol.active);
                tracked += u64::from(is_own && is_active);
                self.remember_traded(keys);
                continue;
            }
            let is_tracked = is_own && was_listed && symbol.active;
            tracked += u64::from(is_tracked);
            let is_suspended = self.suspended.contains(id);
            let is_absent = was_listed && self.list.is_complete;
            if !is_suspended && !is_absent {
                continue;
            }
            if is_own && symbol.active {
                lost_tracked += u64::from(is_tracked);
                lost.push((symbol, keys));
            } else if self.known.contains_key(id) {
                self.forget(keys);
            } else {
                // a new symbol that is not traded yet
                self.lose(keys);
            }
        }
        let is_small = lost_tracked == 0 || lost_tracked * 5 < tracked;
        let is_accepted = is_small || self.list.accepts_loss;
        for (mut symbol, keys) in lost {
            if !is_accepted {
                self.report.kept_active.push(symbol);
                continue;
            }
            symbol.active = false;
            self.report.missing.push(symbol.clone());
            self.symbols.insert(symbol.symbol_id, symbol);
            self.lose(keys);
        }
    }

    /// A symbol after the changes so far.
    fn current(&self, id: SymbolId) -> Option<&Symbol> {
        let known = self.known.get(&id).copied();
        self.symbols.get(&id).or(known)
    }

    fn activate(&mut self, mut symbol: Symbol) {
        symbol.active = true;
        self.report.reappeared.push(symbol.clone());
        self.symbols.insert(symbol.symbol_id, symbol);
    }

    /// Remembers which keys of a traded symbol are listed as traded.
    fn remember_traded(&mut self, keys: &[&'l str]) {
        for key in keys {
            let Some(it) = self.keys.get_mut(key) else {
                continue;
            };
            if self.traded_keys.contains(key) {
                it.listed = Some(true);
            } else if it.listed == Some(true)
                && self.list.is_complete
                && !self.unread_keys.contains(key)
            {
                it.listed = None;
            }
        }
    }

    /// Remembers that a symbol is inactive because it was lost.
    fn lose(&mut self, keys: &[&'l str]) {
        for key in keys {
            if let Some(it) = self.keys.get_mut(key) {
                it.listed = Some(false);
            }
        }
    }

    /// Remembers nothing of a symbol that was lost while it was inactive.
    fn forget(&mut self, keys: &[&'l str]) {
        for key in keys {
            if let Some(it) = self.keys.get_mut(key)
                && it.listed == Some(true)
            {
                it.listed = None;
            }
        }
    }

    fn into_plan(mut self, stored: &BTreeMap<&str, &ListedKey>) -> SyncPlan {
        let report = &mut self.report;
        let changed = report.changed.iter_mut().map(|changed| &mut changed.symbol);
        // later steps may have changed them
        for symbol in report.added.iter_mut().chain(changed) {
            if let Some(stored) = self.symbols.get(&symbol.symbol_id) {
                symbol.clone_from(stored);
            }
        }
        let is_changed = |key: &ListedKey| stored.get(key.key.as_str()) != Some(&key);
        let removed = stored.keys().filter(|key| !self.keys.contains_key(*key));
        let removed_keys = removed.map(|key| (*key).to_owned()).collect();
        let keys = self.keys.into_values();
        SyncPlan {
            removed_keys,
            symbols: self.symbols.into_values().collect(),
            renamed: self.renamed,
            keys: keys.filter(is_changed).collect(),
            report: self.report,
        }
    }
}
