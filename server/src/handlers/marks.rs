//! Prices at which open positions are valued.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tickbook::RepositoryError;
use tickbook::domain::{PageLimit, SymbolId, Tick, TimeRange};
use tickbook::ingest::book::LiveState;
use tickbook_ledger::domain::{AccountScope, AmountError, Contract, Mark};
use tickbook_ledger::repository::{FillQuery, PositionEntry, PositionQuery};

use crate::app::AppState;
use crate::wire::{MarkSource, Valuation};

/// The best prices of a symbol.
#[derive(Debug, Clone, Copy)]
struct Quote {
    bid: Option<Decimal>,
    ask: Option<Decimal>,
    time: DateTime<Utc>,
    source: MarkSource,
}

impl Quote {
    fn of_tick(tick: &Tick) -> Self {
        Self {
            bid: tick.bid_price,
            ask: tick.ask_price,
            time: tick.tick_time,
            source: MarkSource::Quote,
        }
    }
}

/// The prices and contracts of the positions of a page.
#[derive(Debug, Default)]
pub(super) struct Marks {
    given: Option<Decimal>,
    quotes: BTreeMap<SymbolId, Quote>,
    contracts: BTreeMap<SymbolId, Contract>,
}

impl Marks {
    /// Reads the prices of the open positions that `query` found. The price is `given`, otherwise that of the valid book
    /// of a feed, otherwise that of the last stored quote, of the time of `query` if it has one.
    ///
    /// # Errors
    /// The errors of the repositories.
    pub(super) async fn read(
        app: &AppState,
        scope: &AccountScope,
        query: &PositionQuery,
        positions: &[PositionEntry],
        given: Option<Decimal>,
    ) -> Result<Self, RepositoryError> {
        let open = positions
            .iter()
            .filter(|it| !it.position.quantity.is_zero());
        let symbols: BTreeSet<_> = open.map(|it| it.key.symbol_id).collect();
        let mut marks = Self {
            given,
            ..Self::default()
        };
        if given.is_none() {
            marks.quotes = match query.as_of {
                None => present_quotes(app, &symbols).await?,
                Some(time) => quotes_as_of(app, &symbols, time).await?,
            };
        }
        for symbol_id in symbols {
            if given.is_none() && !marks.quotes.contains_key(&symbol_id) {
                continue;
            }
            // the terms of an instrument are those of its fills
            let one = PageLimit::new(1).map_err(RepositoryError::invalid)?;
            let fills = FillQuery::new(query.account_id, TimeRange::all()).symbol_id(symbol_id);
            let fills = app.ledger.orders.fills(scope, &fills.limit(one)).await?;
            let contract = fills.items.first().map(|fill| fill.contract);
            marks.contracts.extend(contract.map(|it| (symbol_id, it)));
        }
        Ok(marks)
    }

    /// The value of a position: a long one is valued at the bid, a short one at the ask. `None` if it is flat or the price
    /// is not known.
    ///
    /// # Errors
    /// The profit is out of range.
    pub(super) fn valuation(
        &self,
        entry: &PositionEntry,
    ) -> Result<Option<Valuation>, AmountError> {
        let Some((price, time, source)) = self.price(entry) else {
            return Ok(None);
        };
        let contract = self.contracts.get(&entry.key.symbol_id).copied();
        let mark = Mark::Price(price);
        let unrealized = entry
            .position
            .unrealized(mark, contract.unwrap_or_default())?;
        Ok(Some(Valuation {
            price,
            time,
            source,
            unrealized,
        }))
    }

    fn price(&self, entry: &PositionEntry) -> Option<(Decimal, Option<DateTime<Utc>>, MarkSource)> {
        let quantity = entry.position.quantity;
        if quantity.is_zero() {
            return None;
        }
        if let Some(price) = self.given {
            return Some((price, None, MarkSource::Given));
        }
        let quote = self.quotes.get(&entry.key.symbol_id)?;
        let price = match quantity > Decimal::ZERO {
            true => quote.bid,
            false => quote.ask,
        };
        Some((price?, Some(quote.time), quote.source))
    }
}

/// The valid books of the feeds, and the last stored quotes of the other symbols.
async fn present_quotes(
    app: &AppState,
    symbols: &BTreeSet<SymbolId>,
) -> Result<BTreeMap<SymbolId, Quote>, RepositoryError> {
    let of_books = symbols.iter().filter_map(|symbol_id| {
        let book = app.books.get(*symbol_id, 1)?;
        let LiveState::Valid { .. } = book.state else {
            return None;
        };
        let quote = Quote {
            bid: book.bids.first().map(|level| level.price),
            ask: book.asks.first().map(|level| level.price),
            time: book.time,
            source: MarkSource::Book,
        };
        Some((*symbol_id, quote))
    });
    let mut quotes: BTreeMap<_, _> = of_books.collect();
    let others = symbols.iter().filter(|id| !quotes.contains_key(id));
    let others: Vec<_> = others.copied().collect();
    if !others.is_empty() {
        let ticks = app.repositories.ticks.latest_of(&others).await?;
        quotes.extend(ticks.iter().map(|it| (it.symbol_id, Quote::of_tick(it))));
    }
    Ok(quotes)
}

/// The last quotes up to `time`.
async fn quotes_as_of(
    app: &AppState,
    symbols: &BTreeSet<SymbolId>,
    time: DateTime<Utc>,
) -> Result<BTreeMap<SymbolId, Quote>, RepositoryError> {
    let mut quotes = BTreeMap::new();
    for symbol_id in symbols {
        let tick = app.repositories.ticks.as_of(*symbol_id, time).await?;
        quotes.extend(tick.map(|tick| (*symbol_id, Quote::of_tick(&tick))));
    }
    Ok(quotes)
}
