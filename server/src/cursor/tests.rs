use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

const SYMBOL: SymbolId = SymbolId::new(42);
const ASCENDING: SortOrder = SortOrder::Ascending;

fn of_tick() -> TickCursor {
    TickCursor {
        tick_time: DateTime::UNIX_EPOCH,
        sequence: 3,
    }
}

fn read(text: &str) -> Result<TickCursor, CursorError> {
    TickCursor::decode(text, SYMBOL, TimeRange::all(), ASCENDING)
}

fn one_day() -> TimeRange {
    let midnight: DateTime<Utc> = "2014-05-01T00:00:00Z".parse().expect("a time");
    TimeRange::new(midnight, midnight + TimeDelta::days(1)).expect("ordered")
}

/// Values near the ends of the tested ranges, and any others.
fn any_micros() -> impl Strategy<Value = i64> {
    let ends = [
        i64::MIN,
        i64::MAX,
        DateTime::<Utc>::MIN_UTC.timestamp_micros(),
        DateTime::<Utc>::MAX_UTC.timestamp_micros(),
        TimeRange::all().start().timestamp_micros(),
        TimeRange::all().end().timestamp_micros(),
        one_day().start().timestamp_micros(),
        one_day().end().timestamp_micros(),
    ];
    let near = (
        prop::sample::select(ends.to_vec()),
        -2_i64..=2,
        0_i64..2_000,
    )
        .prop_map(|(end, micros, minutes)| {
            end.saturating_add(micros)
                .saturating_add(minutes * 60_000_000)
        });
    prop_oneof![near, any::<i64>()]
}

proptest! {
    #[test]
    fn tick_cursor_reads_back(micros in 0_i64..4_000_000_000_000_000, sequence in 0_i64..) {
        let tick_time = DateTime::from_timestamp_micros(micros).expect("in range");
        let cursor = TickCursor { tick_time, sequence };
        let text = cursor.encode(SYMBOL, TimeRange::all(), ASCENDING);
        prop_assert_eq!(read(&text), Ok(cursor));
    }

    #[test]
    fn changed_bytes_are_detected(at in 0_usize..35, change in 1_u8..) {
        let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
        let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("own text");
        prop_assert_eq!(bytes.len(), 35);
        bytes[at] ^= change;
        prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(bytes)), Err(CursorError::Broken));
    }

    #[test]
    fn cursor_of_another_range_is_foreign(
        from in 0_i64..4_000_000_000_000_000,
        length in 1_i64..100_000_000_000_000,
    ) {
        let micros = |micros| DateTime::from_timestamp_micros(micros).expect("in range");
        let range = TimeRange::new(micros(from), micros(from + length)).expect("ordered");
        let first = TickCursor { tick_time: range.start(), sequence: 3 };
        let text = first.encode(SYMBOL, range, ASCENDING);
        prop_assert_eq!(TickCursor::decode(&text, SYMBOL, range, ASCENDING), Ok(first));
        let longer = range.end() + TimeDelta::microseconds(1);
        let longer = TimeRange::new(range.start(), longer).expect("ordered");
        let read = TickCursor::decode(&text, SYMBOL, longer, ASCENDING);
        prop_assert_eq!(read, Err(CursorError::Foreign));
        let later = range.start() + TimeDelta::microseconds(1);
        let later = TimeRange::new(later, range.end()).expect("ordered");
        let read = TickCursor::decode(&text, SYMBOL, later, ASCENDING);
        prop_assert_eq!(read, Err(CursorError::Foreign));
    }

    #[test]
    fn forged_key_is_a_valid_position_or_broken(
        micros in any_micros(),
        sequence in any::<i64>(),
        id in any::<i64>(),
        order in prop_oneof![Just(ASCENDING), Just(SortOrder::Descending)],
        timeframe in prop::sample::select(Timeframe::ALL),
        range in prop_oneof![Just(TimeRange::all()), Just(one_day())],
    ) {
        let mut bytes = header(TICKS, SYMBOL, range, order);
        bytes.extend(micros.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        let is_inside = (range.start().timestamp_micros()..range.end().timestamp_micros()).contains(&micros);
        match TickCursor::decode(&seal(bytes), SYMBOL, range, order) {
            Ok(read) => prop_assert!(is_inside && read.sequence >= 0, "{read:?}"),
            error => {
                prop_assert_eq!(error, Err(CursorError::Broken));
                prop_assert!(!is_inside || sequence < 0);
            }
        }
        let mut bytes = candle_header(SYMBOL, timeframe, PriceBasis::Bid, range, order);
        bytes.extend(micros.to_be_bytes());
        let width = timeframe.duration().num_microseconds().expect("short");
        let is_bucket = is_inside && micros % width == 0;
        let read = CandleCursor::decode(&seal(bytes), SYMBOL, timeframe, PriceBasis::Bid, range, order);
        prop_assert_eq!(read.is_ok(), is_bucket, "{:?}", read);
        let mut bytes = vec![VERSION, SYMBOLS];
        bytes.extend(id.to_be_bytes());
        prop_assert_eq!(SymbolCursor::decode(&seal(bytes)).is_ok(), id > 0);
    }

    #[test]
    fn arbitrary_text_causes_no_panic(text in ".*") {
        prop_assert!(read(&text).is_err());
    }
}

