use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::{AggressorSide, Rule, SymbolId, Tick, Trade, Verdict};
use crate::repository::QuarantinedTick;

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    let nanos = prop_oneof![
        0..1_999_999_999_u32,
        (0..1_000_000_u32).prop_map(|micros| micros * 1_000)
    ];
    let seconds = prop_oneof![
        DateTime::<Utc>::MIN_UTC.timestamp()..=DateTime::<Utc>::MAX_UTC.timestamp(),
        1_398_902_400_i64..1_398_988_800,
    ];
    (seconds, nanos).prop_filter_map("a leap second that is none", |(second, nanos)| {
        DateTime::from_timestamp(second, nanos)
    })
}

fn any_decimal() -> impl Strategy<Value = Decimal> {
    let largest = (1_i128 << 96) - 1;
    let mantissa = prop_oneof![-largest..=largest, -1_000_000_i128..1_000_000];
    (mantissa, 0..=28_u32).prop_map(|(mantissa, scale)| {
        Decimal::try_from_i128_with_scale(mantissa, scale).expect("it fits")
    })
}

prop_compose! {
    fn any_tick()(
        symbol in any::<i64>(),
        tick_time in any_time(),
        sequence in any::<i64>(),
        numbers in prop::array::uniform4(prop::option::of(any_decimal())),
        received_at in prop::option::of(any_time()),
    ) -> Tick {
        Tick::new(SymbolId::new(symbol), tick_time)
            .with_sequence(sequence)
            .with_bid(numbers[0])
            .with_ask(numbers[1])
            .with_volumes(numbers[2], numbers[3])
            .with_received_at(received_at)
    }
}

prop_compose! {
    fn any_trade()(
        symbol in any::<i64>(),
        trade_time in any_time(),
        sequence in any::<i64>(),
        numbers in prop::array::uniform2(any_decimal()),
        side in prop::option::of(prop::sample::select(AggressorSide::ALL)),
        is_block in any::<bool>(),
        trade_id in prop::option::of(".{0,20}"),
        received_at in prop::option::of(any_time()),
        occurrence in prop::option::of(any::<u32>()),
    ) -> Trade {
        Trade::new(SymbolId::new(symbol), trade_time, numbers[0], numbers[1])
            .with_sequence(sequence)
            .with_aggressor_side(side)
            .with_block(is_block)
            .with_trade_id(trade_id)
            .with_received_at(received_at)
            .with_occurrence(occurrence)
    }
}

#[test]
fn sequences_of_64_bits_come_back() {
    let mut ticks = sample();
    let wide = [0, (1 << 31) - 1, 1 << 31, (1 << 53) + 1, i64::MAX];
    for (tick, sequence) in ticks.iter_mut().zip(wide) {
        tick.sequence = sequence;
    }
    let bytes = encode(&ticks, DateTime::UNIX_EPOCH);
    assert_eq!(decode(&bytes), Ok(ticks));
}

fn seal_again(bytes: &mut [u8]) {
    let check = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&check.to_le_bytes());
}

/// One tick for each rule.
fn held_back() -> Vec<QuarantinedTick> {
    let ticks = sample().into_iter().zip(Rule::ALL);
    ticks
        .map(|(tick, rule)| QuarantinedTick {
            quarantined_at: tick.tick_time,
            event: tick,
            verdict: Verdict {
                rule: *rule,
                observed: Decimal::new(-15, 3),
                limit: Decimal::ZERO,
            },
        })
        .collect()
}

