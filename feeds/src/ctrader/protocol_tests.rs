use chrono::DateTime;

use super::Ctrader;
use crate::event::{FeedEvent, Request};
use crate::protocol::{Frame, Protocol};
use crate::subscription::{Channel, Subscription};
use crate::{BookChange, ProtocolError};

/// A protocol, and what it reported.
pub(super) struct Run {
    pub(super) protocol: Ctrader,
    log: Vec<String>,
}

pub(super) fn shown(event: &FeedEvent<'_>) -> String {
    let levels = |change: &BookChange<'_>| {
        let view = change.book.view().expect("valid");
        let sides = [
            tickbook::domain::book::BookSide::Bid,
            tickbook::domain::book::BookSide::Ask,
        ];
        let sides = sides.map(|side| {
            let levels = view.decimals(side);
            let levels =
                levels.map(|(price, it)| format!("{}x{}", price.normalize(), it.normalize()));
            levels.collect::<Vec<_>>().join(" ")
        });
        sides.join(" / ")
    };
    match event {
        FeedEvent::BookSnapshot(change) => format!("snapshot {} {}", change.symbol, levels(change)),
        FeedEvent::BookUpdate(change) => format!("update {} {}", change.symbol, levels(change)),
        FeedEvent::BookStale(stale) => {
            format!("stale {} {}: {}", stale.symbol, stale.reason, stale.detail)
        }
        FeedEvent::Request(Request::Resubscribe { symbol }) => format!("resubscribe {symbol}"),
        FeedEvent::Quote(quote) => {
            let side = |side: Option<(rust_decimal::Decimal, _)>| {
                side.map_or("none".to_owned(), |(price, _)| price.to_string())
            };
            let millis = quote.time.timestamp_millis() % 100_000;
            format!(
                "quote {} {} {} {millis}",
                quote.symbol,
                side(quote.bid),
                side(quote.ask)
            )
        }
        FeedEvent::Instrument(listed) => {
            let instrument = &listed.instrument;
            let base = instrument.base_currency.as_deref().unwrap_or("-");
            format!(
                "{} {} {} {base} {} {}",
                listed.key.as_deref().unwrap_or_default(),
                listed.symbol,
                instrument.instrument_type,
                instrument.quote_currency,
                instrument.tick_size
            )
        }
        event => format!("{event:?}"),
    }
}

impl Run {
    /// `symbols` are separated by spaces.
    pub(super) fn new(symbols: &str, channels: &[Channel]) -> Self {
        let subscription = Subscription::new(symbols.split(' '), channels.iter().copied());
        let mut protocol = Ctrader::new(&subscription);
        protocol.opened();
        Self {
            protocol,
            log: Vec::new(),
        }
    }

    /// Receives a message of these fields, and returns what it caused.
    pub(super) fn receive(&mut self, fields: &str) -> (Vec<String>, Result<(), ProtocolError>) {
        let text = format!("8=FIX.4.4|9=1|{fields}|10=000|").replace('|', "\u{1}");
        let frame = Frame::new(&text, DateTime::UNIX_EPOCH);
        let log = &mut self.log;
        let received = self
            .protocol
            .receive(frame, &mut |event| log.push(shown(&event)));
        (std::mem::take(&mut self.log), received)
    }

    pub(super) fn events(&mut self, fields: &str) -> Vec<String> {
        let (events, received) = self.receive(fields);
        assert_eq!(received, Ok(()), "{fields}");
        events
    }

    fn requests(&mut self) -> Vec<String> {
        let pending = self.protocol.take_pending().into_iter();
        pending.map(|text| text.replace('\u{1}', "|")).collect()
    }
}

pub(super) const BOOK: [Channel; 1] = [Channel::Book(10)];
pub(super) const TIME: &str = "52=20240105-10:00:00.123";
pub(super) const DEPTH: &str = "35=W|34=2|52=20240105-10:00:00.123|55=1|268=3|269=0|270=1.06625|271=50000|278=16|\
                     269=0|270=1.06625|271=1000|278=9|269=1|270=1.06628|271=5|278=7";

