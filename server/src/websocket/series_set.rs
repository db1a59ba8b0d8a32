//! The candle series of one client, indexed by symbol.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tickbook::domain::{CandleEvent, CandleSlot, PriceBasis, SymbolId, Tick, Timeframe};
use tokio::time::Instant;

use super::buffer::WaitingTicks;
use super::candles::Series;
use super::reading::{SeriesKey, Wanted};

/// Reads that are due, by series.
type DueReads = Vec<(SeriesKey, Wanted)>;

/// All series of a client that are computed from ticks, or from trades. An event costs nothing for the series of
/// other symbols.
#[derive(Debug)]
pub(super) struct SeriesSet<E = Tick> {
    /// Ordered by key; a symbol has at most one series for each timeframe and basis.
    by_symbol: BTreeMap<SymbolId, Vec<Series<E>>>,
    count: usize,
    /// Symbols whose series may have something to send or to read.
    touched: BTreeSet<SymbolId>,
    room: WaitingTicks,
}

impl<E: CandleEvent> SeriesSet<E> {
    pub(super) fn new(room: WaitingTicks) -> Self {
        Self {
            by_symbol: BTreeMap::new(),
            count: 0,
            touched: BTreeSet::new(),
            room,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a series, unless there is one with that key. It begins with the candle of the time `from`, or with the newest.
    pub(super) fn insert(&mut self, key: SeriesKey, from: Option<DateTime<Utc>>, now: Instant) {
        let of_symbol = self.by_symbol.entry(key.symbol_id).or_default();
        if let Err(place) = of_symbol.binary_search_by_key(&key, Series::key) {
            let mut series = Series::new(key, now, &self.room);
            if let Some(from) = from {
                series.begin_at(from);
            }
            of_symbol.insert(place, series);
            self.count += 1;
            self.touched.insert(key.symbol_id);
        }
    }

    pub(super) fn remove(&mut self, key: SeriesKey) {
        let Some(of_symbol) = self.by_symbol.get_mut(&key.symbol_id) else {
            return;
        };
        if let Ok(place) = of_symbol.binary_search_by_key(&key, Series::key) {
            of_symbol.remove(place);
            self.count -= 1;
        }
        if of_symbol.is_empty() {
            self.by_symbol.remove(&key.symbol_id);
        }
    }

    /// Removes all series of a timeframe, and of a basis if it is given.
    pub(super) fn remove_all(&mut self, timeframe: Timeframe, basis: Option<PriceBasis>) {
        let is_meant = |key: SeriesKey| {
            key.timeframe == timeframe && basis.is_none_or(|basis| key.basis == basis)
        };
        self.by_symbol.retain(|_, of_symbol| {
            let before = of_symbol.len();
            of_symbol.retain(|series| !is_meant(series.key()));
            self.count -= before - of_symbol.len();
            !of_symbol.is_empty()
        });
    }

    /// The symbols that have series.
    pub(super) fn symbols(&self) -> Vec<SymbolId> {
        self.by_symbol.keys().copied().collect()
    }

    pub(super) fn has_key(&self, key: SeriesKey) -> bool {
        self.keys_of(key.symbol_id).any(|other| other == key)
    }

    pub(super) fn has(&self, symbol_id: SymbolId) -> bool {
        self.by_symbol.contains_key(&symbol_id)
    }

    pub(super) fn keys_of(&self, symbol_id: SymbolId) -> impl Iterator<Item = SeriesKey> + '_ {
        let of_symbol = self.by_symbol.get(&symbol_id);
        of_symbol.into_iter().flatten().map(Series::key)
    }

    /// The series of a symbol.
    pub(super) fn of(&mut self, symbol_id: SymbolId) -> &mut [Series<E>] {
        match self.by_symbol.get_mut(&symbol_id) {
            Some(of_symbol) => {
                self.touched.insert(symbol_id);
                of_symbol
            }
            None => &mut [],
        }
    }

    /// The series of a key.
    pub(super) fn get(&mut self, key: SeriesKey) -> Option<&mut Series<E>> {
        let of_symbol = self.of(key.symbol_id);
        of_symbol.iter_mut().find(|series| series.key() == key)
    }

    /// Marks all series to be checked, because time has passed.
    pub(super) fn touch_all(&mut self) {
        self.touched.extend(self.by_symbol.keys());
    }

    /// Returns the due reads and the candles to be sent, of all marked series, and whether each is the newest one at
    /// the start of its series.
    pub(super) fn work_off(
        &mut self,
        now: Instant,
        clock: DateTime<Utc>,
    ) -> (DueReads, Vec<(CandleSlot, bool)>) {
        let (mut due, mut updates) = (Vec::new(), Vec::new());
        for symbol_id in std::mem::take(&mut self.touched) {
            for series in self.by_symbol.get_mut(&symbol_id).into_iter().flatten() {
                due.extend(series.due(now).map(|wanted| (series.key(), wanted)));
                updates.extend(series.messages(clock));
            }
        }
        (due, updates)
    }
}