fn sample() -> Vec<Tick> {
    (0..20)
        .map(|index| {
            let time = DateTime::from_timestamp_millis(1_398_902_400_000 + index * 137);
            let price = Decimal::new(138_000 + index, 5);
            Tick::quote(
                SymbolId::new(7),
                time.expect("in range"),
                price,
                Decimal::TWO,
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn every_tick_comes_back_as_it_was(ticks in prop::collection::vec(any_tick(), 0..30)) {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("in range");
        let bytes = encode(&ticks, at);
        prop_assert_eq!(header(&bytes), Some((ticks.len() as u32, at)));
        let decoded: Vec<Tick> = decode(&bytes).expect("it was encoded here");
        prop_assert_eq!(&decoded, &ticks);
        for (one, other) in decoded.iter().zip(&ticks) {
            // equal numbers may differ in trailing zeros
            let scales = |tick: &Tick| {
                [tick.bid_price, tick.ask_price, tick.bid_volume, tick.ask_volume]
                    .map(|number| number.map(|number| (number.scale(), number.to_string())))
            };
            prop_assert_eq!(scales(one), scales(other));
        }
    }

    #[test]
    fn every_trade_comes_back_as_it_was(trades in prop::collection::vec(any_trade(), 0..30)) {
        let bytes = encode(&trades, DateTime::UNIX_EPOCH);
        prop_assert_eq!(decode(&bytes), Ok(trades));
    }

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 4..200)) {
        // with a matching checksum, so that the decoder itself is reached
        let of_quarantine = [QuarantinedTick::KIND, QuarantinedTick::VERSION];
        for kind in [[Tick::KIND, Tick::VERSION], of_quarantine] {
            if let Some(place) = bytes.get_mut(4..6) { place.copy_from_slice(&kind); }
            seal_again(&mut bytes);
            let _ = decode::<Tick>(&bytes);
            let _ = decode::<QuarantinedTick>(&bytes);
        }
    }
}

#[test]
fn fault_47_block_torn_at_any_length_is_refused() {
    let bytes = encode(&sample(), DateTime::UNIX_EPOCH);
    for length in 0..bytes.len() {
        assert_eq!(
            decode::<Tick>(&bytes[..length]),
            Err(BlockError::Damaged),
            "{length}"
        );
    }
}

#[test]
fn fault_48_flipped_bit_anywhere_in_a_block_is_found() {
    let bytes = encode(&sample(), DateTime::UNIX_EPOCH);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let decoded = decode::<Tick>(&flipped);
            assert_eq!(decoded, Err(BlockError::Damaged), "{place}, {bit}");
        }
    }
}

#[test]
fn bytes_after_the_last_record_are_refused() {
    let mut bytes = encode(&sample(), DateTime::UNIX_EPOCH);
    bytes.push(0);
    seal_again(&mut bytes);
    let malformed = BlockError::Malformed("ticks");
    assert_eq!(decode::<Tick>(&bytes), Err(malformed));
}

#[test]
fn fault_53_newer_block_is_not_reported_as_damaged() {
    let mut bytes = encode(&sample(), DateTime::UNIX_EPOCH);
    for found in [Tick::VERSION + 1, Tick::VERSION - 1] {
        bytes[5] = found;
        seal_again(&mut bytes);
        let refused = BlockError::Version {
            records: "ticks",
            found,
            known: Tick::VERSION,
        };
        assert_eq!(decode::<Tick>(&bytes), Err(refused));
    }
}

#[test]
fn block_of_another_kind_is_refused_by_name() {
    let ticks = encode(&sample(), DateTime::UNIX_EPOCH);
    let refused = decode::<QuarantinedTick>(&ticks).expect_err("they are ticks");
    assert_eq!(refused.to_string(), "it holds ticks, not quarantined ticks");
    let held_back = encode(&held_back(), DateTime::UNIX_EPOCH);
    let refused = decode::<Tick>(&held_back).expect_err("they were held back");
    assert_eq!(refused.to_string(), "it holds quarantined ticks, not ticks");
}

#[test]
fn damage_of_quarantined_ticks_is_found() {
    let ticks = held_back();
    let bytes = encode(&ticks, DateTime::UNIX_EPOCH);
    assert_eq!(decode(&bytes), Ok(ticks));
    for index in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[index] ^= 4;
        for damaged in [&changed[..], &bytes[..index]] {
            let decoded = decode::<QuarantinedTick>(damaged);
            assert_eq!(decoded, Err(BlockError::Damaged), "byte {index}");
        }
    }
}

#[test]
fn unknown_flags_of_a_tick_are_refused() {
    let tick = Tick::quote(
        SymbolId::new(7),
        DateTime::UNIX_EPOCH,
        Decimal::ONE,
        Decimal::TWO,
    );
    let bytes = encode(&[tick], DateTime::UNIX_EPOCH);
    // symbol, second, microseconds and sequence take a byte each
    let place = HEADER + 4;
    assert_eq!(bytes[place], 0b11);
    for flag in [32, 64, 128] {
        let mut changed = bytes.clone();
        changed[place] |= flag;
        seal_again(&mut changed);
        assert_eq!(
            decode::<Tick>(&changed),
            Err(BlockError::Malformed("ticks"))
        );
    }
}

#[test]
fn quote_takes_few_bytes() {
    let ticks = sample();
    let size = encode(&ticks, DateTime::UNIX_EPOCH).len();
    assert!(size < 30 * ticks.len(), "{size}");
}
