//! An example of unit tests of a server with mocks: without a database, with chosen results.
#![cfg(feature = "mock")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use tickbook::domain::{
    Candle, NewSymbol, Page, PriceBasis, Symbol, SymbolId, SymbolReference, Tick, TimeRange,
    Timeframe, Trade,
};
use tickbook::ingest::{PersisterConfig, TickPersister, TradePersister};
use tickbook::repository::{
    CandleQuery, InsertReceipt, MockOhlcRepository, MockQuarantineRepository, MockSymbolRepository,
    MockTickRepository, MockTradeRepository,
};
use tickbook::{Database, Entity, Repositories, RepositoryError};

/// A part of a server with injected repositories.
struct Quotes {
    repositories: Repositories,
}

impl Quotes {
    /// The current difference between ask and bid.
    async fn spread(&self, symbol: &str) -> Result<Option<Decimal>, RepositoryError> {
        let symbol = self.symbol(symbol).await?;
        let newest = self.repositories.ticks.latest(symbol.symbol_id).await?;
        Ok(newest.and_then(|tick| Some(tick.ask_price? - tick.bid_price?)))
    }

    /// The highest bid of the hours that began within the last day before `now`.
    async fn high(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Decimal>, RepositoryError> {
        let symbol_id = self.symbol(symbol).await?.symbol_id;
        let range = TimeRange::new(now - TimeDelta::days(1), now);
        let range = range.map_err(RepositoryError::invalid)?;
        let query = CandleQuery::new(symbol_id, Timeframe::H1, PriceBasis::Bid, range);
        let page = self.repositories.ohlc.candles(&query).await?;
        Ok(page.items.iter().map(|candle| candle.high).max())
    }

    async fn symbol(&self, name: &str) -> Result<Symbol, RepositoryError> {
        let reference: SymbolReference = name.parse().map_err(RepositoryError::invalid)?;
        let symbol = self.repositories.symbols.get_by_name(&reference).await?;
        symbol.ok_or_else(|| RepositoryError::NotFound {
            entity: Entity::Symbol,
            key: name.to_owned(),
        })
    }
}

/// The mocks of a test. A call that the test does not expect fails the test.
#[derive(Default)]
struct Mocks {
    symbols: MockSymbolRepository,
    ticks: MockTickRepository,
    ohlc: MockOhlcRepository,
    quarantine: MockQuarantineRepository<Tick>,
}

impl Mocks {
    fn quotes(self) -> Quotes {
        Quotes {
            repositories: Repositories::builder()
                .symbols(Arc::new(self.symbols))
                .ticks(Arc::new(self.ticks))
                .ohlc(Arc::new(self.ohlc))
                .quarantine(Arc::new(self.quarantine))
                .build(),
        }
    }

