//! The commands, one file for each.

pub(crate) mod aggregates;
pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod credentials;
pub(crate) mod delete;
pub(crate) mod exchanges;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod generate;
pub(crate) mod import_candles;
pub(crate) mod import_rows;
pub(crate) mod import_symbols;
pub(crate) mod ledger;
pub(crate) mod maintain;
pub(crate) mod migrate;
pub(crate) mod policies;
pub(crate) mod quarantine;
pub(crate) mod risk;
pub(crate) mod seed;
pub(crate) mod spool;
pub(crate) mod status;
pub(crate) mod symbols;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod verify;
