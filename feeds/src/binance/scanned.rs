//! Messages of streams as Binance writes them, read without serde.

use super::spot::{BookTicker, Data, Depth, Trade, kind};
use crate::scan::{Scan, set};
use crate::wire::{Levels, Number, Text};

/// The stream and its message.
pub(super) fn message<'a>(scan: &mut Scan<'a>) -> Option<(&'a str, Data<'a>)> {
    let (mut stream, mut data) = (None, None);
    scan.object(|scan, name| match name {
        "stream" => set(&mut stream, scan.string()?),
        "data" => set(
            &mut data,
            match kind(stream?) {
                "depth" => Data::Depth(depth(scan)?),
                "bookTicker" => Data::BookTicker(book_ticker(scan)?),
                "aggTrade" | "trade" => Data::Trade(trade(scan)?),
                _ => return None,
            },
        ),
        _ => None,
    })?;
    Some((stream?, data?))
}

fn depth<'a>(scan: &mut Scan<'a>) -> Option<Depth<'a>> {
    let (mut time, mut symbol, mut first, mut last) = (None, None, None, None);
    let (mut bids, mut asks) = (None, None);
    scan.object(|scan, name| match name {
        "E" => set(&mut time, scan.integer()?),
        "s" => set(&mut symbol, Text::scan(scan)?),
        "U" => set(&mut first, scan.integer()?),
        "u" => set(&mut last, scan.integer()?),
        "b" => set(&mut bids, Levels::scan(scan)?),
        "a" => set(&mut asks, Levels::scan(scan)?),
        _ => scan.skip(),
    })?;
    Some(Depth {
        time: time?,
        symbol: symbol?,
        first: first?,
        last: last?,
        bids: bids?,
        asks: asks?,
    })
}

fn book_ticker<'a>(scan: &mut Scan<'a>) -> Option<BookTicker<'a>> {
    let (mut update, mut symbol, mut bid, mut bid_quantity) = (None, None, None, None);
    let (mut ask, mut ask_quantity) = (None, None);
    scan.object(|scan, name| match name {
        "u" => set(&mut update, scan.integer()?),
        "s" => set(&mut symbol, Text::scan(scan)?),
        "b" => set(&mut bid, Number::scan(scan)?),
        "B" => set(&mut bid_quantity, Number::scan(scan)?),
        "a" => set(&mut ask, Number::scan(scan)?),
        "A" => set(&mut ask_quantity, Number::scan(scan)?),
        _ => scan.skip(),
    })?;
    Some(BookTicker {
        update: update?,
        symbol: symbol?,
        bid: bid?,
        bid_quantity: bid_quantity?,
        ask: ask?,
        ask_quantity: ask_quantity?,
    })
}

fn trade<'a>(scan: &mut Scan<'a>) -> Option<Trade<'a>> {
    let (mut symbol, mut aggregate_id, mut id, mut price) = (None, None, None, None);
    let (mut quantity, mut time, mut buyer_is_maker) = (None, None, None);
    scan.object(|scan, name| match name {
        "s" => set(&mut symbol, Text::scan(scan)?),
        "a" => set(&mut aggregate_id, scan.integer()?),
        "t" => set(&mut id, scan.integer()?),
        "p" => set(&mut price, Number::scan(scan)?),
        "q" => set(&mut quantity, Number::scan(scan)?),
        "T" => set(&mut time, scan.integer()?),
        "m" => set(&mut buyer_is_maker, scan.boolean()?),
        _ => scan.skip(),
    })?;
    Some(Trade {
        symbol: symbol?,
        aggregate_id,
        id,
        price: price?,
        quantity: quantity?,
        time: time?,
        buyer_is_maker: buyer_is_maker?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::spot::Message;
    use super::*;
    use crate::scan::{scan, variants};
    use crate::wire::read;

    #[test]
    fn scanned_messages_are_those_of_serde() {
        for text in [
            r#"{"stream":"nknusdt@depth@100ms","data":{"e":"depthUpdate","E":1633998512068,"s":"NKNUSDT","U":499869750,"u":499869752,"b":[["0.35130000","6195.00000000"],["0.34750000","5548"]],"a":[]}}"#,
            r#"{"stream":"nknusdt@bookTicker","data":{"u":499869768,"s":"NKNUSDT","b":"0.35210000","B":"672.00000000","a":"0.35260000","A":"3199.00000000"}}"#,
            r#"{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"NKNUSDT","a":15683430,"p":"0.35280000","q":"58.00000000","f":19862790,"l":19862790,"T":1633998523963,"m":false,"M":true}}"#,
        ] {
            assert!(scan(text, message).is_some(), "{text}");
            for text in variants(text) {
                let Some((stream, data)) = scan(&text, message) else {
                    continue;
                };
                let whole: Message<'_> = read(&text).expect("valid JSON");
                let raw = whole.data.expect("data");
                let read = Data::read(stream, raw.get()).expect("valid data");
                assert_eq!(whole.stream.expect("a stream").0, stream);
                assert_eq!(format!("{:?}", Some(data)), format!("{read:?}"), "{text}");
            }
        }
    }
}
