//! Where the server stores records.

use std::fmt;

/// Where the server stores ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreKind {
    /// Symbols in PostgreSQL, ticks in TimescaleDB
    Postgres,
    /// In this process; lost when it ends
    Memory,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Memory => "memory",
        })
    }
}
