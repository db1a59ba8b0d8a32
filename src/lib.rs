//! The repository layer of an order-book server. Its traits give access to symbols in PostgreSQL and to ticks
//! and OHLC candles in TimescaleDB.
//!
//! A server receives [`Repositories`], or single traits of [`repository`], as `Arc<dyn …>`.
//! [`Repositories::in_memory`] needs no database; `Repositories::connect` uses both databases.
//!
//! - [`domain`] has the types and the fold of ticks into candles.
//! - [`repository`] has the traits. Their documentation is the contract, and the module `conformance`
//!   (feature `conformance`) is the test suite that every backend passes.
//! - [`ingest`] collects single ticks from many tasks into batches.
//! - [`ingest::fanout`] distributes ticks to receivers, each at its own pace.
//! - [`audit`] compares candles with their ticks.
//! - [`ingest::quality`] checks ticks against data-quality rules before they are stored.
//! - [`retention`] validates that dropping and refreshing data loses no candle.
//! - [`config`] reads the settings.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `postgres` (default) | the PostgreSQL and TimescaleDB backends: the modules `db` and `postgres` |
//! | `ingest` (default) | the path from a feed to a repository: the module `ingest` |
//! | `config` (default) | settings from files and environment: the module `config` |
//! | `bundled-libpq` | libpq, compiled from source |
//! | `mock` | a mock of each repository trait, such as `MockTickRepository` |
//! | `conformance` | the conformance suite for backends, and scratch schemas for tests |
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
#[cfg(any(feature = "ingest", feature = "postgres"))]
pub mod metrics;
#[cfg(feature = "postgres")]
pub mod postgres;
mod repositories;
pub mod repository;
pub mod retention;

// the test double names the library `tickbook`, because tests of other packages include the same file
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
pub use repositories::Connected;
pub use repositories::{Repositories, RepositoriesBuilder};

/// Instants are `DateTime<Utc>` of this crate. Using this re-export guarantees the same version.
pub use chrono;
/// Prices and volumes are `Decimal` of this crate. Using this re-export guarantees the same version.
pub use rust_decimal;

/// Expectations of the mocks take predicates and sequences of this crate. Using this re-export guarantees the
/// same version.
#[cfg(feature = "mock")]
pub use mockall;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

/// Compiles the examples of the guide.
#[cfg(all(doctest, feature = "config", feature = "mock", feature = "conformance"))]
#[doc = include_str!("../docs/library-guide.md")]
struct GuideExamples;