    fn know_eurusd(&mut self) {
        self.symbols
            .expect_get_by_name()
            .withf(|reference| reference.name == "EURUSD")
            .times(1)
            .returning(|_| Ok(Some(eurusd())));
    }
}

fn eurusd() -> Symbol {
    NewSymbol::named("oanda", "EURUSD").into_symbol(SymbolId::new(7))
}

fn tick() -> Tick {
    let (bid, ask) = (Decimal::new(138_676, 5), Decimal::new(138_686, 5));
    Tick::quote(SymbolId::new(7), DateTime::UNIX_EPOCH, bid, ask)
}

#[tokio::test]
async fn spread_is_that_of_the_newest_tick() {
    let mut mocks = Mocks::default();
    mocks.know_eurusd();
    mocks
        .ticks
        .expect_latest()
        .withf(|symbol_id| *symbol_id == SymbolId::new(7))
        .times(1)
        .returning(|_| Ok(Some(tick())));
    let spread = mocks.quotes().spread("EURUSD").await.expect("it is known");
    assert_eq!(spread, Some(Decimal::new(10, 5)));
}

#[tokio::test]
async fn unknown_symbol_reads_no_ticks() {
    let mut mocks = Mocks::default();
    mocks.symbols.expect_get_by_name().returning(|_| Ok(None));
    mocks.ticks.expect_latest().never();
    let refused = mocks.quotes().spread("nowhere:EURUSD").await;
    assert!(
        matches!(&refused, Err(RepositoryError::NotFound { key, .. }) if key == "nowhere:EURUSD"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn outage_reaches_the_caller_as_one() {
    let mut mocks = Mocks::default();
    mocks.know_eurusd();
    mocks.ticks.expect_latest().returning(|_| {
        Err(RepositoryError::Unavailable {
            database: Database::Timeseries,
            reason: "connection refused".to_owned(),
        })
    });
    let error = mocks.quotes().spread("EURUSD").await;
    assert!(error.expect_err("the database is down").is_transient());
}

#[tokio::test]
async fn high_is_of_hourly_bids_of_the_day() {
    let mut mocks = Mocks::default();
    mocks.know_eurusd();
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(10);
    mocks
        .ohlc
        .expect_candles()
        .withf(move |query| {
            query.timeframe == Timeframe::H1
                && query.basis == PriceBasis::Bid
                && query.range.end() == now
                && query.range.start() == now - TimeDelta::days(1)
        })
        .times(1)
        .returning(|query| {
            let candle = |high| {
                Candle::new(
                    query.symbol_id,
                    query.timeframe,
                    query.basis,
                    query.range.start(),
                    [Decimal::ONE, high, Decimal::ONE, Decimal::ONE],
                )
                .tick_count(2)
            };
            Ok(Page::new(
                vec![candle(Decimal::ONE), candle(Decimal::TWO)],
                None,
            ))
        });
    let high = mocks.quotes().high("EURUSD", now).await;
    assert_eq!(high.expect("candles are read"), Some(Decimal::TWO));
}

#[tokio::test]
async fn persister_writes_to_a_mock() {
    let mut ticks = MockTickRepository::new();
    ticks
        .expect_insert_batch()
        .withf(|batch| batch == [tick()])
        .times(1)
        .returning(|batch| Ok(InsertReceipt::default().inserted(batch.len() as u64)));
    let persister = TickPersister::start(Arc::new(ticks), PersisterConfig::default());
    persister.push(tick()).await.expect("it is open");
    let report = persister.stop(std::time::Duration::from_secs(5)).await;
    assert_eq!((report.unsaved, report.stats.inserted), (vec![], 1));
}

#[tokio::test]
async fn persister_of_trades_writes_to_a_mock() {
    let trade = Trade::new(
        SymbolId::new(7),
        DateTime::UNIX_EPOCH,
        Decimal::ONE,
        Decimal::TWO,
    );
    let (expected, pushed) = (trade.clone(), trade);
    let mut trades = MockTradeRepository::new();
    trades
        .expect_insert_batch()
        .withf(move |batch| batch == [expected.clone()])
        .times(1)
        .returning(|batch| Ok(InsertReceipt::default().inserted(batch.len() as u64)));
    let persister = TradePersister::start(Arc::new(trades), PersisterConfig::default());
    persister.push(pushed).await.expect("it is open");
    let report = persister.stop(std::time::Duration::from_secs(5)).await;
    assert_eq!((report.unsaved, report.stats.inserted), (vec![], 1));
}

#[tokio::test]
async fn same_service_runs_on_repositories_in_memory() {
    let repositories = Repositories::in_memory();
    let created = repositories
        .symbols
        .create(NewSymbol::named("oanda", "EURUSD"))
        .await
        .expect("the name is free");
    let tick = tick().with_symbol_id(created.symbol_id);
    let receipt = repositories.ticks.insert_batch(&[tick]).await;
    assert_eq!(receipt.expect("it is stored").inserted, 1);
    let quotes = Quotes { repositories };
    let spread = quotes.spread("oanda:EURUSD").await.expect("it is known");
    assert_eq!(spread, Some(Decimal::new(10, 5)));
    let epoch = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
    let high = quotes.high("EURUSD", epoch).await.expect("it is known");
    assert_eq!(high, Some(Decimal::new(138_676, 5)));
}
