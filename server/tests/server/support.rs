//! Helpers of the tests: routers with mocks, requests, and sample data.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{DateTime, Utc};
use orderbook_server::app::{AppState, StoreKind};
use orderbook_server::ledger::Ledger;
use orderbook_server::metrics;
use orderbook_server::oversight::Oversight;
use orderbook_server::readiness::{DatabaseState, Readiness};
use orderbook_server::router::router;
use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::domain::{NewSymbol, Symbol, SymbolId, Tick};
use tickbook::ingest::book::LiveBooks;
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::{
    MockOhlcRepository, MockQuarantineRepository, MockSymbolRepository, MockTickRepository,
};
use tickbook::{Clock, Database, Repositories, RepositoryError};
use tickbook_ledger::LedgerRepositories;
use tower::ServiceExt as _;

/// A text that no response may contain.
pub(crate) const SECRET: &str = "S3cretPw";

/// Mock repositories that expect no call by default.
#[derive(Default)]
pub(crate) struct Mocks {
    pub(crate) symbols: MockSymbolRepository,
    pub(crate) ticks: MockTickRepository,
    pub(crate) ohlc: MockOhlcRepository,
    pub(crate) quarantine: MockQuarantineRepository<Tick>,
}

impl Mocks {
    /// Symbols 1 to 3 exist.
    pub(crate) fn with_symbols() -> Self {
        let mut mocks = Self::default();
        mocks.symbols.expect_get().returning(|id| {
            let exists = (1..=3).contains(&id.get());
            Ok(exists.then(|| symbol(id.get())))
        });
        mocks.symbols.expect_get_many().returning(|ids| {
            let exist = ids.iter().filter(|id| (1..=3).contains(&id.get()));
            Ok(exist.map(|id| symbol(id.get())).collect())
        });
        mocks
    }

    pub(crate) fn app(self) -> Router {
        self.app_with(Vec::new())
    }

    pub(crate) fn app_with(self, databases: Vec<DatabaseState>) -> Router {
        app(
            Repositories::builder()
                .symbols(Arc::new(self.symbols))
                .ticks(Arc::new(self.ticks))
                .ohlc(Arc::new(self.ohlc))
                .quarantine(Arc::new(self.quarantine))
                .build(),
            databases,
        )
    }
}

pub(crate) fn app(repositories: Repositories, databases: Vec<DatabaseState>) -> Router {
    router(state(repositories, databases))
}

/// A router with the given rules and time.
pub(crate) fn app_at(repositories: Repositories, rules: SymbolRules, now: DateTime<Utc>) -> Router {
    router(AppState {
        rules,
        clock: Clock::standing_at(now),
        ..state(repositories, Vec::new())
    })
}

/// A router with the given live books.
pub(crate) fn app_with_books(repositories: Repositories, books: LiveBooks) -> Router {
    router(AppState {
        books,
        ..state(repositories, Vec::new())
    })
}

/// A router with the given ledger.
pub(crate) fn app_with_ledger(repositories: Repositories, ledger: LedgerRepositories) -> Router {
    let oversight = Oversight::in_memory(Arc::clone(&ledger.accounts));
    router(AppState {
        ledger: Ledger::new(ledger, StoreKind::Memory, Clock::system()).overseen_by(&oversight),
        oversight,
        ..state(repositories, Vec::new())
    })
}

fn state(repositories: Repositories, databases: Vec<DatabaseState>) -> AppState {
    let handle = metrics::install().expect("no other recorder");
    AppState::new(repositories, Readiness::fixed(databases), handle)
}

/// Repositories in memory with the symbols 1 to 3.
pub(crate) async fn with_symbols() -> Repositories {
    with_symbols_by(&Clock::system()).await
}

/// Like [`with_symbols`], with the time of `clock`.
pub(crate) async fn with_symbols_by(clock: &Clock) -> Repositories {
    let repositories = Repositories::in_memory_by(clock);
    for id in 1..=3 {
        let new = NewSymbol::named("oanda", format!("S{id}"));
        let symbol = repositories.symbols.create(new).await.expect("created");
        assert_eq!(symbol.symbol_id.get(), id);
    }
    repositories
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        let value = self.headers.get(name).expect("the header");
        value.to_str().expect("a text")
    }

    /// Returns the detail of a problem with `status`.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        assert!(!self.text.contains(SECRET), "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            let text = problem[member].as_str().expect(member);
            assert!(!text.is_empty(), "{member}");
        }
        problem["detail"].as_str().expect("a text").to_owned()
    }
}

pub(crate) async fn get(app: &Router, path: &str) -> Answer {
    send(
        app,
        Request::get(path).body(Body::empty()).expect("a request"),
    )
    .await
}

pub(crate) async fn post(app: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .expect("a request");
    send(app, request).await
}

pub(crate) async fn patch(app: &Router, path: &str, body: &Value) -> Answer {
    let request = Request::patch(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    send(app, request).await
}

pub(crate) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).expect("UTF-8"),
    }
}

pub(crate) fn symbol(id: i64) -> Symbol {
    NewSymbol::named("oanda", format!("S{id}")).into_symbol(SymbolId::new(id))
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub(crate) fn tick(id: i64, tick_time: &str, bid: &str, ask: &str) -> Tick {
    Tick::quote(SymbolId::new(id), time(tick_time), dec(bid), dec(ask))
        .with_volumes(Decimal::ZERO, Decimal::ZERO)
}

/// One of each repository error that maps to a 503, each with a secret.
pub(crate) fn database_errors() -> Vec<RepositoryError> {
    let database = Database::Timeseries;
    let reason = || format!("SELECT 1 by user:{SECRET}");
    let operation = "test";
    let source = || reason().into();
    vec![
        RepositoryError::Unavailable {
            database,
            reason: reason(),
        },
        RepositoryError::Timeout {
            database,
            operation,
            begun: true,
        },
        RepositoryError::Ambiguous {
            database,
            operation,
            source: source(),
        },
        RepositoryError::Conflict {
            database,
            operation,
            source: source(),
        },
        RepositoryError::Schema {
            database,
            reason: reason(),
        },
        RepositoryError::Configuration {
            database,
            reason: reason(),
        },
        RepositoryError::Tls {
            database,
            reason: reason(),
        },
    ]
}

/// One of each repository error that maps to a 500, each with a secret.
pub(crate) fn internal_errors() -> Vec<RepositoryError> {
    let reason = || format!("SELECT 1 by user:{SECRET}");
    vec![
        RepositoryError::Data {
            entity: tickbook::Entity::Tick,
            key: "1".to_owned(),
            // contains the stored value, and no text of a server
            reason: "bid_price: it is NaN: expected a number".to_owned(),
        },
        RepositoryError::Backend {
            database: Database::Timeseries,
            operation: "test",
            source: reason().into(),
        },
        RepositoryError::Internal {
            operation: "test",
            reason: reason(),
        },
    ]
}
