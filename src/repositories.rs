//! Constructs the repositories of a server. Only this file connects backends with traits.

use std::sync::Arc;

use crate::Clock;
#[cfg(feature = "postgres")]
use crate::db::{DatabaseConfig, DatabasePools};
use crate::domain::{Tick, Trade};
#[cfg(feature = "postgres")]
use crate::error::{Database, RepositoryError};
use crate::memory::{
    InMemoryFeedRepository, InMemoryOhlcRepository, InMemoryOrderBookRepository,
    InMemoryQuarantineRepository, InMemorySymbolRepository, InMemoryTickRepository,
    InMemoryTradeRepository,
};
#[cfg(feature = "postgres")]
use crate::postgres::{
    PgFeedRepository, PgOhlcRepository, PgOrderBookRepository, PgQuarantineRepository,
    PgSymbolRepository, PgTickRepository, PgTradeRepository,
};
#[cfg(feature = "postgres")]
use crate::postgres::{pending_metadata_migrations, pending_timeseries_migrations};
use crate::repository::{
    FeedRepository, InstrumentRepository, OhlcRepository, OrderBookRepository,
    QuarantineRepository, SymbolRepository, TickRepository, TradeRepository,
};

/// The repositories that are injected into a server.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tickbook::RepositoryError> {
/// use tickbook::Repositories;
/// use tickbook::domain::NewSymbol;
///
/// // `Repositories::connect` has the same type and needs both databases
/// let repositories = Repositories::in_memory();
/// let symbol = repositories.symbols.create(NewSymbol::named("oanda", "EURUSD")).await?;
/// assert_eq!(repositories.ticks.latest(symbol.symbol_id).await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Repositories {
    /// Symbols and instruments.
    pub symbols: Arc<dyn SymbolRepository>,
    /// Syncs of these symbols with the lists of feeds, and versions of instruments.
    pub instruments: Arc<dyn InstrumentRepository>,
    /// Ticks.
    pub ticks: Arc<dyn TickRepository>,
    /// Trades.
    pub trades: Arc<dyn TradeRepository>,
    /// Order books.
    pub books: Arc<dyn OrderBookRepository>,
    /// Candles.
    pub ohlc: Arc<dyn OhlcRepository>,
    /// Ticks in quarantine.
    pub quarantine: Arc<dyn QuarantineRepository<Tick>>,
    /// Trades in quarantine.
    pub trade_quarantine: Arc<dyn QuarantineRepository<Trade>>,
    /// Gaps and messages of feeds.
    pub feeds: Arc<dyn FeedRepository>,
}

