//! Ticks that no database will ever take, kept with the reason.

use chrono::{DateTime, Utc};

use super::block::{self, Reader};
use crate::domain::Tick;
use crate::repository::{InsertReceipt, RejectedTick, TickConflict};

const VERSION: u8 = 1;
const REJECTED: u8 = 0;
const CONFLICT: u8 = 1;

/// A tick that was not stored and never will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// When that was found out.
    pub at: DateTime<Utc>,
    /// The tick, as it came.
    pub tick: Tick,
    /// Why.
    pub reason: DeadLetterReason,
}

/// Why a tick was not stored and never will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterReason {
    /// It breaks a rule; the text says which.
    Rejected(String),
    /// Its key is taken by this tick, which has other content.
    Conflict(Tick),
}

impl DeadLetter {
    /// What of a receipt was not stored.
    pub(in crate::ingest) fn of_receipt(receipt: &InsertReceipt, at: DateTime<Utc>) -> Vec<Self> {
        let conflict = |conflict: &TickConflict| Self {
            at,
            tick: conflict.refused.clone(),
            reason: DeadLetterReason::Conflict(conflict.stored.clone()),
        };
        let rejected = |rejected: &RejectedTick| Self {
            at,
            tick: rejected.tick.clone(),
            reason: DeadLetterReason::Rejected(rejected.reason.clone()),
        };
        let conflicts = receipt.conflicts.iter().map(conflict);
        conflicts
            .chain(receipt.rejected.iter().map(rejected))
            .collect()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, VERSION];
        bytes.extend_from_slice(&self.at.timestamp_micros().to_le_bytes());
        let place = block::put_tick(&mut bytes, &self.tick, (0, 0));
        match &self.reason {
            DeadLetterReason::Rejected(reason) => {
                bytes.push(REJECTED);
                block::put_unsigned(&mut bytes, reason.len() as u128);
                bytes.extend_from_slice(reason.as_bytes());
            }
            DeadLetterReason::Conflict(stored) => {
                bytes.push(CONFLICT);
                block::put_tick(&mut bytes, stored, place);
            }
        }
        block::seal(&mut bytes);
        bytes
    }

    /// `None` for bytes that are no dead letter, or a damaged one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if block::check(bytes).ok()? != VERSION {
            return None;
        }
        let mut reader = Reader(bytes.get(5..)?);
        let micros = i64::from_le_bytes(reader.bytes(8)?.try_into().ok()?);
        let mut place = (0, 0);
        let tick = reader.tick(&mut place)?;
        let reason = match reader.byte()? {
            REJECTED => {
                let length = usize::try_from(reader.unsigned()?).ok()?;
                let text = std::str::from_utf8(reader.bytes(length)?).ok()?;
                DeadLetterReason::Rejected(text.to_owned())
            }
            CONFLICT => DeadLetterReason::Conflict(reader.tick(&mut place)?),
            _ => return None,
        };
        Some(Self {
            at: DateTime::from_timestamp_micros(micros)?,
            tick,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::SymbolId;

    #[test]
    fn both_kinds_come_back_as_they_were() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("in range");
        let tick = Tick::quote(SymbolId::new(-3), at, Decimal::new(15, 1), Decimal::TWO);
        let stored = Tick {
            bid_volume: Decimal::TEN,
            received_at: Some(at),
            ..tick.clone()
        };
        for reason in [
            DeadLetterReason::Rejected("sequence −1: send 0 or more".to_owned()),
            DeadLetterReason::Conflict(stored),
        ] {
            let tick = tick.clone();
            let letter = DeadLetter { at, tick, reason };
            let bytes = letter.encode();
            assert_eq!(DeadLetter::decode(&bytes), Some(letter));
            for length in 0..bytes.len() {
                assert_eq!(DeadLetter::decode(&bytes[..length]), None);
            }
        }
    }
}
