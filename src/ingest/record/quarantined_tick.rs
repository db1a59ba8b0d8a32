//! Quarantined ticks as records.

use chrono::{DateTime, Utc};

use super::{Record, RecordReader, RecordWriter};
use crate::domain::{Rule, SymbolId, Tick, TickKey, Verdict};
use crate::repository::QuarantinedTick;

pub(super) const KIND: u8 = 2;
pub(super) const NAMES: &str = "quarantined ticks";

/// Rules are encoded as their [`Rule::code`].
impl Record for QuarantinedTick {
    type Key = TickKey;

    const KIND: u8 = KIND;
    const VERSION: u8 = 2;
    const MIN_BYTES: usize = Tick::MIN_BYTES + 7;
    const NAME: &'static str = "quarantined tick";
    const NAMES: &'static str = NAMES;
    const METRICS: &'static str = "tick_quarantine";

    fn key(&self) -> TickKey {
        self.tick.key()
    }

    fn symbol_id(&self) -> SymbolId {
        self.tick.symbol_id
    }

    fn time(&self) -> DateTime<Utc> {
        self.tick.tick_time
    }

    fn is_crossed(&self) -> bool {
        self.tick.is_crossed()
    }

    fn waiting_gauge() -> String {
        "tick_quarantine_waiting".to_owned()
    }

    fn encode(&self, before: Option<&Self>, writer: &mut RecordWriter) {
        let before = before.map(|before| &before.tick);
        self.tick.encode(before, writer);
        writer.byte(self.verdict.rule.code());
        writer.decimal(self.verdict.observed);
        writer.decimal(self.verdict.limit);
        writer.time_nearby(self.quarantined_at);
    }

    fn decode(before: Option<&Self>, reader: &mut RecordReader<'_>) -> Option<Self> {
        let tick = Tick::decode(before.map(|before| &before.tick), reader)?;
        let verdict = Verdict {
            rule: Rule::from_code(reader.byte()?)?,
            observed: reader.decimal()?,
            limit: reader.decimal()?,
        };
        Some(Self {
            quarantined_at: reader.time_nearby()?,
            tick,
            verdict,
        })
    }
}
