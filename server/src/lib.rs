//! The order-book server: feeds in, REST out, over the repositories of `tickbook`.
//!
//! [`router::router`] makes all routes of an [`app::AppState`] with repositories injected, which may
//! be mocks; [`server::run`] serves a router on a listener until it is told to stop;
//! [`start::start`] puts together what the arguments ask for.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod app;
pub mod args;
mod body;
pub mod cursor;
pub mod feed;
pub mod handlers;
pub mod http;
mod known_symbols;
pub mod long_work;
pub mod maintenance;
pub mod metrics;
mod params;
mod posted;
pub mod problem;
mod publish;
pub mod rabbitmq;
pub mod readiness;
pub mod receivers;
pub mod router;
pub mod server;
pub mod settings;
pub mod shutdown;
mod slow_start;
pub mod start;
pub mod websocket;
pub mod wire;

pub use known_symbols::KnownSymbols;
