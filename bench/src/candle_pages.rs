//! Pages of 500 candles: their history, and the server that answers with them.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use orderbook_server::http::Http;
use orderbook_server::serve;
use tickbook::domain::{NewSymbol, PriceBasis, SymbolId, Timeframe};
use tickbook::repository::CandleQuery;
use tickbook::{Repositories, db, postgres};
use tokio::net::TcpListener;

use crate::history::History;
use crate::server::Place;

/// The stored ticks.
pub(crate) const HISTORY: History = History {
    symbols: 4,
    days: 3,
    ticks_per_minute: 2,
};

/// Number of candles of a page.
pub(crate) const CANDLES: i64 = 500;

/// Databases with the history, and their repositories.
pub(crate) struct Stored {
    pub(crate) pools: db::DatabasePools,
    pub(crate) repositories: Repositories,
    /// Removes the databases when it is dropped.
    _place: Place,
}

impl Stored {
    pub(crate) async fn prepare() -> Result<Self> {
        let mut place = Place::migrated().await?;
        let mut config = place.config();
        config.pool.size = 16;
        let pools = db::DatabasePools::new(&config);
        postgres::migrate_metadata(&pools.metadata()).await?;
        postgres::apply_aggregates(&pools.timeseries()).await?;
        HISTORY.fill(&mut place)?;
        let repositories = Repositories::postgres(&pools);
        for symbol in 1..=HISTORY.symbols {
            let symbol = NewSymbol::named("bench", format!("S{symbol}"));
            repositories.symbols.create(symbol).await?;
        }
        Ok(Self {
            pools,
            repositories,
            _place: place,
        })
    }
}

/// Serves a router on a free port.
pub(crate) async fn listen(router: Router, http: Http) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve::run(listener, router, http, std::future::pending()));
    Ok(address)
}

/// The query of the page whose first candle is that of the minute `first` of the history.
pub(crate) fn query(symbol: i64, first: i64) -> Result<CandleQuery> {
    let range = HISTORY.minutes(first, CANDLES)?;
    let symbol = SymbolId::new(symbol);
    Ok(CandleQuery::new(
        symbol,
        Timeframe::M1,
        PriceBasis::Mid,
        range,
    ))
}

/// The path of the same page.
pub(crate) fn path(symbol: i64, first: i64) -> Result<String> {
    let range = HISTORY.minutes(first, CANDLES)?;
    let time = |time: chrono::DateTime<chrono::Utc>| time.format("%FT%TZ").to_string();
    let (from, to) = (time(range.start()), time(range.end()));
    Ok(format!(
        "/api/v1/ohlc/{symbol}?timeframe=1m&basis=mid&from={from}&to={to}"
    ))
}

/// A request for a path, with further lines of its head.
pub(crate) fn request(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{fields}\r\n")
}
