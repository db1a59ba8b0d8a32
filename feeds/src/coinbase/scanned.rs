//! Messages as Coinbase Exchange writes them, read without serde.

use super::exchange::{Message, SideLevels};
use super::side::MakerSide;
use crate::scan::{Scan, set};
use crate::wire::{Instant, Levels, Number, Text};

/// A message of any type.
pub(super) fn message<'a>(scan: &mut Scan<'a>) -> Option<Message<'a>> {
    let (mut kind, mut message) = (None, Message::default());
    let it = &mut message;
    scan.object(|scan, name| match name {
        "type" => set(&mut kind, Text::scan(scan)?),
        "product_id" => set(&mut it.product, Text::scan(scan)?),
        "bids" => set(&mut it.bids, Levels::scan(scan)?),
        "asks" => set(&mut it.asks, Levels::scan(scan)?),
        "changes" => set(&mut it.changes, changes(scan)?),
        "time" => set(&mut it.time, Instant::of_rfc3339(scan.string()?)?),
        "side" => set(
            &mut it.side,
            match scan.string()? {
                "buy" => MakerSide::Buy,
                "sell" => MakerSide::Sell,
                _ => return None,
            },
        ),
        "price" => set(&mut it.price, Number::scan(scan)?),
        "size" => set(&mut it.size, Number::scan(scan)?),
        "trade_id" => set(&mut it.trade_id, scan.integer()?),
        "sequence" => set(&mut it.sequence, scan.integer()?),
        "best_bid" => set(&mut it.best_bid, Number::scan(scan)?),
        "best_bid_size" => set(&mut it.best_bid_size, Number::scan(scan)?),
        "best_ask" => set(&mut it.best_ask, Number::scan(scan)?),
        "best_ask_size" => set(&mut it.best_ask_size, Number::scan(scan)?),
        // of errors
        "message" | "reason" => None,
        _ => scan.skip(),
    })?;
    message.kind = kind?;
    Some(message)
}

/// Levels of side, price and quantity.
fn changes(scan: &mut Scan<'_>) -> Option<SideLevels> {
    let mut changes = SideLevels::default();
    scan.array(|scan| {
        scan.take(b'[')?;
        let levels = match scan.string()? {
            "buy" => &mut changes.bids,
            "sell" => &mut changes.asks,
            _ => return None,
        };
        scan.take(b',')?;
        let price = Number::scan(scan)?;
        scan.take(b',')?;
        levels.push(price, Number::scan(scan)?);
        while scan.eat(b',') {
            scan.skip()?;
        }
        scan.take(b']')
    })?;
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{scan, variants};
    use crate::wire::read;

    #[test]
    fn scanned_messages_are_those_of_serde() {
        for text in [
            r#"{"type":"l2update","product_id":"SKL-USD","changes":[["buy","0.7901","450.0"],["sell","0.7911","0"]],"time":"2021-04-17T16:44:07.859760Z"}"#,
            r#"{"type":"match","trade_id":1568319,"maker_order_id":"ac928c66","side":"sell","size":"18","price":"0.7902","product_id":"SKL-USD","sequence":541,"time":"2021-04-17T16:44:06.669388Z"}"#,
            r#"{"type":"ticker","sequence":5,"product_id":"SKL-USD","price":"0.79","best_bid":"0.7901","best_ask":"0.7905","side":"buy","last_size":"18"}"#,
            r#"{"type":"snapshot","product_id":"A-B","bids":[["1","2"]],"asks":[["2","3"]]}"#,
        ] {
            assert!(scan(text, message).is_some(), "{text}");
            for text in variants(text) {
                if let Some(found) = scan(&text, message) {
                    let read: Message<'_> = read(&text).expect("a valid message");
                    assert_eq!(format!("{found:?}"), format!("{read:?}"), "{text}");
                }
            }
        }
    }
}
