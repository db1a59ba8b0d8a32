//! The state that all handlers share.

use std::fmt;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tickbook::db::DatabasePools;
use tickbook::domain::Trade;
use tickbook::ingest::book::LiveBooks;
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::PipelineMonitor;
use tickbook::ingest::quality::SymbolRules;
use tickbook::{Clock, Repositories};
use tickbook_ledger::LedgerRepositories;
use tokio_util::sync::CancellationToken;

use crate::access::Gate;
pub use crate::answers::HistoryValidators;
use crate::correction_news::CorrectionNews;
use crate::default_basis::DefaultBasis;
use crate::feed::Venues;
use crate::health::Disks;
use crate::http::Http;
use crate::known_symbols::KnownSymbols;
use crate::ledger::Ledger;
use crate::long_work::LongWork;
use crate::oversight::Oversight;
use crate::readiness::Readiness;
use crate::settings::{HealthConfig, ServerConfig, WebSocketConfig};
pub use crate::store_kind::StoreKind;
use crate::websocket::WebSockets;

/// The state that all handlers share. Clones share it, too.
#[derive(Clone)]
pub struct AppState {
    /// Symbols, ticks and candles.
    pub repositories: Repositories,
    /// Accounts, orders, fills and positions.
    pub ledger: Ledger,
    /// Risk events and the audit log.
    pub oversight: Oversight,
    /// A cache of the ids of existing symbols.
    pub known_symbols: Arc<KnownSymbols>,
    /// Chooses the basis of candles.
    pub default_basis: Arc<DefaultBasis>,
    /// The state of the databases at the last probe.
    pub readiness: Readiness,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Where the server stores ticks.
    pub store: StoreKind,
    /// The pools whose connections are counted; `None` without databases.
    pub pools: Option<DatabasePools>,
    /// The pipeline of the feeds; `None` if no tick of a feed is stored.
    pub feed: Option<PipelineMonitor>,
    /// The connections of the feeds that are venues.
    pub venues: Venues,
    /// How far ahead of the clock ticks may be, by symbol.
    pub rules: SymbolRules,
    /// The clock that tick times are compared with.
    pub clock: Clock,
    /// Distributes stored ticks to WebSocket clients and RabbitMQ.
    pub fan_out: FanOut,
    /// Distributes stored trades to WebSocket clients and RabbitMQ.
    pub trade_fan_out: FanOut<Trade>,
    /// The present order books of the feeds.
    pub books: LiveBooks,
    /// Announces corrections of trades to WebSocket clients.
    pub correction_news: CorrectionNews,
    /// The watched disks.
    pub disks: Disks,
    /// What counts as a fault of a feed.
    pub health: HealthConfig,
    /// The clients of `/ws`.
    pub websockets: WebSockets,
    /// Checks who may send requests.
    pub gate: Gate,
    /// The limits of requests and connections.
    pub http: Http,
    /// The threads for requests that take long.
    pub long_work: LongWork,
    /// The validators of pages of closed history.
    pub history: Arc<HistoryValidators>,
}

impl AppState {
    /// The state of a server without databases and without a feed.
    #[must_use]
    pub fn new(
        repositories: Repositories,
        readiness: Readiness,
        metrics: PrometheusHandle,
    ) -> Self {
        let ledger = LedgerRepositories::in_memory();
        let oversight = Oversight::in_memory(Arc::clone(&ledger.accounts));
        Self {
            known_symbols: Arc::new(KnownSymbols::new(Arc::clone(&repositories.symbols))),
            default_basis: Arc::new(DefaultBasis::new(
                Arc::clone(&repositories.ticks),
                Arc::clone(&repositories.trades),
            )),
            repositories,
            ledger: Ledger::new(ledger, StoreKind::Memory, Clock::system()).overseen_by(&oversight),
            oversight,
            readiness,
            metrics,
            store: StoreKind::Memory,
            pools: None,
            feed: None,
            venues: Venues::default(),
            rules: SymbolRules::default(),
            clock: Clock::system(),
            fan_out: FanOut::new(),
            trade_fan_out: FanOut::new(),
            books: LiveBooks::new(),
            correction_news: CorrectionNews::default(),
            disks: Disks::default(),
            health: HealthConfig::default(),
            websockets: WebSockets::new(WebSocketConfig::default(), CancellationToken::new()),
            gate: Gate::open(),
            http: Http::new(ServerConfig::default()),
            long_work: LongWork::beside_other_work(),
            history: Arc::default(),
        }
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState")
            .field("repositories", &self.repositories)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// The text of `/openapi.json`.
#[derive(Debug, Clone)]
pub struct OpenApiText(pub Arc<str>);
