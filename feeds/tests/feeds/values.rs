//! Times, sides and absent values of trades and quotes.

use chrono::{DateTime, Utc};
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::{CoinbaseAdvanced, CoinbaseExchange};
use tickbook_feeds::kraken::{Kraken, KrakenV1};
use tickbook_feeds::okx::Okx;
use tickbook_feeds::{FeedEvent, Frame, Protocol};

/// A time in microseconds. Asserts that it has no further digits.
fn micros(time: DateTime<Utc>) -> i64 {
    assert_eq!(time.timestamp_subsec_nanos() % 1_000, 0, "{time}");
    time.timestamp_micros()
}

/// The only trade or quote of a frame, as text.
fn only(mut protocol: impl Protocol, text: &str) -> String {
    let mut found = Vec::new();
    protocol.opened();
    let received_at = DateTime::from_timestamp_micros(7).expect("in range");
    let received = protocol.receive(Frame::new(text, received_at), &mut |event| {
        found.push(match event {
            FeedEvent::Trade(trade) => format!(
                "{} {:?} {} {} {} {}",
                micros(trade.time),
                trade.id,
                trade.price,
                trade.quantity,
                trade.aggressor.as_str(),
                trade.is_replayed
            ),
            FeedEvent::Quote(quote) => format!(
                "{} {:?} {:?} {:?}",
                micros(quote.time),
                quote.sequence,
                quote.bid,
                quote.ask
            ),
            event => panic!("{event:?}"),
        });
    });
    assert_eq!(received, Ok(()), "{text}");
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

#[test]
fn aggressor_is_the_taker() {
    let binance = |stream: &str, maker: bool, time: &str| {
        let text = format!(
            "{{\"stream\":\"ab@{stream}\",\"data\":{{\"s\":\"AB\",\"a\":3,\"p\":\"1.50\",\"q\":\"2\",\
             \"T\":{time},\"m\":{maker}}}}}"
        );
        only(BinanceSpot::new(["AB"]), &text)
    };
    // the buyer is the maker, so the seller took
    let of = |side: &str| format!("1633998512068000 Number(3) 1.5 2 {side} false");
    assert_eq!(binance("aggTrade", true, "1633998512068"), of("sell"));
    assert_eq!(binance("aggTrade", false, "1633998512068"), of("buy"));
    assert_eq!(binance("aggTrade", false, "1633998512068000"), of("buy"));
    let trade = "{\"stream\":\"ab@trade\",\"data\":{\"s\":\"AB\",\"t\":9,\"p\":\"1\",\"q\":\"2\",\"T\":1,\"m\":true}}";
    assert_eq!(
        only(BinanceSpot::new(["AB"]), trade),
        "1000 Number(9) 1 2 sell false"
    );
    let advanced = |id: &str, side: &str, kind: &str| {
        let text = format!(
            "{{\"channel\":\"market_trades\",\"sequence_num\":5,\"events\":[{{\"type\":\"{kind}\",\"trades\":[{{\
             \"trade_id\":\"{id}\",\"product_id\":\"A-B\",\"price\":\"1\",\"size\":\"2\",\"side\":\"{side}\",\
             \"time\":\"1970-01-01T00:00:01.000001999Z\"}}]}}]}}"
        );
        only(CoinbaseAdvanced::new(["A-B"]), &text)
    };
    assert_eq!(
        advanced("4", "BUY", "update"),
        "1000001 Number(4) 1 2 sell false"
    );
    assert_eq!(
        advanced("x4", "SELL", "snapshot"),
        "1000001 Text(\"x4\") 1 2 buy true"
    );
    let okx = "{\"arg\":{\"channel\":\"trades\",\"instId\":\"A-B\"},\"data\":[{\"instId\":\"A-B\",\
         \"tradeId\":\"7\",\"px\":\"1.5\",\"sz\":\"2\",\"side\":\"sell\",\"ts\":\"1\"}]}";
    assert_eq!(
        only(Okx::new(["A-B"]), okx),
        "1000 Number(7) 1.5 2 sell false"
    );
    let kraken = "{\"channel\":\"trade\",\"type\":\"snapshot\",\"data\":[{\"symbol\":\"A/B\",\"side\":\"sell\",\
         \"price\":1.50,\"qty\":2.0,\"trade_id\":3,\"timestamp\":\"1970-01-01T00:00:01.5Z\"}]}";
    assert_eq!(
        only(Kraken::new(["A/B"], 10), kraken),
        "1500000 Number(3) 1.5 2 sell true"
    );
}

#[test]
fn seconds_are_truncated_to_microseconds() {
    for (seconds, micros) in [
        ("1", 1_000_000_i64),
        ("1.5", 1_500_000),
        ("1.000001", 1_000_001),
        ("1.9999999", 1_999_999),
        ("1618678142.557535", 1_618_678_142_557_535),
    ] {
        let text = format!("[0,[[\"1\",\"2\",\"{seconds}\",\"s\",\"l\",\"\"]],\"trade\",\"A/B\"]");
        let found = only(KrakenV1::new(["A/B"], 10), &text);
        assert_eq!(found, format!("{micros} Unknown 1 2 sell false"));
    }
}

#[test]
fn absent_sides_of_quotes_are_none() {
    let binance = "{\"stream\":\"ab@bookTicker\",\"data\":{\"u\":4,\"s\":\"AB\",\"b\":\"0.00\",\"B\":\"0\",\"a\":\"3.0\",\"A\":\"0.5\"}}";
    let found = only(BinanceSpot::new(["AB"]), binance);
    assert_eq!(found, "7 Some(4) None Some((3, Some(0.5)))");
    let okx = "{\"arg\":{\"channel\":\"tickers\",\"instId\":\"A-B\"},\"data\":[{\"bidPx\":\"1.5\",\"bidSz\":\"2\",\
         \"askPx\":\"\",\"askSz\":\"\",\"ts\":\"1\"}]}";
    assert_eq!(
        only(Okx::new(["A-B"]), okx),
        "1000 None Some((1.5, Some(2))) None"
    );
    let exchange = "{\"type\":\"ticker\",\"product_id\":\"A-B\",\"sequence\":3,\"best_bid\":\"1.5\",\"best_ask\":\"0\"}";
    let found = only(CoinbaseExchange::new(["A-B"]), exchange);
    assert_eq!(found, "7 Some(3) Some((1.5, None)) None");
    let advanced = "{\"channel\":\"ticker\",\"timestamp\":\"1970-01-01T00:00:01.000001999Z\",\"sequence_num\":5,\
         \"events\":[{\"type\":\"update\",\"tickers\":[{\"product_id\":\"A-B\",\"best_bid\":\"0\",\
         \"best_bid_quantity\":\"0\",\"best_ask\":\"2\",\"best_ask_quantity\":\"3\"}]}]}";
    let found = only(CoinbaseAdvanced::new(["A-B"]), advanced);
    assert_eq!(found, "1000001 None None Some((2, Some(3)))");
}
