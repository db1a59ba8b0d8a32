//! Messages of channels as OKX writes them, read without serde.

use super::public::{Book, Data, Side, Ticker, Trade};
use crate::scan::{Scan, set};
use crate::wire::{Characters, Integer, Levels, Millis, Number, Text};

/// The instrument and the data of its channel.
pub(super) fn message<'a>(scan: &mut Scan<'a>) -> Option<(&'a str, Data<'a>)> {
    let (mut channel, mut symbol, mut action, mut data) = (None, None, None, None);
    scan.object(|scan, name| match name {
        "arg" => scan.object(|scan, name| match name {
            "channel" => set(&mut channel, scan.string()?),
            "instId" => set(&mut symbol, scan.string()?),
            _ => scan.skip(),
        }),
        "action" => set(&mut action, scan.string()?),
        "data" => set(
            &mut data,
            match (channel?, action) {
                ("books", Some("snapshot")) => Data::Snapshot(list(scan, book)?),
                ("books", Some("update")) => Data::Update(list(scan, book)?),
                ("trades", _) => Data::Trades(list(scan, trade)?),
                ("tickers", _) => Data::Tickers(list(scan, ticker)?),
                _ => return None,
            },
        ),
        _ => None,
    })?;
    Some((symbol?, data?))
}

fn list<'a, T>(scan: &mut Scan<'a>, item: impl Fn(&mut Scan<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut items = Vec::with_capacity(1);
    scan.array(|scan| {
        items.push(item(scan)?);
        Some(())
    })?;
    Some(items)
}

fn book(scan: &mut Scan<'_>) -> Option<Book> {
    let (mut asks, mut bids, mut ts, mut checksum) = (None, None, None, None);
    let (mut number, mut previous) = (None, None);
    scan.object(|scan, name| match name {
        "asks" => set(&mut asks, Levels::scan(scan)?),
        "bids" => set(&mut bids, Levels::scan(scan)?),
        "ts" => set(&mut ts, Millis::scan(scan)?),
        "checksum" => set(&mut checksum, scan.integer()?),
        "seqId" => set(&mut number, scan.integer()?),
        "prevSeqId" => set(&mut previous, scan.integer()?),
        _ => scan.skip(),
    })?;
    Some(Book {
        asks: asks?,
        bids: bids?,
        ts: ts?,
        checksum,
        number,
        previous,
    })
}

fn trade<'a>(scan: &mut Scan<'a>) -> Option<Trade<'a>> {
    let (mut trade_id, mut px, mut sz, mut side, mut ts) = (None, None, None, None, None);
    let mut count = None;
    scan.object(|scan, name| match name {
        "tradeId" => set(&mut trade_id, Text::scan(scan)?),
        "px" => set(&mut px, Number::scan(scan)?),
        "sz" => set(&mut sz, Number::scan(scan)?),
        "side" => set(
            &mut side,
            match scan.string()? {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                _ => return None,
            },
        ),
        "ts" => set(&mut ts, Millis::scan(scan)?),
        "count" => set(&mut count, Integer(scan.number()?.parse().ok()?)),
        _ => scan.skip(),
    })?;
    Some(Trade {
        trade_id: trade_id?,
        px: px?,
        sz: sz?,
        side: side?,
        ts: ts?,
        count,
    })
}

fn ticker<'a>(scan: &mut Scan<'a>) -> Option<Ticker<'a>> {
    let (mut bid_px, mut bid_sz, mut ask_px, mut ask_sz) = (None, None, None, None);
    let mut ts = None;
    scan.object(|scan, name| match name {
        "bidPx" => set(&mut bid_px, Characters(scan.number()?)),
        "bidSz" => set(&mut bid_sz, Characters(scan.number()?)),
        "askPx" => set(&mut ask_px, Characters(scan.number()?)),
        "askSz" => set(&mut ask_sz, Characters(scan.number()?)),
        "ts" => set(&mut ts, Millis::scan(scan)?),
        _ => scan.skip(),
    })?;
    Some(Ticker {
        bid_px: bid_px?,
        bid_sz: bid_sz?,
        ask_px: ask_px?,
        ask_sz: ask_sz?,
        ts: ts?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::public::Message;
    use super::*;
    use crate::scan::{scan, variants};
    use crate::wire::read;

    #[test]
    fn scanned_messages_are_those_of_serde() {
        for text in [
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["30238.8","3","0","1"],["30240.7","0","0","0"]],"bids":[],"ts":"1652459236119","checksum":-664471393,"seqId":12,"prevSeqId":-1}]}"#,
            r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"338476375","px":"30227.6","sz":"0.00000088","side":"buy","ts":"1652459235576","count":"3"}]}"#,
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","askPx":"","askSz":"","bidPx":"30230.2","bidSz":0.4112,"ts":1652459235637}]}"#,
        ] {
            assert!(scan(text, message).is_some(), "{text}");
            for text in variants(text) {
                let Some((symbol, data)) = scan(&text, message) else {
                    continue;
                };
                let whole: Message<'_> = read(&text).expect("valid JSON");
                let arg = whole.arg.expect("a channel");
                let action = whole.action.as_ref().map(|action| &*action.0);
                let raw = whole.data.expect("data");
                let read = Data::read(&arg.channel.0, action, raw.get()).expect("valid data");
                assert_eq!(arg.symbol.expect("an instrument").0, symbol);
                assert_eq!(format!("{:?}", Some(data)), format!("{read:?}"), "{text}");
            }
        }
    }
}
