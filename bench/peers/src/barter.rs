//! The parsers and books of barter-data.

use anyhow::{Result, anyhow};
use barter_data::books::OrderBook;
use barter_data::event::MarketEvent;
use barter_data::exchange::binance::book::l1::BinanceOrderBookL1;
use barter_data::exchange::binance::book::l2::BinanceOrderBookL2Snapshot;
use barter_data::exchange::binance::spot::BinanceSpot;
use barter_data::exchange::binance::spot::l2::{
    BinanceSpotOrderBookL2Update, BinanceSpotOrderBooksL2Transformer,
};
use barter_data::exchange::binance::trade::BinanceTrade;
use barter_data::exchange::coinbase::Coinbase;
use barter_data::exchange::coinbase::trade::CoinbaseTrade;
use barter_data::exchange::kraken::Kraken;
use barter_data::exchange::kraken::trade::KrakenTrades;
use barter_data::exchange::okx::Okx;
use barter_data::exchange::okx::trade::OkxTrades;
use barter_data::subscription::Map;
use barter_data::subscription::book::{OrderBookEvent, OrderBookL1, OrderBooksL1, OrderBooksL2};
use barter_data::subscription::trade::{PublicTrade, PublicTrades};
use barter_data::transformer::ExchangeTransformer;
use barter_data::transformer::stateless::StatelessTransformer;
use barter_instrument::exchange::ExchangeId;
use barter_integration::Transformer;
use barter_integration::subscription::SubscriptionId;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::unbounded_channel;

use crate::case::{Case, Kind, Venue};
use crate::contender::{Contender, Local, Reader, Tops};
use crate::session::data_of;

/// The symbol of an event: its place in the list of symbols.
type Key = usize;

type BinanceTrades = StatelessTransformer<BinanceSpot, Key, PublicTrades, BinanceTrade>;
type BinanceQuotes = StatelessTransformer<BinanceSpot, Key, OrderBooksL1, BinanceOrderBookL1>;
type CoinbaseTrades = StatelessTransformer<Coinbase, Key, PublicTrades, CoinbaseTrade>;
type KrakenTradesReader = StatelessTransformer<Kraken, Key, PublicTrades, KrakenTrades>;
type OkxTradesReader = StatelessTransformer<Okx, Key, PublicTrades, OkxTrades>;
type BinanceBooks = BinanceSpotOrderBooksL2Transformer<Key>;

type Events<T> = Vec<Result<MarketEvent<Key, T>, barter_data::error::DataError>>;

/// The parser of a case; `None` if barter-data has none.
pub(crate) async fn contender<'c>(case: &'c Case) -> Result<Option<Box<dyn Contender + 'c>>> {
    let symbols = |channel: &str| -> Map<Key> {
        let symbols = case.symbols.iter().enumerate();
        symbols
            .map(|(key, symbol)| (SubscriptionId::from(format!("{channel}|{symbol}")), key))
            .collect()
    };
    // answers to the venue are not needed
    let (sender, _) = unbounded_channel();
    Ok(Some(match (case.venue, case.kind) {
        (Venue::Binance, Kind::Book) => {
            let transformer = symbols("@depth@100ms");
            Box::new(Local(Books::new(case, transformer)?))
        }
        (Venue::Binance, Kind::Trade) => {
            let transformer = BinanceTrades::init(symbols("@trade"), &[], sender).await?;
            Box::new(Local(Stateless::new(case, transformer, sum_of_trade)?))
        }
        (Venue::Binance, Kind::Quote) => {
            let transformer = BinanceQuotes::init(symbols("@bookTicker"), &[], sender).await?;
            Box::new(Local(Stateless::new(case, transformer, sum_of_quote)?))
        }
        (Venue::CoinbaseExchange, Kind::Trade) => {
            let transformer = CoinbaseTrades::init(symbols("matches"), &[], sender).await?;
            Box::new(Local(Stateless::new(case, transformer, sum_of_trade)?))
        }
        (Venue::KrakenV1, Kind::Trade) => {
            let transformer = KrakenTradesReader::init(symbols("trade"), &[], sender).await?;
            Box::new(Local(Stateless::new(case, transformer, sum_of_trade)?))
        }
        (Venue::Okx, Kind::Trade) => {
            let transformer = OkxTradesReader::init(symbols("trades"), &[], sender).await?;
            Box::new(Local(Stateless::new(case, transformer, sum_of_trade)?))
        }
        _ => return Ok(None),
    }))
}

