use allocation_counter::measure;
use suite::Fuzz;

use tickbook::domain::{BookCursor, FeedChannel, FeedGapKey};
use tickbook_ledger::domain::{FillOrder, PositionKey, StrategyId};

use super::*;

const SYMBOL: SymbolId = SymbolId::new(42);
const FEED: &str = "kraken";

/// The listings whose cursors are decoded: all times, and one day.
fn ranges() -> [TimeRange; 2] {
    let day = |text: &str| text.parse().expect("a time");
    let one_day = TimeRange::new(day("2014-05-01T00:00:00Z"), day("2014-05-02T00:00:00Z"));
    [TimeRange::all(), one_day.expect("ordered")]
}

const ORDERS: [SortOrder; 2] = [SortOrder::Ascending, SortOrder::Descending];

fn ledger_listing(list: LedgerList) -> LedgerListing {
    LedgerListing::new(list, "7", "symbol_id=42")
}

/// Decodes `text` as a cursor of the ledger and checks the result.
fn decode_of_ledger<C: LedgerCursorText>(text: &str, list: LedgerList) -> Result<(), CursorError> {
    let listing = ledger_listing(list);
    let cursor = C::decode(text, listing)?;
    assert_eq!(cursor.encode(listing), text);
    Ok(())
}

/// Decodes `text` with every decoder and checks the results. Returns which listings accept it.
fn decode(text: &str) -> Vec<Result<(), CursorError>> {
    let mut results = Vec::new();
    for (range, order) in ranges().into_iter().zip(ORDERS) {
        let cursor = TickCursor::decode(text, SYMBOL, range, order);
        if let Ok(cursor) = cursor {
            assert!(cursor.is_possible(range), "{cursor:?}");
            assert_eq!(cursor.encode(SYMBOL, range, order), text);
        }
        results.push(cursor.map(|_| ()));
        let (timeframe, basis) = (Timeframe::M5, PriceBasis::Mid);
        let cursor = CandleCursor::decode(text, SYMBOL, timeframe, basis, range, order);
        if let Ok(cursor) = cursor {
            assert!(cursor.is_possible(timeframe, range), "{cursor:?}");
            let again = cursor.encode(SYMBOL, timeframe, basis, range, order);
            assert_eq!(again, text);
        }
        results.push(cursor.map(|_| ()));
        let cursor = <BookCursor as RangeCursorText>::decode(text, SYMBOL, range, order);
        if let Ok(cursor) = cursor {
            assert!(cursor.is_possible(range), "{cursor:?}");
            assert_eq!(RangeCursorText::encode(&cursor, SYMBOL, range, order), text);
        }
        results.push(cursor.map(|_| ()));
        let start = <DateTime<Utc> as RangeCursorText>::decode(text, SYMBOL, range, order);
        if let Ok(start) = start {
            assert!(start < range.end(), "{start:?}");
            assert_eq!(RangeCursorText::encode(&start, SYMBOL, range, order), text);
        }
        results.push(start.map(|_| ()));
    }
    for range in ranges() {
        let cursor = <FeedGapKey as GapCursorText>::decode(text, FEED, range);
        if let Ok(cursor) = &cursor {
            assert!(range.contains(cursor.from), "{cursor:?}");
            assert_eq!(GapCursorText::encode(cursor, range), text);
        }
        results.push(cursor.map(|_| ()));
    }
    let cursor = SymbolCursor::decode(text);
    if let Ok(cursor) = cursor {
        assert!(cursor.is_possible(), "{cursor:?}");
        assert_eq!(cursor.encode(), text);
    }
    results.push(cursor.map(|_| ()));
    let cursor = ExchangeCursor::decode(text);
    if let Ok(cursor) = &cursor {
        assert_eq!(cursor.encode(), text);
    }
    results.push(cursor.map(|_| ()));
    for list in [LedgerList::Accounts, LedgerList::Orders] {
        results.push(decode_of_ledger::<i64>(text, list));
    }
    results.push(decode_of_ledger::<FillOrder>(text, LedgerList::Fills));
    results.push(decode_of_ledger::<PositionKey>(text, LedgerList::Positions));
    results
}

/// Texts of valid cursors.
fn texts() -> Vec<String> {
    let mut texts = vec![SymbolCursor { symbol_id: SYMBOL }.encode()];
    let name = "NSE".to_owned();
    texts.push(ExchangeCursor { name }.encode());
    texts.push(7_i64.encode(ledger_listing(LedgerList::Accounts)));
    texts.push(i64::MAX.encode(ledger_listing(LedgerList::Orders)));
    let fill = FillOrder::new(TimeRange::all().start(), -1, 5);
    texts.push(fill.encode(ledger_listing(LedgerList::Fills)));
    for strategy_id in [None, Some(StrategyId::new(3))] {
        let key = PositionKey::new(strategy_id, SYMBOL, "net");
        texts.push(key.encode(ledger_listing(LedgerList::Positions)));
    }
    for (range, order) in ranges().into_iter().zip(ORDERS) {
        let start = range.start();
        let ticks = [0, i64::MAX].map(|sequence| {
            let cursor = TickCursor {
                tick_time: start,
                sequence,
            };
            cursor.encode(SYMBOL, range, order)
        });
        texts.extend(ticks);
        let candle = CandleCursor { open_time: start };
        let candle = candle.encode(SYMBOL, Timeframe::M5, PriceBasis::Mid, range, order);
        texts.push(candle);
        let book = BookCursor {
            time: start,
            sequence: i64::MAX,
        };
        texts.push(RangeCursorText::encode(&book, SYMBOL, range, order));
        texts.push(RangeCursorText::encode(&start, SYMBOL, range, order));
        let gap = FeedGapKey::new(start, FEED, SYMBOL, FeedChannel::Trades);
        texts.push(GapCursorText::encode(&gap, range));
    }
    texts
}

#[test]
fn cursors_of_any_text_decode_or_fail() {
    Fuzz::new("cursor_text").seeds(texts()).run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut results = Vec::new();
        let allocated = measure(|| results = decode(&text)).bytes_max;
        let most = 1_024 + 4 * text.len() as u64;
        assert!(allocated <= most, "{allocated} bytes, at most {most}");
        format!("{results:?}")
    });
}

#[test]
fn cursors_with_any_content_decode_or_fail() {
    // the checksum matches, so that the fields are decoded
    let contents = texts().into_iter().map(|text| open(&text).expect("valid"));
    Fuzz::new("cursor_content")
        .seeds(contents)
        .run(|bytes| format!("{:?}", decode(&seal(bytes.to_vec()))));
}
