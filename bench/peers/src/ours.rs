//! The protocols of tickbook.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Result, anyhow, ensure};
use rust_decimal::prelude::ToPrimitive as _;
use tickbook::Repositories;
use tickbook::domain::book::BookSide;
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::coinbase::{CoinbaseAdvanced, CoinbaseExchange};
use tickbook_feeds::feed::{Record, Records, SymbolDirectory};
use tickbook_feeds::kraken::{Kraken, KrakenV1};
use tickbook_feeds::okx::Okx;
use tickbook_feeds::transport::TransportEvent;
use tickbook_feeds::{FeedEvent, Frame, Protocol, Request};

use crate::case::{Case, Kind, Message, Venue};
use crate::contender::{Reader, Tops};

/// The depth of the books of Kraken's session.
const DEPTH: usize = 1_000;

/// The protocols by their types: only Binance has snapshots over HTTP.
enum Known {
    Binance(BinanceSpot),
    Other(Box<dyn Protocol>),
}

impl Known {
    fn of(case: &Case) -> Self {
        let symbols = case.symbols.clone();
        match case.venue {
            Venue::Binance => Self::Binance(BinanceSpot::new(symbols)),
            Venue::KrakenV1 => Self::Other(Box::new(KrakenV1::new(symbols, DEPTH))),
            Venue::KrakenV2 => Self::Other(Box::new(Kraken::new(symbols, DEPTH))),
            Venue::CoinbaseExchange => Self::Other(Box::new(CoinbaseExchange::new(symbols))),
            Venue::CoinbaseAdvanced => Self::Other(Box::new(CoinbaseAdvanced::new(symbols))),
            Venue::Okx => Self::Other(Box::new(Okx::new(symbols))),
        }
    }

    fn protocol(&mut self) -> &mut dyn Protocol {
        match self {
            Self::Binance(protocol) => protocol,
            Self::Other(protocol) => &mut **protocol,
        }
    }
}

/// A protocol, and the conversion of its events into records of the library.
pub(crate) struct Ours<'c> {
    case: &'c Case,
    known: Known,
    records: Records,
    waiting: VecDeque<Record>,
}

impl<'c> Ours<'c> {
    pub(crate) async fn new(case: &'c Case) -> Result<Self> {
        let symbols = Repositories::in_memory().symbols;
        let names = case.symbols.iter().cloned();
        let directory = SymbolDirectory::open(&*symbols, "peers", names, &[]).await?;
        let is_book = case.kind == Kind::Book;
        // as the venue: quotes of Binance come from its books
        let from_books = is_book && case.venue == Venue::Binance;
        Ok(Self {
            case,
            known: Known::of(case),
            records: Records::new(directory, from_books).with_books(is_book),
            waiting: VecDeque::new(),
        })
    }

    fn receive(&mut self, message: &Message) -> Result<()> {
        let Self {
            known,
            records,
            waiting,
            ..
        } = self;
        let at = message.at;
        waiting.clear();
        known
            .protocol()
            .receive(Frame::new(&message.text, at), &mut |event| {
                records.add(&TransportEvent::Feed(event), at, waiting);
            })?;
        Ok(())
    }

    /// Requests the snapshots as after a subscription, and passes them to the protocol.
    fn bridge(&mut self) -> Result<()> {
        let case = self.case;
        let Known::Binance(protocol) = &mut self.known else {
            return Ok(());
        };
        let mut wanted = Vec::new();
        let mut note = |event: FeedEvent<'_>| {
            if let FeedEvent::Request(Request::FetchSnapshot { symbol }) = event {
                wanted.push(symbol.to_owned());
            }
        };
        let at = case.messages[0].at;
        protocol.receive(Frame::new(r#"{"result":null,"id":1}"#, at), &mut note)?;
        for symbol in wanted {
            let answer = case.answers.get(&symbol);
            let answer = answer.ok_or_else(|| anyhow!("no snapshot of {symbol}"))?;
            let body = Frame::new(&answer.text, answer.at);
            protocol.snapshot(&symbol, body, &mut |_| {})?;
            let book = protocol.book(&symbol).and_then(|book| book.view());
            ensure!(book.is_some(), "the book of {symbol} is not valid");
        }
        Ok(())
    }
}

impl Reader for Ours<'_> {
    fn begin(&mut self) -> Result<()> {
        let case = self.case;
        let opened = TransportEvent::Opened {
            address: "",
            at: case.messages[0].at,
        };
        self.known.protocol().opened();
        self.records
            .add(&opened, case.messages[0].at, &mut self.waiting);
        for message in &case.setup {
            self.receive(message)?;
        }
        if case.kind == Kind::Book {
            self.bridge()?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let case = self.case;
        self.receive(&case.messages[index])
    }

    fn len(&self) -> usize {
        self.case.messages.len()
    }

    fn last(&self) -> (u64, f64) {
        let (mut records, mut sum) = (0, 0.0);
        for record in &self.waiting {
            match record {
                Record::Trade(trade, _) => {
                    records += 1;
                    sum += (trade.price + trade.quantity).to_f64().unwrap_or(f64::NAN);
                }
                Record::Tick(tick, _) if self.case.kind == Kind::Quote => {
                    records += 1;
                    let prices = [tick.bid_price, tick.ask_price];
                    let price = |price: &rust_decimal::Decimal| price.to_f64().unwrap_or(f64::NAN);
                    sum += prices.iter().flatten().map(price).sum::<f64>();
                }
                Record::Book(_) => records += 1,
                _ => {}
            }
        }
        (records, sum)
    }

    fn tops(&self) -> Tops {
        let protocol: &dyn Protocol = match &self.known {
            Known::Binance(protocol) => protocol,
            Known::Other(protocol) => &**protocol,
        };
        let top = |symbol: &String| {
            let view = protocol.book(symbol)?.view()?;
            let best = |side| view.decimals(side).next()?.0.to_f64();
            let best = (best(BookSide::Bid)?, best(BookSide::Ask)?);
            Some((symbol.clone(), best))
        };
        match self.case.kind {
            Kind::Book => self.case.symbols.iter().filter_map(top).collect(),
            _ => BTreeMap::new(),
        }
    }
}
