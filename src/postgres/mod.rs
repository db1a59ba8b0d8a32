//! The repositories over PostgreSQL and TimescaleDB.

pub(crate) mod schema;
