//! Quarantined ticks and trades as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::{MarketEvent, Rule, SymbolId, Tick, Trade, Verdict};
use crate::metrics::ingest::{QUALITY, QUALITY_OF_TRADES};
use crate::repository::Quarantined;

/// A record that a quarantine holds: a tick or a trade.
pub trait QuarantinableRecord: MarketEvent + Record {
    /// The [`Record::KIND`] of a quarantined record.
    const QUARANTINED_KIND: u8;
    /// The [`Record::VERSION`] of a quarantined record.
    const QUARANTINED_VERSION: u8;
    /// The name of one quarantined record: `quarantined tick`.
    const QUARANTINED_NAME: &'static str;
    /// The name of several quarantined records: `quarantined ticks`.
    const QUARANTINED_NAMES: &'static str;
    /// The prefix of metric names of quarantined records: `tick_quarantine`.
    const QUARANTINED_METRICS: &'static str;
    /// The name of the counter of checked records: `tick_quality_total`.
    const QUALITY_METRIC: &'static str;
}

impl QuarantinableRecord for Tick {
    const QUARANTINED_KIND: u8 = 2;
    const QUARANTINED_VERSION: u8 = 2;
    const QUARANTINED_NAME: &'static str = "quarantined tick";
    const QUARANTINED_NAMES: &'static str = "quarantined ticks";
    const QUARANTINED_METRICS: &'static str = "tick_quarantine";
    const QUALITY_METRIC: &'static str = QUALITY;
}

impl QuarantinableRecord for Trade {
    const QUARANTINED_KIND: u8 = 6;
    const QUARANTINED_VERSION: u8 = 1;
    const QUARANTINED_NAME: &'static str = "quarantined trade";
    const QUARANTINED_NAMES: &'static str = "quarantined trades";
    const QUARANTINED_METRICS: &'static str = "trade_quarantine";
    const QUALITY_METRIC: &'static str = QUALITY_OF_TRADES;
}

/// Rules are encoded as their [`Rule::code`].
impl<E: QuarantinableRecord> Record for Quarantined<E> {
    type Key = <E as Record>::Key;

    const KIND: u8 = E::QUARANTINED_KIND;
    const VERSION: u8 = E::QUARANTINED_VERSION;
    const MIN_BYTES: usize = E::MIN_BYTES + 7;
    const NAME: &'static str = E::QUARANTINED_NAME;
    const NAMES: &'static str = E::QUARANTINED_NAMES;
    const METRICS: &'static str = E::QUARANTINED_METRICS;

    fn key(&self) -> Self::Key {
        Record::key(&self.event)
    }

    fn symbol_id(&self) -> SymbolId {
        Record::symbol_id(&self.event)
    }

    fn time(&self) -> DateTime<Utc> {
        Record::time(&self.event)
    }

    fn is_crossed(&self) -> bool {
        self.event.is_crossed()
    }

    fn waiting_gauge() -> String {
        format!("{}_waiting", E::QUARANTINED_METRICS)
    }

    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        let before = before.map(|before| &before.event);
        self.event.encode(before, writer);
        writer.byte(self.verdict.rule.code());
        writer.decimal(self.verdict.observed);
        writer.decimal(self.verdict.limit);
        writer.time_nearby(self.quarantined_at);
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        let event = E::decode(before.map(|before| &before.event), reader)?;
        let verdict = Verdict {
            rule: Rule::from_code(reader.byte()?)?,
            observed: reader.decimal()?,
            limit: reader.decimal()?,
        };
        Some(Self {
            quarantined_at: reader.time_nearby()?,
            event,
            verdict,
        })
    }
}