impl Repositories {
    /// Creates empty repositories in memory. Their candles are computed from their own ticks and
    /// trades.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_by(&Clock::system())
    }

    /// Like [`in_memory`](Self::in_memory), with the time of `clock`.
    #[must_use]
    pub fn in_memory_by(clock: &Clock) -> Self {
        let ticks = InMemoryTickRepository::by(clock.clone());
        let trades = InMemoryTradeRepository::by(clock.clone());
        let ohlc = InMemoryOhlcRepository::by(ticks.clone(), clock.clone());
        let symbols = Arc::new(InMemorySymbolRepository::by(clock.clone()));
        Self {
            symbols: symbols.clone(),
            instruments: symbols,
            ticks: Arc::new(ticks),
            trades: Arc::new(trades.clone()),
            books: Arc::new(InMemoryOrderBookRepository::new()),
            ohlc: Arc::new(ohlc.with_trades(trades)),
            quarantine: Arc::new(InMemoryQuarantineRepository::new()),
            trade_quarantine: Arc::new(InMemoryQuarantineRepository::new()),
            feeds: Arc::new(InMemoryFeedRepository::new()),
        }
    }

    /// Builds a set of chosen repositories, for unit tests with mocks and for custom backends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tickbook::Repositories;
    /// use tickbook::memory::InMemoryTickRepository;
    ///
    /// let ticks = Arc::new(InMemoryTickRepository::new());
    /// let repositories = Repositories::builder().ticks(ticks).build();
    /// ```
    #[must_use]
    pub fn builder() -> RepositoriesBuilder {
        RepositoriesBuilder {
            repositories: Self::in_memory(),
        }
    }

    /// Creates the repositories of PostgreSQL and TimescaleDB over `pools`, with the default settings. They
    /// connect at their first use.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(pools: &DatabasePools) -> Self {
        let symbols = Arc::new(PgSymbolRepository::new(pools.metadata()));
        Self {
            symbols: symbols.clone(),
            instruments: symbols,
            ticks: Arc::new(ticks_of(pools)),
            trades: Arc::new(trades_of(pools)),
            books: Arc::new(books_of(pools)),
            ohlc: Arc::new(
                PgOhlcRepository::new(pools.timeseries()).with_reads(pools.timeseries_reads()),
            ),
            quarantine: Arc::new(PgQuarantineRepository::new(pools.timeseries())),
            trade_quarantine: Arc::new(PgQuarantineRepository::new(pools.timeseries())),
            feeds: Arc::new(PgFeedRepository::new(pools.timeseries())),
        }
    }

    /// Connects to PostgreSQL and TimescaleDB, and checks that both databases respond and have all
    /// migrations. A replica is not checked: while it is unavailable, reads fail and writes succeed.
    ///
    /// A database that does not respond is tried again with increasing delays, within the call timeout.
    /// [`postgres`](Self::postgres) does not wait for the databases.
    ///
    /// # Errors
    /// `Unavailable`, `Configuration` or `Tls` if a database does not respond, rejects the connection, or
    /// cannot be verified; `Schema` if migrations are pending.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use tickbook::db::DatabaseConfig;
    /// use tickbook::{Connected, Repositories};
    ///
    /// # async fn start(config: &DatabaseConfig) -> Result<(), tickbook::RepositoryError> {
    /// let Connected { repositories, pools, .. } = Repositories::connect(config).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "postgres")]
    pub async fn connect(config: &DatabaseConfig) -> Result<Connected, RepositoryError> {
        let pools = DatabasePools::new(config);
        let (metadata, timeseries) = (pools.metadata(), pools.timeseries());
        let (metadata, timeseries) = tokio::join!(
            metadata.executor().wait_until_reached(),
            timeseries.executor().wait_until_reached()
        );
        // report the metadata database first, so that the error is deterministic
        metadata?;
        timeseries?;
        require_metadata(&pools).await?;
        let pending = pending_timeseries_migrations(&pools.timeseries()).await?;
        require_none(Database::Timeseries, &pending)?;
        let ticks = ticks_of(&pools).with_synchronous_commit(config.synchronous_commit);
        let trades = trades_of(&pools).with_synchronous_commit(config.synchronous_commit);
        let books = books_of(&pools).with_synchronous_commit(config.synchronous_commit);
        let repositories = Self {
            ticks: Arc::new(ticks),
            trades: Arc::new(trades),
            books: Arc::new(books),
            ..Self::postgres(&pools)
        };
        Ok(Connected {
            repositories,
            pools,
        })
    }

    /// Connects to the symbols of PostgreSQL alone, independently of the time-series database.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect) for the metadata database.
    #[cfg(feature = "postgres")]
    pub async fn connect_symbols(
        config: &DatabaseConfig,
    ) -> Result<Arc<dyn SymbolRepository>, RepositoryError> {
        Ok(Arc::new(metadata_of(config).await?))
    }

    /// Connects to the same symbols as [`connect_symbols`](Self::connect_symbols), for syncs.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect) for the metadata database.
    #[cfg(feature = "postgres")]
    pub async fn connect_instruments(
        config: &DatabaseConfig,
    ) -> Result<Arc<dyn InstrumentRepository>, RepositoryError> {
        Ok(Arc::new(metadata_of(config).await?))
    }
}

/// The result of [`Repositories::connect`].
#[cfg(feature = "postgres")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Connected {
    /// The repositories over the pools.
    pub repositories: Repositories,
    /// The pools, for health checks and migrations.
    pub pools: DatabasePools,
}

