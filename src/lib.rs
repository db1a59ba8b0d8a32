//! The repository layer of an order-book server: symbols in PostgreSQL, ticks and OHLC candles in
//! TimescaleDB, four traits in between.
//!
//! A server gets [`Repositories`] — or each trait of [`repository`] on its own — injected as
//! `Arc<dyn …>`. [`Repositories::in_memory`] needs no database, `Repositories::connect` uses both.
//!
//! - [`domain`] has the types, and the fold of ticks into candles.
//! - [`repository`] has the traits; their documentation is the contract, and the module
//!   `conformance` (feature `conformance`) the suite that every backend passes.
//! - [`ingest`] brings single ticks of many tasks into batches.
//! - [`ingest::fanout`] gives them to every receiver at its own pace.
//! - [`audit`] compares candles with their ticks.
//! - [`ingest::quality`] looks at them before they are written.
//! - [`retention`] proves that what is dropped and refreshed loses no candle.
//! - [`config`] reads the settings.
//!
//! # Features
//!
//! | feature | what |
//! | --- | --- |
//! | `postgres` (default) | the PostgreSQL and TimescaleDB backends: the modules `db` and `postgres` |
//! | `ingest` (default) | from a feed to a repository: the module `ingest` |
//! | `config` (default) | settings from files and environment: the module `config` |
//! | `bundled-libpq` | compiles libpq from source |
//! | `mock` | `MockSymbolRepository`, `MockTickRepository`, `MockOhlcRepository`, `MockQuarantineRepository` |
//! | `conformance` | the suite for backends, and schemas of their own for tests |
//! | `files` | streaming readers of market-data files |
//! | `serde` | `Serialize` and `Deserialize` of domain types, with decimals as strings: `domain::text` |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod audit;
mod backoff;
mod clock;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "postgres")]
mod database_url;
#[cfg(feature = "postgres")]
pub mod db;
pub mod domain;
mod error;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "ingest")]
pub mod ingest;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod repository;
pub mod retention;
mod wiring;

// for the double, which tests of the library and of its users share
#[cfg(test)]
extern crate self as tickbook;
#[cfg(test)]
#[path = "../tests/support/double.rs"]
mod double;

pub use backoff::{Backoff, Delays};
pub use clock::Clock;
#[cfg(feature = "postgres")]
pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use error::{Database, Entity, ErrorKind, RepositoryError};
#[cfg(feature = "postgres")]
pub use wiring::Connected;
pub use wiring::{Repositories, RepositoriesBuilder};

/// Instants are `DateTime<Utc>` of this crate: a caller that uses it from here has the same version.
pub use chrono;
/// Prices and volumes are `Decimal` of this crate: a caller that uses it from here has the same version.
pub use rust_decimal;

/// Expectations of the mocks take predicates and sequences of this crate: a caller that uses it from here has
/// the same version.
#[cfg(feature = "mock")]
pub use mockall;

/// Compiles what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
