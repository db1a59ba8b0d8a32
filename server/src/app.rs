//! What handlers share.

use std::fmt;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tickbook::db::DatabasePools;
use tickbook::ingest::fanout::FanOut;
use tickbook::ingest::feed::PipelineMonitor;
use tickbook::ingest::quality::SymbolRules;
use tickbook::{Clock, Repositories};
use tokio_util::sync::CancellationToken;

use crate::http::Http;
use crate::known_symbols::KnownSymbols;
use crate::long_work::LongWork;
use crate::readiness::Readiness;
use crate::settings::{ServerConfig, WebSocketConfig};
use crate::websocket::WebSockets;

/// Where ticks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Store {
    /// Symbols in PostgreSQL, ticks in TimescaleDB
    Postgres,
    /// In this process, gone when it ends
    Memory,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Memory => "memory",
        })
    }
}

/// What handlers share. Cloning shares it.
#[derive(Clone)]
pub struct AppState {
    /// Symbols, ticks and candles.
    pub repositories: Repositories,
    /// Which symbols exist.
    pub known_symbols: Arc<KnownSymbols>,
    /// What the databases were like when they were asked last.
    pub readiness: Readiness,
    /// The counters.
    pub metrics: PrometheusHandle,
    /// Where ticks are kept.
    pub store: Store,
    /// The connections that are counted, where there are databases.
    pub pools: Option<DatabasePools>,
    /// The feeds, where ticks of them are stored.
    pub feed: Option<PipelineMonitor>,
    /// Which times to come are refused, by symbol.
    pub rules: SymbolRules,
    /// What these are compared with.
    pub clock: Clock,
    /// Where ticks go besides the store.
    pub fan_out: FanOut,
    /// The clients of `/ws`.
    pub websockets: WebSockets,
    /// What requests may take.
    pub http: Http,
    /// Where work is done that takes long.
    pub long_work: LongWork,
}

impl AppState {
    /// The state of a server without databases and without a feed.
    #[must_use]
    pub fn new(
        repositories: Repositories,
        readiness: Readiness,
        metrics: PrometheusHandle,
    ) -> Self {
        Self {
            known_symbols: Arc::new(KnownSymbols::new(Arc::clone(&repositories.symbols))),
            repositories,
            readiness,
            metrics,
            store: Store::Memory,
            pools: None,
            feed: None,
            rules: SymbolRules::default(),
            clock: Clock::system(),
            fan_out: FanOut::new(),
            websockets: WebSockets::new(WebSocketConfig::default(), CancellationToken::new()),
            http: Http::new(ServerConfig::default()),
            long_work: LongWork::beside_other_work(),
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