/// Builder of [`Repositories`], created by [`Repositories::builder`]. A repository that is not chosen is
/// empty, in memory and independent of the others.
#[derive(Debug, Clone)]
pub struct RepositoriesBuilder {
    repositories: Repositories,
}

impl RepositoriesBuilder {
    /// Symbols and instruments.
    #[must_use]
    pub fn symbols(mut self, symbols: Arc<dyn SymbolRepository>) -> Self {
        self.repositories.symbols = symbols;
        self
    }

    /// Syncs of the symbols with the lists of feeds. Choose the repository of the symbols.
    #[must_use]
    pub fn instruments(mut self, instruments: Arc<dyn InstrumentRepository>) -> Self {
        self.repositories.instruments = instruments;
        self
    }

    /// Ticks.
    #[must_use]
    pub fn ticks(mut self, ticks: Arc<dyn TickRepository>) -> Self {
        self.repositories.ticks = ticks;
        self
    }

    /// Trades.
    #[must_use]
    pub fn trades(mut self, trades: Arc<dyn TradeRepository>) -> Self {
        self.repositories.trades = trades;
        self
    }

    /// Order books.
    #[must_use]
    pub fn books(mut self, books: Arc<dyn OrderBookRepository>) -> Self {
        self.repositories.books = books;
        self
    }

    /// Candles.
    #[must_use]
    pub fn ohlc(mut self, ohlc: Arc<dyn OhlcRepository>) -> Self {
        self.repositories.ohlc = ohlc;
        self
    }

    /// Ticks in quarantine.
    #[must_use]
    pub fn quarantine(mut self, quarantine: Arc<dyn QuarantineRepository<Tick>>) -> Self {
        self.repositories.quarantine = quarantine;
        self
    }

    /// Trades in quarantine.
    #[must_use]
    pub fn trade_quarantine(mut self, quarantine: Arc<dyn QuarantineRepository<Trade>>) -> Self {
        self.repositories.trade_quarantine = quarantine;
        self
    }

    /// Gaps and messages of feeds.
    #[must_use]
    pub fn feeds(mut self, feeds: Arc<dyn FeedRepository>) -> Self {
        self.repositories.feeds = feeds;
        self
    }

    /// The repositories.
    #[must_use]
    pub fn build(self) -> Repositories {
        self.repositories
    }
}

#[cfg(feature = "postgres")]
fn ticks_of(pools: &DatabasePools) -> PgTickRepository {
    PgTickRepository::new(pools.timeseries()).with_reads(pools.timeseries_reads())
}

#[cfg(feature = "postgres")]
fn trades_of(pools: &DatabasePools) -> PgTradeRepository {
    PgTradeRepository::new(pools.timeseries()).with_reads(pools.timeseries_reads())
}

#[cfg(feature = "postgres")]
fn books_of(pools: &DatabasePools) -> PgOrderBookRepository {
    PgOrderBookRepository::new(pools.timeseries()).with_reads(pools.timeseries_reads())
}

#[cfg(feature = "postgres")]
async fn metadata_of(config: &DatabaseConfig) -> Result<PgSymbolRepository, RepositoryError> {
    let pools = DatabasePools::new(config);
    pools.metadata().executor().wait_until_reached().await?;
    require_metadata(&pools).await?;
    Ok(PgSymbolRepository::new(pools.metadata()))
}

#[cfg(feature = "postgres")]
async fn require_metadata(pools: &DatabasePools) -> Result<(), RepositoryError> {
    let pending = pending_metadata_migrations(&pools.metadata()).await?;
    require_none(Database::Metadata, &pending)
}

#[cfg(feature = "postgres")]
fn require_none(database: Database, pending: &[String]) -> Result<(), RepositoryError> {
    if pending.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "{} migrations are pending, the first is {}: run `tickbook migrate`",
        pending.len(),
        pending[0]
    );
    Err(RepositoryError::Schema { database, reason })
}
