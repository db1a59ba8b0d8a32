//! The order-book server: it stores the ticks of feeds and serves them over REST, on top of the repositories
//! of `tickbook`.
//!
//! [`router::router`] builds all routes from an [`app::AppState`] with injected repositories, which may be
//! mocks. [`serve::run`] serves a router on a listener until it is asked to stop. [`bootstrap::start`] sets up
//! everything that the arguments and settings ask for.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod access;
mod answers;
pub mod app;
pub mod args;
pub mod bootstrap;
mod buffer;
mod correction_news;
pub mod cursor;
mod default_basis;
pub mod feed;
pub mod handlers;
pub mod health;
pub mod http;
mod known_symbols;
pub mod ledger;
pub mod long_work;
pub mod maintenance;
pub mod metrics;
mod openapi;
pub mod oversight;
mod page;
mod params;
mod posted;
mod posted_events;
mod posted_rows;
pub mod problem;
mod publish;
pub mod rabbitmq;
mod read_body;
pub mod readiness;
pub mod router;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod sinks;
mod slow_start;
mod store_kind;
pub mod symbol_sync;
pub mod tls;
pub mod websocket;
pub mod wire;

pub use correction_news::CorrectionNews;
pub use known_symbols::KnownSymbols;
