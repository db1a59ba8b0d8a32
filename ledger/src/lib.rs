//! The trading ledger: accounts, orders, fills and positions.
//!
//! The ledger records what happened to orders. It sends no orders.
//!
//! - [`domain`] has the types, and [`AccountLedger`](domain::AccountLedger), the fold of order events into orders,
//!   fills and positions. It uses no database, clock or runtime.
//! - [`repository`] has the traits. Their documentation is the contract, and the module `conformance` (feature
//!   `conformance`) is the test suite that every backend passes.
//! - [`memory`] has the repositories in memory, and the module `postgres` (feature `postgres`) those in PostgreSQL.
//!
//! A program receives [`LedgerRepositories`], or single traits, as `Arc<dyn …>`.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `conformance` | the conformance suite for backends |
//! | `postgres` | the repositories in PostgreSQL |
//! | `serde` | `Serialize` and `Deserialize` of events, with decimals as strings |
//! | `relay` | the copying of booked events to the time-series database: the module `relay` |
//! | `statement` | fills in CSV statements of brokers: the module `statement` |
//! | `vault` | the encryption of credentials of brokers: the module `vault` |
//! | `mock` | a mock of each repository trait, such as `MockLedgerRepository` |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod audit;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod domain;
mod key_source;
pub mod memory;
mod oversight_repositories;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "relay")]
pub mod relay;
mod repositories;
pub mod repository;
pub mod risk;
#[cfg(feature = "statement")]
pub mod statement;
#[cfg(feature = "vault")]
pub mod vault;

pub use key_source::{InvalidKeySource, KeySource, KeySourceError};
pub use oversight_repositories::OversightRepositories;
pub use repositories::{LedgerRepositories, RelayRepositories};

/// Instants are `DateTime<Utc>` of this crate. Using this re-export guarantees the same version.
pub use tickbook::chrono;
/// Prices and quantities are `Decimal` of this crate. Using this re-export guarantees the same version.
pub use tickbook::rust_decimal;

/// Expectations of the mocks take predicates and sequences of this crate. Using this re-export guarantees the
/// same version.
#[cfg(feature = "mock")]
pub use mockall;

/// Compiles the examples of the page on the ledger.
#[cfg(doctest)]
#[doc = include_str!("../../docs/ledger.md")]
struct LedgerExamples;