#[test]
fn names_are_resolved_by_the_list_of_instruments() {
    let channels = [Channel::Quotes, Channel::Book(10), Channel::Instruments];
    let mut run = Run::new("EURUSD US30 7", &channels);
    let subscribe = run.protocol.subscribe().into_iter();
    let subscribe: Vec<_> = subscribe.map(|text| text.replace('\u{1}', "|")).collect();
    assert_eq!(subscribe[0], "35=x|320=instruments|559=0|");
    assert!(subscribe[1].starts_with("35=V|262=quotes-7|263=1|264=1|"));
    assert!(subscribe[2].starts_with("35=V|262=depth-7|263=1|264=0|"));
    assert_eq!(subscribe.len(), 3);
    assert_eq!(run.protocol.resubscribe("EURUSD"), [""; 0]);
    let list = "35=y|34=2|320=instruments|322=responce:1|560=0|146=4|55=1|1007=EURUSD|1008=5|\
                55=10001|1007=US30|1008=1|55=41|1007=XAUUSD|1008=2|55=22|1007=USDMXN|1008=4";
    let events = run.events(list);
    let expected = [
        "1 EURUSD forex EUR USD 0.00001",
        "10001 US30 cfd - XXX 0.1",
        "41 XAUUSD cfd XAU USD 0.01",
        "22 USDMXN forex USD MXN 0.0001",
        "InstrumentsListed",
    ];
    assert_eq!(events, expected);
    let requests = run.requests();
    let ids: Vec<_> = requests
        .iter()
        .map(|it| it.split('|').nth(1).expect("an id"))
        .collect();
    assert_eq!(
        ids,
        [
            "262=quotes-1",
            "262=depth-1",
            "262=quotes-10001",
            "262=depth-10001"
        ]
    );
    assert_eq!(
        run.events(DEPTH)[0],
        "snapshot EURUSD 1.06625x51000 / 1.06628x5"
    );
    // the list comes once more: everything is known
    run.events(list);
    assert_eq!(run.requests(), [""; 0]);
    // the numbers of another connection may differ
    run.protocol.opened();
    let (_, received) = run.receive(DEPTH);
    assert_eq!(
        received,
        Err(ProtocolError::UnknownSymbol("\"1\"".to_owned()))
    );
}

#[test]
fn fields_of_a_list_may_follow_its_entries() {
    let mut run = Run::new("EURUSD", &BOOK);
    run.events("35=y|34=2|146=1|55=3|1007=EURUSD|1008=5|320=instruments|322=1|560=0");
    assert_eq!(run.requests().len(), 1);
}

#[test]
fn incomplete_lists_are_refused() {
    for (fields, detail) in [
        (
            "560=2|146=0",
            "the list of instruments was refused with result 2",
        ),
        (
            "560=0|146=2|55=1|1007=EURUSD|1008=5",
            "the list of instruments is invalid: field 146 counts 2 entries of 1",
        ),
        (
            "560=0|146=1|55=1|1008=5",
            "the list of instruments is invalid: field 1007 is missing",
        ),
        (
            "560=0|146=1|55=1|1007=EURUSD|1008=x",
            "the list of instruments is invalid: field 1008 has an invalid value",
        ),
    ] {
        let mut run = Run::new("EURUSD", &BOOK);
        let (events, received) = run.receive(&format!("35=y|34=2|{fields}"));
        assert_eq!(events, [""; 0]);
        assert_eq!(received, Err(ProtocolError::Refused(detail.to_owned())));
        assert_eq!(run.requests(), [""; 0]);
    }
    let mut run = Run::new("EURUSD", &BOOK);
    let (_, received) = run.receive("35=y|34=2|560=0|146=1|55=1|1007=GBPUSD|1008=5");
    assert!(matches!(received, Err(ProtocolError::UnknownSymbol(_))));
}