fn sum_of_trade(trade: &PublicTrade) -> f64 {
    trade.price + trade.amount
}

fn sum_of_quote(quote: &OrderBookL1) -> f64 {
    let price = |level: &barter_data::books::Level| float(level.price);
    let prices = [&quote.best_bid, &quote.best_ask];
    prices.into_iter().flatten().map(price).sum()
}

fn float(number: Decimal) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}

/// The texts as barter-data receives them: it subscribes to single streams of Binance, not to combined ones.
fn texts(case: &Case) -> Result<Vec<String>> {
    let text = |text: &String| match case.venue {
        Venue::Binance => data_of(text).map(str::to_owned),
        _ => Ok(text.clone()),
    };
    case.messages.iter().map(|it| text(&it.text)).collect()
}

/// Trades and quotes.
struct Stateless<T, K> {
    texts: Vec<String>,
    transformer: T,
    sum: fn(&K) -> f64,
    events: Events<K>,
}

impl<T, K> Stateless<T, K> {
    fn new(case: &Case, transformer: T, sum: fn(&K) -> f64) -> Result<Self> {
        Ok(Self {
            texts: texts(case)?,
            transformer,
            sum,
            events: Vec::new(),
        })
    }
}

impl<T, K> Reader for Stateless<T, K>
where
    T: Transformer<OutputIter = Events<K>>,
    T::Input: DeserializeOwned,
{
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let message = serde_json::from_str(&self.texts[index])?;
        self.events = self.transformer.transform(message);
        Ok(())
    }

    fn len(&self) -> usize {
        self.texts.len()
    }

    fn last(&self) -> (u64, f64) {
        let events = self.events.iter().flatten();
        let sums = events.map(|event| (self.sum)(&event.kind));
        sums.fold((0, 0.0), |(count, all), sum| (count + 1, all + sum))
    }

    fn tops(&self) -> Tops {
        Tops::new()
    }
}

/// Books of Binance spot.
struct Books<'c> {
    case: &'c Case,
    texts: Vec<String>,
    symbols: Map<Key>,
    runtime: tokio::runtime::Runtime,
    transformer: Option<BinanceBooks>,
    books: Vec<OrderBook>,
    events: Events<OrderBookEvent>,
}

impl<'c> Books<'c> {
    fn new(case: &'c Case, symbols: Map<Key>) -> Result<Self> {
        Ok(Self {
            case,
            texts: texts(case)?,
            symbols,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
            transformer: None,
            books: Vec::new(),
            events: Vec::new(),
        })
    }
}

impl Reader for Books<'_> {
    fn begin(&mut self) -> Result<()> {
        let mut snapshots = Vec::new();
        self.books = vec![OrderBook::default(); self.case.symbols.len()];
        for (key, symbol) in self.case.symbols.iter().enumerate() {
            let answer = self.case.answers.get(symbol);
            let answer = answer.ok_or_else(|| anyhow!("no snapshot of {symbol}"))?;
            let snapshot: BinanceOrderBookL2Snapshot = serde_json::from_str(&answer.text)?;
            let snapshot: MarketEvent<Key, OrderBookEvent> =
                (ExchangeId::BinanceSpot, key, snapshot).into();
            self.books[key].update(&snapshot.kind);
            snapshots.push(snapshot);
        }
        let (sender, _) = unbounded_channel();
        let transformer =
            <BinanceBooks as ExchangeTransformer<BinanceSpot, Key, OrderBooksL2>>::init(
                self.symbols.clone(),
                &snapshots,
                sender,
            );
        self.transformer = Some(self.runtime.block_on(transformer)?);
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<()> {
        let message: BinanceSpotOrderBookL2Update = serde_json::from_str(&self.texts[index])?;
        let transformer = self.transformer.as_mut();
        let transformer = transformer.ok_or_else(|| anyhow!("no snapshots"))?;
        self.events = transformer.transform(message);
        for event in self.events.iter().flatten() {
            self.books[event.instrument].update(&event.kind);
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.texts.len()
    }

    fn last(&self) -> (u64, f64) {
        (self.events.iter().flatten().count() as u64, 0.0)
    }

    fn tops(&self) -> Tops {
        let books = self.case.symbols.iter().zip(&self.books);
        let top = |(symbol, book): (&String, &OrderBook)| {
            let (bid, ask) = (book.bids().best()?, book.asks().best()?);
            Some((symbol.clone(), (float(bid.price), float(ask.price))))
        };
        books.filter_map(top).collect()
    }
}
