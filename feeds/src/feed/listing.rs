//! Lists of instruments as lists of symbols.

use std::sync::Arc;

use tickbook::domain::{InstrumentFacts, ListedSymbol, RefusedListing, SymbolFacts, SymbolList};
use tokio::sync::watch;

use super::directory::facts;
use crate::event::FeedEvent;
use crate::instrument::ListedInstrument;
use crate::transport::TransportEvent;
use crate::venue::InstrumentResult;

/// The symbols of all instruments that the venue of `feed` lists, on the exchange with the name of the feed.
///
/// # Examples
/// ```
/// use tickbook::Repositories;
/// use tickbook_feeds::feed::symbol_list;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let body = r#"[{"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD",
///     "quote_increment": "0.01", "base_increment": "0.00000001", "status": "online"}]"#;
/// let listed = tickbook_feeds::coinbase::instruments(body)?;
/// let repositories = Repositories::in_memory();
/// let report = repositories.instruments.sync(&symbol_list("coinbase", &listed)).await?;
/// assert_eq!(report.added[0].digits, 2);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn symbol_list(feed: &str, found: &[InstrumentResult]) -> SymbolList {
    let (mut symbols, mut refused) = (Vec::new(), Vec::new());
    for one in found {
        match one {
            Ok(listed) => symbols.push(listed_symbol(listed)),
            Err(it) => {
                let key = it.key.as_ref().unwrap_or(&it.symbol);
                refused.push(RefusedListing::new(&**key, &*it.symbol, &*it.reason));
            }
        }
    }
    SymbolList::of(feed, symbols).refused(refused)
}

fn listed_symbol(listed: &ListedInstrument) -> ListedSymbol {
    let key = listed.key.as_ref().unwrap_or(&listed.symbol);
    let symbol = ListedSymbol::new(&**key, &*listed.symbol).active(listed.is_active);
    let facts = facts(listed);
    if !listed.is_assumed {
        return symbol.stated(facts);
    }
    let mut stated = InstrumentFacts::default();
    stated.tick_size = facts.instrument.tick_size;
    symbol
        .stated(
            SymbolFacts::default()
                .digits(facts.digits)
                .instrument(stated),
        )
        .assumed(facts.instrument)
}

/// The instruments of one list.
type List = Arc<Vec<InstrumentResult>>;

/// The lists that a connection brings, of which only the newest one is kept.
#[derive(Debug, Clone)]
pub struct InstrumentLists(watch::Receiver<Option<List>>);

impl InstrumentLists {
    /// Waits for a list that was not returned before; `None` after the end of the feed.
    pub async fn next(&mut self) -> Option<List> {
        loop {
            self.0.changed().await.ok()?;
            let list = self.0.borrow_and_update().clone();
            if list.is_some() {
                return list;
            }
        }
    }
}

/// Collects the instruments of a connection.
#[derive(Debug)]
pub(super) struct ListCollector {
    found: Vec<InstrumentResult>,
    lists: watch::Sender<Option<List>>,
}

impl Default for ListCollector {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            lists: watch::Sender::new(None),
        }
    }
}

impl ListCollector {
    pub(super) fn subscribe(&self) -> InstrumentLists {
        InstrumentLists(self.lists.subscribe())
    }

    pub(super) fn observe(&mut self, event: &TransportEvent<'_>) {
        match event {
            TransportEvent::Opened { .. } => self.found.clear(),
            TransportEvent::Feed(FeedEvent::Instrument(listed)) => {
                self.found.push(Ok(listed.clone()));
            }
            TransportEvent::Feed(FeedEvent::InstrumentRefused(refused)) => {
                self.found.push(Err(refused.clone()));
            }
            TransportEvent::Feed(FeedEvent::InstrumentsListed) => {
                let list = std::mem::take(&mut self.found);
                self.lists.send_replace(Some(Arc::new(list)));
            }
            _ => {}
        }
    }
}
