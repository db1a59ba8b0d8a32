//! Tests of policies, audits with repairs, and deleted ticks.

#[path = "../support/mod.rs"]
mod support;

mod audit_bounded;
mod audit_memory;
mod audit_oracle;
mod audit_postgres;
mod audit_rows;
mod audit_state;
mod audit_tampered;
mod audit_ticks_gone;
mod audit_trades;
mod audit_unreadable;
mod policies_apply;
mod policies_beside_drops;
mod policies_books;
mod policies_downsample;
mod policies_floor;
mod policies_retention;
mod policies_trades;
mod policies_writers;
mod ticks_deleted;
mod ticks_deleted_beside;
mod ticks_deleted_beside_inserts;
mod ticks_deleted_parts;
