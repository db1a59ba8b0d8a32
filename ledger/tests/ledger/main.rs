//! The fold of order events against the results of other programs, golden tables and properties; the repositories.

mod digests;
mod golden;
mod json;
mod memory;
mod mocks;
mod odd_events;
mod oracles;
mod order_states;
mod oversight;
mod performance;
mod position_values;
mod positions;
mod postgres;
mod properties;
mod refusals;
mod relay;
mod relay_databases;
mod risk_rules;
mod roles;
mod samples;
mod scripts;
mod statements;
mod strategies;
mod validation;
mod views;
mod views_market_data;
mod views_oversight;
mod views_read_only;
mod views_setup;

#[path = "../../../tests/support/scratch_database.rs"]
mod scratch_database;
