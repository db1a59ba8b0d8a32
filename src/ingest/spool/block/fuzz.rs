use allocation_counter::measure;
use rust_decimal::Decimal;
use suite::Fuzz;

use super::*;
use crate::domain::book::{BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel};
use crate::domain::{AggressorSide, Rule, SymbolId, Tick, Trade, Verdict};
use crate::ingest::record::BookRecord;
use crate::ingest::spool::dead_letter::{DeadLetter, DeadLetterReason};
use crate::repository::QuarantinedTick;

/// Ticks with every combination of present numbers, and with extreme values.
fn ticks() -> Vec<Tick> {
    let price = Decimal::new(138_676, 5);
    let mut ticks: Vec<_> = (0..16_i64)
        .map(|flags| {
            let has = |flag: i64, number: Decimal| (flags & flag != 0).then_some(number);
            let time = DateTime::from_timestamp_micros(1_398_902_400_000_000 + flags * 137_001);
            Tick::new(SymbolId::new(7 + flags % 2), time.expect("in range"))
                .with_bid(has(1, price))
                .with_ask(has(2, price + Decimal::ONE))
                .with_volumes(has(4, Decimal::new(1, 28)), has(8, Decimal::ZERO))
                .with_sequence(flags)
        })
        .collect();
    let extreme = Tick::new(SymbolId::new(i64::MIN), DateTime::<Utc>::MAX_UTC)
        .with_bid(Some(-Decimal::MAX))
        .with_sequence(i64::MAX)
        .with_received_at(Some(DateTime::<Utc>::MIN_UTC));
    let mut unsequenced = ticks[3].clone();
    unsequenced.occurrence = Some(u32::MAX);
    ticks.extend([extreme, unsequenced]);
    ticks
}

/// Trades with every combination of present fields, and with extreme values.
fn trades() -> Vec<Trade> {
    let mut trades: Vec<_> = (0..24_i64)
        .map(|flags| {
            let time = DateTime::from_timestamp_micros(1_398_902_400_000_000 + flags * 137_001);
            let time = time.expect("in range");
            let symbol_id = SymbolId::new(7 + flags % 2);
            Trade::new(symbol_id, time, Decimal::new(138_676, 5), Decimal::ONE)
                .with_aggressor_side(AggressorSide::ALL.get(flags as usize % 3).copied())
                .with_block(flags & 1 != 0)
                .with_trade_id((flags & 2 != 0).then(|| "№ 7".to_owned()))
                .with_received_at((flags & 4 != 0).then_some(time))
                .with_occurrence((flags & 8 != 0).then_some(u32::MAX))
                .with_sequence(flags)
        })
        .collect();
    trades.push(
        Trade::new(
            SymbolId::new(i64::MIN),
            DateTime::<Utc>::MAX_UTC,
            -Decimal::MAX,
            Decimal::MAX,
        )
        .with_sequence(i64::MAX)
        .with_trade_id(String::new()),
    );
    trades
}

/// Records of books with every form of each field.
fn book_records() -> Vec<BookRecord> {
    let time = DateTime::from_timestamp_micros(1_398_902_400_000_001).expect("in range");
    let level = |price: Decimal| PriceLevel::new(price, Decimal::new(5, 12));
    let levels = vec![
        level(Decimal::MAX),
        level(Decimal::ZERO),
        level(-Decimal::ONE),
    ];
    let (symbol, open) = (SymbolId::new(7), BookInterval::open(SymbolId::new(7), time));
    vec![
        open.into(),
        BookUpdate::new(symbol, time)
            .with_bids(levels.clone())
            .into(),
        BookSnapshot::new(symbol, time, "kraken")
            .with_asks(levels)
            .with_checksum(i64::MIN)
            .with_sequence(i64::MAX)
            .into(),
        BookSnapshot::new(SymbolId::new(i64::MIN), DateTime::<Utc>::MAX_UTC, "").into(),
        open.closed(DateTime::<Utc>::MIN_UTC, EndReason::Stopped)
            .into(),
    ]
}

fn quarantined() -> Vec<QuarantinedTick> {
    let rules = Rule::ALL.iter().cycle();
    let held_back = ticks().into_iter().zip(rules).map(|(tick, rule)| {
        let verdict = Verdict {
            rule: *rule,
            observed: Decimal::new(-15, 3),
            limit: Decimal::ZERO,
        };
        QuarantinedTick::new(tick, verdict, DateTime::UNIX_EPOCH)
    });
    held_back.collect()
}

