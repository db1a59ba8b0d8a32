//! Ticks and trades that a spool or a quarantine holds: their repositories and their texts.

use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tickbook::Repositories;
use tickbook::domain::{AggressorSide, MarketEvent, Tick, Trade};
use tickbook::files::{QuoteColumn, TradeColumn};
use tickbook::ingest::feed::FeedRecord;
use tickbook::ingest::{RecordStore, RepositoryRecord};
use tickbook::repository::QuarantineRepository;

use crate::quote_text::{price_text, volume_text};
use crate::times::time_text;

/// A tick or a trade.
pub(crate) trait HeldEvent: FeedRecord + RepositoryRecord {
    /// The name of the spool of the events in lists.
    const SPOOL: &'static str;
    /// The name of the spool of their quarantine in lists.
    const QUARANTINE: &'static str;

    fn repository(repositories: &Repositories) -> Arc<Self::Repository>;

    fn quarantine(repositories: &Repositories) -> &Arc<dyn QuarantineRepository<Self>>;

    /// The store of the events.
    fn stored_in(repositories: &Repositories) -> Arc<dyn RecordStore<Self>> {
        Self::store(Self::repository(repositories))
    }

    /// The prices of the event for people.
    fn prices(&self) -> String;

    /// The other content of the event for people.
    fn details(&self) -> String;

    /// The columns of the event, without its symbol. Absent values are null.
    fn fields(&self) -> Vec<(&'static str, Value)>;

    /// The event for people.
    fn text(&self) -> String {
        format!(
            "symbol {} time {} sequence {} {} {}",
            MarketEvent::symbol_id(self),
            time_text(MarketEvent::time(self)),
            self.sequence(),
            self.prices(),
            self.details(),
        )
    }
}

impl HeldEvent for Tick {
    const SPOOL: &'static str = "ticks";
    const QUARANTINE: &'static str = "quarantine";

    fn repository(repositories: &Repositories) -> Arc<Self::Repository> {
        Arc::clone(&repositories.ticks)
    }

    fn quarantine(repositories: &Repositories) -> &Arc<dyn QuarantineRepository<Self>> {
        &repositories.quarantine
    }

    fn prices(&self) -> String {
        let (bid, ask) = (price_text(self.bid_price), price_text(self.ask_price));
        format!("bid {bid} ask {ask}")
    }

    fn details(&self) -> String {
        let (bid, ask) = (volume_text(self.bid_volume), volume_text(self.ask_volume));
        format!("volumes {bid} {ask}")
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let field = |column: &QuoteColumn| {
            let value = match column {
                QuoteColumn::Sequence => self.sequence.into(),
                _ => of_text(column.text(self)),
            };
            (column.as_str(), value)
        };
        QuoteColumn::ALL.iter().map(field).collect()
    }
}

impl HeldEvent for Trade {
    const SPOOL: &'static str = "trades";
    const QUARANTINE: &'static str = "trade_quarantine";

    fn repository(repositories: &Repositories) -> Arc<Self::Repository> {
        Arc::clone(&repositories.trades)
    }

    fn quarantine(repositories: &Repositories) -> &Arc<dyn QuarantineRepository<Self>> {
        &repositories.trade_quarantine
    }

    fn prices(&self) -> String {
        format!("price {} quantity {}", self.price, self.quantity)
    }

    fn details(&self) -> String {
        let side = self.aggressor_side.map_or("unknown", AggressorSide::as_str);
        let block = if self.is_block { " block" } else { "" };
        let id = self.trade_id.as_ref();
        let id = id.map_or(String::new(), |id| format!(" trade_id {id}"));
        format!("side {side}{block}{id}")
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let field = |column: &TradeColumn| {
            let value = match column {
                TradeColumn::Sequence => self.sequence.into(),
                TradeColumn::IsBlock => self.is_block.into(),
                _ => of_text(column.text(self)),
            };
            (column.as_str(), value)
        };
        TradeColumn::ALL.iter().map(field).collect()
    }
}

fn of_text(text: String) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    }
}

/// Named values of one JSON object.
#[derive(Debug)]
pub(crate) struct Fields<T>(pub(crate) Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for Fields<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            fields.serialize_entry(name, value)?;
        }
        fields.end()
    }
}
