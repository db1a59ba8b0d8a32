//! Waiting for changes of live books.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::SymbolId;

/// The watchers of all symbols.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<Followers>);

#[derive(Debug, Default)]
struct Followers {
    of_symbols: BTreeMap<SymbolId, Vec<Arc<Marks>>>,
    of_every_symbol: Vec<Arc<Marks>>,
}

/// The symbols of one watcher that have changed.
#[derive(Debug, Default)]
struct Marks {
    marked: Mutex<BTreeSet<SymbolId>>,
    changed: Notify,
}

impl Marks {
    fn mark(&self, symbol_id: SymbolId) {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        marked.insert(symbol_id);
        self.changed.notify_one();
    }

    fn take(&self) -> BTreeSet<SymbolId> {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *marked)
    }
}

impl Watchers {
    /// Marks a symbol for everyone who follows it.
    pub(super) fn mark(&self, symbol_id: SymbolId) {
        let followers = self.lock();
        let of_symbol = followers.of_symbols.get(&symbol_id).into_iter().flatten();
        of_symbol
            .chain(&followers.of_every_symbol)
            .for_each(|marks| marks.mark(symbol_id));
    }

    fn lock(&self) -> MutexGuard<'_, Followers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, symbol_id: SymbolId, marks: &Arc<Marks>) {
        let mut followers = self.lock();
        let of_symbol = followers.of_symbols.entry(symbol_id).or_default();
        of_symbol.push(Arc::clone(marks));
    }

    fn remove(&self, symbol_id: SymbolId, marks: &Arc<Marks>) {
        let of_symbols = &mut self.lock().of_symbols;
        if let Some(of_symbol) = of_symbols.get_mut(&symbol_id) {
            of_symbol.retain(|other| !Arc::ptr_eq(other, marks));
            if of_symbol.is_empty() {
                of_symbols.remove(&symbol_id);
            }
        }
    }

    fn add_to_every(&self, marks: &Arc<Marks>) {
        self.lock().of_every_symbol.push(Arc::clone(marks));
    }

    fn remove_from_every(&self, marks: &Arc<Marks>) {
        let of_every_symbol = &mut self.lock().of_every_symbol;
        of_every_symbol.retain(|other| !Arc::ptr_eq(other, marks));
    }
}

/// Waits for changes of the books that it follows. It holds one mark for each changed book, however often the book
/// has changed: read the present book after each mark.
#[derive(Debug)]
pub struct BookWatch {
    watchers: Arc<Watchers>,
    marks: Arc<Marks>,
    followed: BTreeSet<SymbolId>,
    every_symbol: bool,
}

impl BookWatch {
    pub(super) fn new(watchers: Arc<Watchers>) -> Self {
        Self {
            watchers,
            marks: Arc::default(),
            followed: BTreeSet::new(),
            every_symbol: false,
        }
    }

    /// Follows the books of these symbols, which need not exist yet, and marks them.
    pub fn follow(&mut self, symbols: &[SymbolId]) {
        for symbol_id in symbols.iter().copied() {
            if self.followed.insert(symbol_id) {
                self.watchers.add(symbol_id, &self.marks);
            }
            self.marks.mark(symbol_id);
        }
    }

    /// Follows the books of these symbols no longer.
    pub fn unfollow(&mut self, symbols: &[SymbolId]) {
        for symbol_id in symbols {
            if self.followed.remove(symbol_id) {
                self.watchers.remove(*symbol_id, &self.marks);
            }
        }
    }

    /// Follows the books of every symbol, or no longer. Books that do not change are not marked.
    pub fn follow_every(&mut self, every_symbol: bool) {
        if every_symbol == self.every_symbol {
            return;
        }
        self.every_symbol = every_symbol;
        if every_symbol {
            self.watchers.add_to_every(&self.marks);
        } else {
            self.watchers.remove_from_every(&self.marks);
        }
    }

    /// Waits until a book is marked, and returns all marked ones by symbol. If cancelled, no mark is lost.
    pub async fn changed(&mut self) -> Vec<SymbolId> {
        loop {
            let mut marked = self.marks.take();
            marked.retain(|id| self.every_symbol || self.followed.contains(id));
            if !marked.is_empty() {
                return marked.into_iter().collect();
            }
            self.marks.changed.notified().await;
        }
    }
}

impl Drop for BookWatch {
    fn drop(&mut self) {
        for symbol_id in &self.followed {
            self.watchers.remove(*symbol_id, &self.marks);
        }
        self.follow_every(false);
    }
}