/// Replaces kind, version and checksum, so that the decoder of `R` accepts the header.
fn sealed<R: Record>(bytes: &[u8]) -> Vec<u8> {
    let mut writer = begin::<R>(bytes.len());
    writer.bytes(bytes.get(SEAL..).unwrap_or_default());
    seal(writer)
}

/// The result of `read`, which may allocate at most `most` bytes.
fn bounded<T>(most: usize, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let allocated = measure(|| result = Some(read())).bytes_max;
    assert!(
        allocated <= most as u64,
        "{allocated} bytes, at most {most}"
    );
    result.expect("it was read")
}

/// The memory of a level for each of its bytes in a block.
const OF_LEVELS: usize = size_of::<PriceLevel>() / 4;

/// Decodes a block and checks the result. Returns the number of records and the kind of the error.
///
/// The texts and levels of the records take at most `growth` times the bytes of the block.
fn decode_block<R: Record>(
    bytes: &[u8],
    growth: usize,
) -> (usize, Option<std::mem::Discriminant<BlockError>>) {
    let records_fit = bytes.len().saturating_sub(HEADER) / R::MIN_BYTES;
    let most = records_fit * size_of::<R>() + growth * bytes.len();
    let records = match bounded(most, || decode::<R>(bytes)) {
        Ok(records) => records,
        Err(error) => return (0, Some(std::mem::discriminant(&error))),
    };
    let (count, accepted_at) = header(bytes).expect("it was decoded");
    assert_eq!(records.len(), count as usize);
    let again = encode(&records, accepted_at);
    assert!(again.len() <= bytes.len(), "{} bytes", again.len());
    let decoded: Vec<R> = decode(&again).expect("it was encoded here");
    assert_eq!(decoded, records);
    assert_eq!(encode(&decoded, accepted_at), again);
    (records.len(), None)
}

/// Decodes a dead letter and checks the result.
fn decode_letter<R: Record>(bytes: &[u8]) -> Option<bool> {
    let letter = bounded(bytes.len(), || DeadLetter::<R>::decode(bytes)).ok()?;
    let again = letter.encode();
    assert!(again.len() <= bytes.len(), "{} bytes", again.len());
    assert_eq!(DeadLetter::decode(&again), Ok(letter.clone()));
    Some(matches!(letter.reason, DeadLetterReason::Rejected(_)))
}

#[test]
fn blocks_of_any_bytes_decode_or_fail() {
    let announced = |count: u32| {
        let mut writer = begin::<Tick>(HEADER);
        writer.bytes(&count.to_le_bytes());
        writer.bytes(&[0; 8]);
        seal(writer)
    };
    Fuzz::new("spool_block")
        .seeds(
            ticks()
                .chunks(1)
                .map(|one| encode(one, DateTime::UNIX_EPOCH)),
        )
        .seed(encode(&ticks(), DateTime::<Utc>::MAX_UTC))
        .seed(encode(&quarantined(), DateTime::UNIX_EPOCH))
        .seed(encode(&trades(), DateTime::UNIX_EPOCH))
        .seed(encode(&book_records(), DateTime::UNIX_EPOCH))
        .seeds([1, 1 << 31, u32::MAX].map(announced))
        .run(|bytes| {
            let _ = header(bytes);
            (
                decode_block::<Tick>(bytes, 1).0,
                decode_block::<Tick>(&sealed::<Tick>(bytes), 1),
                decode_block::<QuarantinedTick>(&sealed::<QuarantinedTick>(bytes), 1),
                decode_block::<Trade>(&sealed::<Trade>(bytes), 1),
                decode_block::<BookRecord>(&sealed::<BookRecord>(bytes), OF_LEVELS),
            )
        });
}

#[test]
fn dead_letters_of_any_bytes_decode_or_fail() {
    let ticks = ticks();
    let letters = ticks.windows(2).flat_map(|pair| {
        let reasons = [
            DeadLetterReason::Rejected("sequence −1: send 0 or more".to_owned()),
            DeadLetterReason::Conflict(pair[1].clone()),
        ];
        reasons
            .map(|reason| DeadLetter::new(DateTime::UNIX_EPOCH, pair[0].clone(), reason).encode())
    });
    let conflict = DeadLetterReason::Conflict(trades()[2].clone());
    let of_trades = DeadLetter::new(DateTime::UNIX_EPOCH, trades()[1].clone(), conflict).encode();
    Fuzz::new("dead_letter")
        .seeds(letters)
        .seed(of_trades)
        .run(|bytes| {
            (
                decode_letter::<Trade>(&sealed::<Trade>(bytes)),
                decode_letter::<Tick>(&sealed::<Tick>(bytes)),
                decode_letter::<QuarantinedTick>(&sealed::<QuarantinedTick>(bytes)),
            )
        });
}
