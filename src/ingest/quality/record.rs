//! A tick that was held back, as bytes with a version and a check value.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::{Rule, SymbolId, Tick, Verdict};
use crate::repository::QuarantinedTick;

const VERSION: u8 = 2;

pub(super) fn encode(kept: &QuarantinedTick) -> Vec<u8> {
    let tick = &kept.tick;
    let mut bytes = vec![VERSION, kept.verdict.rule.code()];
    for number in [
        tick.symbol_id.get(),
        tick.tick_time.timestamp_micros(),
        tick.sequence,
        // no time has this number
        tick.received_at
            .map_or(i64::MIN, |time| time.timestamp_micros()),
        kept.quarantined_at.timestamp_micros(),
    ] {
        bytes.extend(number.to_le_bytes());
    }
    for decimal in [
        tick.bid_price,
        tick.ask_price,
        tick.bid_volume,
        tick.ask_volume,
        kept.verdict.observed,
        kept.verdict.limit,
    ] {
        bytes.extend(decimal.serialize());
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// `None` where the bytes are damaged, or of a version that this program does not know.
pub(super) fn decode(bytes: &[u8]) -> Option<QuarantinedTick> {
    let (bytes, check) = bytes.split_last_chunk::<4>()?;
    if u32::from_le_bytes(*check) != crc32fast::hash(bytes) {
        return None;
    }
    let (&[version, rule], mut rest) = bytes.split_first_chunk::<2>()?;
    if version != VERSION {
        return None;
    }
    let mut numbers = [0; 5];
    for number in &mut numbers {
        let (head, tail) = rest.split_first_chunk::<8>()?;
        (*number, rest) = (i64::from_le_bytes(*head), tail);
    }
    let mut decimals = [Decimal::ZERO; 6];
    for decimal in &mut decimals {
        let (head, tail) = rest.split_first_chunk::<16>()?;
        (*decimal, rest) = (Decimal::deserialize(*head), tail);
    }
    let [symbol_id, tick_time, sequence, received_at, quarantined_at] = numbers;
    let [
        bid_price,
        ask_price,
        bid_volume,
        ask_volume,
        observed,
        limit,
    ] = decimals;
    let time = DateTime::<Utc>::from_timestamp_micros;
    Some(QuarantinedTick {
        tick: Tick {
            symbol_id: SymbolId::new(symbol_id),
            tick_time: time(tick_time)?,
            sequence,
            bid_price,
            ask_price,
            bid_volume,
            ask_volume,
            received_at: match received_at {
                i64::MIN => None,
                micros => Some(time(micros)?),
            },
        },
        verdict: Verdict {
            rule: Rule::from_code(rule)?,
            observed,
            limit,
        },
        quarantined_at: time(quarantined_at)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_64_bits_come_back() {
        for sequence in [0, (1 << 31) - 1, 1 << 31, (1 << 53) + 1, i64::MAX] {
            let quote = Tick::quote(
                SymbolId::new(7),
                DateTime::UNIX_EPOCH,
                Decimal::ONE,
                Decimal::TWO,
            );
            let kept = QuarantinedTick {
                tick: Tick { sequence, ..quote },
                verdict: Verdict {
                    rule: Rule::Deviation,
                    observed: Decimal::ONE,
                    limit: Decimal::TWO,
                },
                quarantined_at: DateTime::UNIX_EPOCH,
            };
            assert_eq!(decode(&encode(&kept)), Some(kept));
        }
    }
}
