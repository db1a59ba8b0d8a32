//! tickbook
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod config;
mod database_url;
#[cfg(feature = "postgres")]
pub mod db;
pub mod domain;
mod error;
pub mod ingest;
pub mod memory;
pub mod repository;
mod wiring;

pub use database_url::{DatabaseUrl, InvalidDatabaseUrl};
pub use error::{Database, Entity, RepositoryError};
pub use wiring::Repositories;
