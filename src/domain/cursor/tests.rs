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

proptest! {
    #[test]
    fn a_tick_cursor_reads_back(micros in 0_i64..4_000_000_000_000_000, sequence in 0_i32..) {
        let tick_time = DateTime::from_timestamp_micros(micros).expect("in range");
        let cursor = TickCursor { tick_time, sequence };
        let text = cursor.encode(SYMBOL, TimeRange::all(), ASCENDING);
        prop_assert_eq!(read(&text), Ok(cursor));
    }

    #[test]
    fn any_changed_byte_is_noticed(at in 0_usize..31, change in 1_u8..) {
        let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
        let mut bytes = URL_SAFE_NO_PAD.decode(text).expect("own text");
        prop_assert_eq!(bytes.len(), 31);
        bytes[at] ^= change;
        prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(bytes)), Err(CursorError::Broken));
    }

    #[test]
    fn a_cursor_of_another_range_is_foreign(
        from in 0_i64..4_000_000_000_000_000,
        length in 0_i64..100_000_000_000_000,
    ) {
        let micros = |micros| DateTime::from_timestamp_micros(micros).expect("in range");
        let range = TimeRange::new(micros(from), micros(from + length)).expect("ordered");
        let text = of_tick().encode(SYMBOL, range, ASCENDING);
        prop_assert_eq!(TickCursor::decode(&text, SYMBOL, range, ASCENDING), Ok(of_tick()));
        let longer = range.to() + TimeDelta::microseconds(1);
        let longer = TimeRange::new(range.from(), longer).expect("ordered");
        let read = TickCursor::decode(&text, SYMBOL, longer, ASCENDING);
        prop_assert_eq!(read, Err(CursorError::Foreign));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        prop_assert!(read(&text).is_err());
    }
}

#[test]
fn a_cut_text_is_broken() {
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    for end in 0..text.len() {
        assert_eq!(read(&text[..end]), Err(CursorError::Broken), "{end}");
    }
    assert_eq!(read(&format!("{text}A")), Err(CursorError::Broken));
}

#[test]
fn a_text_of_another_version_says_so() {
    let mut bytes = header(TICKS, SYMBOL, TimeRange::all(), ASCENDING);
    bytes[0] = 1;
    assert_eq!(read(&seal(bytes)), Err(CursorError::Version(1)));
}

#[test]
fn a_tick_cursor_belongs_to_its_listing() {
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    let foreign = Err(CursorError::Foreign);
    let (all, descending) = (TimeRange::all(), SortOrder::Descending);
    assert_eq!(TickCursor::decode(&text, SYMBOL, all, descending), foreign);
    let other = SymbolId::new(43);
    assert_eq!(TickCursor::decode(&text, other, all, ASCENDING), foreign);
}

#[test]
fn a_candle_cursor_belongs_to_its_listing() {
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
fn a_symbol_cursor_is_no_tick_cursor() {
    let cursor = SymbolCursor { symbol_id: SYMBOL };
    assert_eq!(SymbolCursor::decode(&cursor.encode()), Ok(cursor));
    let text = of_tick().encode(SYMBOL, TimeRange::all(), ASCENDING);
    assert_eq!(SymbolCursor::decode(&text), Err(CursorError::Foreign));
}
