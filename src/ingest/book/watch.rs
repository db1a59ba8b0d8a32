//! Waiting for changes of live books.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::SymbolId;

/// The watchers of all symbols.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<BTreeMap<SymbolId, Vec<Arc<Marks>>>>);

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
        let of_symbols = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_symbol = of_symbols.get(&symbol_id).into_iter().flatten();
        of_symbol.for_each(|marks| marks.mark(symbol_id));
    }

    fn add(&self, symbol_id: SymbolId, marks: &Arc<Marks>) {
        let mut of_symbols = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_symbol = of_symbols.entry(symbol_id).or_default();
        of_symbol.push(Arc::clone(marks));
    }

    fn remove(&self, symbol_id: SymbolId, marks: &Arc<Marks>) {
        let mut of_symbols = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_symbol) = of_symbols.get_mut(&symbol_id) {
            of_symbol.retain(|other| !Arc::ptr_eq(other, marks));
            if of_symbol.is_empty() {
                of_symbols.remove(&symbol_id);
            }
        }
    }
}

/// Waits for changes of the books that it follows. It holds one mark for each changed book, however often the book
/// has changed: read the present book after each mark.
#[derive(Debug)]
pub struct BookWatch {
    watchers: Arc<Watchers>,
    marks: Arc<Marks>,
    followed: BTreeSet<SymbolId>,
}

impl BookWatch {
    pub(super) fn new(watchers: Arc<Watchers>) -> Self {
        Self {
            watchers,
            marks: Arc::default(),
            followed: BTreeSet::new(),
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

    /// Waits until a book is marked, and returns all marked ones by symbol. If cancelled, no mark is lost.
    pub async fn changed(&mut self) -> Vec<SymbolId> {
        loop {
            let mut marked = self.marks.take();
            marked.retain(|symbol_id| self.followed.contains(symbol_id));
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
    }
}