#[test]
fn spot_quotes_need_no_sizes() {
    let mut run = Run::new("1", &[Channel::Quotes]);
    let quote = format!("35=W|34=2|{TIME}|55=1|268=2|269=0|270=1.0663|269=1|270=1.06635");
    assert_eq!(run.events(&quote), ["quote 1 1.0663 1.06635 123"]);
    let one_side = format!("35=W|34=3|{TIME}|55=1|268=1|269=1|270=1.06635");
    assert_eq!(run.events(&one_side), ["quote 1 none 1.06635 123"]);
    // a repeated message has the time of the first one
    let repeated = "35=W|34=2|43=Y|52=20240105-10:00:09|122=20240105-10:00:00.007|55=1|268=0";
    assert_eq!(run.events(repeated), ["quote 1 none none 7"]);
    for bad in [
        format!("35=W|34=2|{TIME}|55=1|268=1|269=0|270=x"),
        format!("35=W|34=2|{TIME}|55=1|268=1|269=0"),
        format!("35=W|34=2|{TIME}|55=1|268=1|269=5|270=1"),
        format!("35=W|34=2|{TIME}|55=1|268=2|269=0|270=1"),
        "35=W|34=2|52=now|55=1|268=1|269=0|270=1".to_owned(),
    ] {
        let (events, received) = run.receive(&bad);
        assert_eq!(events, [""; 0], "{bad}");
        let error = received.expect_err("invalid").to_string();
        assert!(error.starts_with("invalid "), "{error}");
    }
}

#[test]
fn quotes_and_depth_of_a_symbol_are_distinguished() {
    let mut run = Run::new("1", &[Channel::Quotes, Channel::Book(10)]);
    let quote = format!("35=W|34=2|{TIME}|55=1|268=1|269=0|270=1.0663");
    assert_eq!(run.events(&quote), ["quote 1 1.0663 none 123"]);
    assert_eq!(run.events(DEPTH), ["snapshot 1 1.06625x51000 / 1.06628x5"]);
    let empty = format!("35=W|34=3|{TIME}|55=1|268=0");
    assert_eq!(run.events(&empty), ["snapshot 1  / "]);
    let stated = format!("35=W|34=3|{TIME}|262=quotes-1|55=1|268=0");
    assert_eq!(run.events(&stated), ["quote 1 none none 123"]);
}

#[test]
fn refusals_of_the_venue_are_reported() {
    let mut run = Run::new("1", &BOOK);
    let text = "Expected numeric symbolId, but got EURUSD";
    for (fields, detail) in [
        (
            format!("35=Y|262=depth-1|281=0|58={text}"),
            format!("depth-1: {text}"),
        ),
        (format!("35=j|372=V|380=0|58={text}"), format!("V {text}")),
    ] {
        let (events, received) = run.receive(&fields);
        assert_eq!(events, [""; 0]);
        assert_eq!(received, Err(ProtocolError::Refused(detail)));
    }
    let (_, received) = run.receive("35=AE|571=1");
    assert!(matches!(received, Err(ProtocolError::UnknownChannel(_))));
    for admin in ["0", "1", "2", "3", "4", "5", "A"] {
        assert_eq!(run.events(&format!("35={admin}|34=2")), [""; 0]);
    }
}

#[test]
fn name_of_another_instrument_gets_no_data() {
    let list = |entries: &str| format!("35=y|34=2|560=0|146=2|{entries}");
    let mut run = Run::new("EURUSD", &[Channel::Quotes]);
    run.events(&list("55=1|1007=EURUSD|1008=5|55=2|1007=GBPUSD|1008=5"));
    assert_eq!(run.requests().len(), 1);
    // the venue swaps the names, while records of this name have the symbol of the number 1
    run.protocol.opened();
    let (_, received) = run.receive(&list("55=1|1007=GBPUSD|1008=5|55=2|1007=EURUSD|1008=5"));
    let error = received.expect_err("swapped").to_string();
    assert!(
        error.contains("\"EURUSD\" is the name of another instrument now"),
        "{error}"
    );
    assert_eq!(run.requests(), [""; 0]);
    // another number of an instrument whose old number is gone
    run.protocol.opened();
    run.events(&list("55=7|1007=EURUSD|1008=5|55=2|1007=GBPUSD|1008=5"));
    assert_eq!(run.requests().len(), 1);
}
