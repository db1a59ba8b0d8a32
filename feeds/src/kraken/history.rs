//! The history of trades of Kraken.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::value::RawValue;
use tickbook::domain::excerpt;

use crate::error::ProtocolError;
use crate::event::{Aggressor, FeedEvent, TradeId, VenueTrade};
use crate::history::{HistoryPage, HistoryRequest};
use crate::protocol::{EventSink, Frame};
use crate::wire::{Characters, Instant, Integer, Number, Text, invalid, read};

/// The key of a result that is not a list of trades.
const LAST: &str = "last";

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    error: Vec<Text<'a>>,
    #[serde(borrow)]
    result: Option<BTreeMap<Text<'a>, &'a RawValue>>,
}

/// Price, quantity, time, side, type of order, further details, number.
type Trade<'a> = (
    Number,
    Number,
    Characters<'a>,
    Text<'a>,
    Text<'a>,
    Text<'a>,
    Integer,
);

/// The name of a pair in the REST interface: `XBTUSD` for `BTC/USD`.
fn pair(symbol: &str) -> String {
    let asset = |asset| match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    };
    symbol.split('/').map(asset).collect()
}

/// The trades from a time on. The venue gives those after a time in nanoseconds.
pub(super) fn request(http: &str, page: &HistoryPage<'_>) -> HistoryRequest {
    let after = page.start - TimeDelta::microseconds(1);
    let (pair, since) = (pair(page.symbol), after.timestamp_micros());
    HistoryRequest::new(format!(
        "{http}/0/public/Trades?pair={pair}&since={since}000&count=1000"
    ))
}

/// Reads the body of `GET /0/public/Trades`.
pub(super) fn trades(
    symbol: &str,
    body: Frame<'_>,
    sink: &mut EventSink<'_>,
) -> Result<(), ProtocolError> {
    let answer: Answer<'_> = read(body.text)?;
    if let Some(Text(error)) = answer.error.first() {
        return Err(ProtocolError::Refused(excerpt(&**error)));
    }
    let missing = || ProtocolError::Unreadable("missing field `result`".to_owned());
    let result = answer.result.ok_or_else(missing)?;
    for (_, list) in result.iter().filter(|(Text(key), _)| key != LAST) {
        let trades: Vec<Trade<'_>> = read(list.get())?;
        for (price, quantity, time, side, _, _, Integer(id)) in trades {
            let at = Instant::of_seconds(time.0);
            let at = at.ok_or_else(|| invalid(symbol, "time", excerpt(time.0)))?;
            sink(FeedEvent::Trade(VenueTrade {
                symbol,
                time: at.0,
                received_at: body.received_at,
                price: price.decimal(symbol, "price")?,
                quantity: quantity.decimal(symbol, "quantity")?,
                aggressor: match &*side.0 {
                    "b" => Aggressor::Buy,
                    "s" => Aggressor::Sell,
                    other => return Err(invalid(symbol, "side", excerpt(other))),
                },
                id: TradeId::Number(id),
                merged: 1,
                is_replayed: true,
            }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_the_names_of_rest() {
        for (symbol, expected) in [
            ("BTC/USD", "XBTUSD"),
            ("ETH/BTC", "ETHXBT"),
            ("DOGE/EUR", "XDGEUR"),
            ("USDT/USD", "USDTUSD"),
        ] {
            assert_eq!(pair(symbol), expected);
        }
    }
}
