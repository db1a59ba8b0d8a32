//! Dead letters: records that can never be stored, with the reason.

use chrono::{DateTime, Utc};

use super::block::{self, BlockError};
use crate::domain::Tick;
use crate::ingest::record::{Record, RecordReader};
use crate::ingest::store::StoreReceipt;

const REJECTED: u8 = 0;
const CONFLICT: u8 = 1;

/// A record that can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter<R: Record = Tick> {
    /// The time at which the store refused it.
    pub at: DateTime<Utc>,
    /// The record, as it was accepted.
    pub record: R,
    /// The reason.
    pub reason: DeadLetterReason<R>,
}

/// A dead letter with its number in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberedDeadLetter<R: Record = Tick> {
    /// The number in the spool.
    pub number: u64,
    /// The dead letter.
    pub letter: DeadLetter<R>,
}

/// The reason why a record can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterReason<R: Record = Tick> {
    /// It breaks a rule, which the text names.
    Rejected(String),
    /// Its key is taken by this record, which has other content.
    Conflict(R),
}

impl<R: Record> DeadLetter<R> {
    /// Creates a dead letter of a record that was refused at `at`.
    #[must_use]
    pub fn new(at: DateTime<Utc>, record: R, reason: DeadLetterReason<R>) -> Self {
        Self { at, record, reason }
    }

    /// The records of a receipt that were not stored.
    pub(in crate::ingest) fn of_receipt(receipt: StoreReceipt<R>, at: DateTime<Utc>) -> Vec<Self> {
        let conflicts = receipt.conflicts.into_iter().map(|conflict| Self {
            at,
            record: conflict.refused,
            reason: DeadLetterReason::Conflict(conflict.stored),
        });
        let rejected = receipt.rejected.into_iter().map(|rejected| Self {
            at,
            record: rejected.record,
            reason: DeadLetterReason::Rejected(rejected.reason),
        });
        conflicts.chain(rejected).collect()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = block::begin::<R>(128);
        writer.bytes(&self.at.timestamp_micros().to_le_bytes());
        self.record.encode(None, &mut writer);
        match &self.reason {
            DeadLetterReason::Rejected(reason) => {
                writer.byte(REJECTED);
                writer.text(reason);
            }
            DeadLetterReason::Conflict(stored) => {
                writer.byte(CONFLICT);
                stored.encode(Some(&self.record), &mut writer);
            }
        }
        block::seal(writer)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        block::check::<R>(bytes)?;
        Self::decode_checked(bytes).ok_or(BlockError::Malformed(R::NAMES))
    }

    fn decode_checked(bytes: &[u8]) -> Option<Self> {
        let mut reader = RecordReader::new(bytes.get(block::SEAL..)?);
        let micros = i64::from_le_bytes(reader.bytes(8)?.try_into().ok()?);
        let record = R::decode(None, &mut reader)?;
        let reason = match reader.byte()? {
            REJECTED => DeadLetterReason::Rejected(reader.text()?.to_owned()),
            CONFLICT => DeadLetterReason::Conflict(R::decode(Some(&record), &mut reader)?),
            _ => return None,
        };
        Some(Self {
            at: DateTime::from_timestamp_micros(micros)?,
            record,
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
        let stored = tick
            .clone()
            .with_bid_volume(Decimal::TEN)
            .with_received_at(Some(at));
        for reason in [
            DeadLetterReason::Rejected("sequence −1: send 0 or more".to_owned()),
            DeadLetterReason::Conflict(stored),
        ] {
            let record = tick.clone();
            let letter = DeadLetter { at, record, reason };
            let bytes = letter.encode();
            assert_eq!(DeadLetter::decode(&bytes), Ok(letter));
            for length in 0..bytes.len() {
                let cut = DeadLetter::<Tick>::decode(&bytes[..length]);
                assert_eq!(cut, Err(BlockError::Damaged));
            }
        }
    }
}