#[test]
fn cut_text_is_broken() {
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    for end in 0..text.len() {
        assert_eq!(read(&text[..end]), Err(CursorError::Broken), "{end}");
    }
    assert_eq!(read(&format!("{text}A")), Err(CursorError::Broken));
}

#[test]
fn keys_of_another_length_are_broken() {
    let (all, minute, bid) = (TimeRange::all(), Timeframe::M1, PriceBasis::Bid);
    let read = |kind: u8, text: &str| match kind {
        TICKS => read(text).map(drop),
        CANDLES => CandleCursor::decode(text, SYMBOL, minute, bid, all, ASCENDING).map(drop),
        _ => SymbolCursor::decode(text).map(drop),
    };
    for (header, key) in [
        (header(TICKS, SYMBOL, all, ASCENDING), 16),
        (candle_header(SYMBOL, minute, bid, all, ASCENDING), 8),
        (vec![VERSION, SYMBOLS], 8),
    ] {
        // the epoch, or the symbol 1
        let last = if header[1] == SYMBOLS { 1 } else { 0 };
        for length in 0..key + 3 {
            let mut bytes = header.clone();
            bytes.extend((0..length).map(|at| if at + 1 == key { last } else { 0 }));
            let expected = match length == key {
                true => Ok(()),
                false => Err(CursorError::Broken),
            };
            assert_eq!(read(header[1], &seal(bytes)), expected, "{length} of {key}");
        }
    }
}

#[test]
fn text_of_another_version_says_so() {
    let mut bytes = header(TICKS, SYMBOL, TimeRange::all(), ASCENDING);
    bytes[0] = 1;
    assert_eq!(read(&seal(bytes)), Err(CursorError::Version(1)));
}

#[test]
fn tick_cursor_belongs_to_its_listing() {
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    let foreign = Err(CursorError::Foreign);
    let (all, descending) = (TimeRange::all(), SortOrder::Descending);
    assert_eq!(TickCursor::decode(&text, SYMBOL, all, descending), foreign);
    let other = SymbolId::new(43);
    assert_eq!(TickCursor::decode(&text, other, all, ASCENDING), foreign);
}

#[test]
fn candle_cursor_belongs_to_its_listing() {
    let cursor = CandleCursor {
        open_time: DateTime::UNIX_EPOCH,
    };
    let (all, mid) = (TimeRange::all(), PriceBasis::Mid);
    let text = cursor.encode(SYMBOL, Timeframe::M5, mid, all, ASCENDING);
    let read =
        |timeframe, basis| CandleCursor::decode(&text, SYMBOL, timeframe, basis, all, ASCENDING);
    assert_eq!(read(Timeframe::M5, mid), Ok(cursor));
    assert_eq!(read(Timeframe::M1, mid), Err(CursorError::Foreign));
    assert_eq!(
        read(Timeframe::M5, PriceBasis::Bid),
        Err(CursorError::Foreign)
    );
    let as_ticks = TickCursor::decode(&text, SYMBOL, all, ASCENDING);
    assert_eq!(as_ticks, Err(CursorError::Foreign));
}

#[test]
fn candle_cursor_belongs_to_its_timeframe() {
    let cursor = CandleCursor {
        open_time: "2000-05-01T00:00:00Z".parse().expect("a time"),
    };
    let (all, bid) = (TimeRange::all(), PriceBasis::Bid);
    let names = ["1s", "1m", "3m", "13m", "1h", "2h", "1d", "1w", "1M"];
    let timeframes = names.map(|name| name.parse::<Timeframe>().expect(name));
    for one in timeframes
        .into_iter()
        .filter(|one| one.bucket_start(cursor.open_time) == cursor.open_time)
    {
        let text = cursor.encode(SYMBOL, one, bid, all, ASCENDING);
        for other in timeframes {
            let expected = match one == other {
                true => Ok(cursor),
                false => Err(CursorError::Foreign),
            };
            let read = CandleCursor::decode(&text, SYMBOL, other, bid, all, ASCENDING);
            assert_eq!(read, expected, "{one} read as {other}");
        }
    }
}

#[test]
fn symbol_cursor_is_refused_as_a_tick_cursor() {
    let cursor = SymbolCursor { symbol_id: SYMBOL };
    assert_eq!(SymbolCursor::decode(&cursor.encode()), Ok(cursor));
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    assert_eq!(SymbolCursor::decode(&text), Err(CursorError::Foreign));
}
