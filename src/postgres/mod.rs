//! The repositories over PostgreSQL and TimescaleDB.

mod numeric;

pub use numeric::{NumericError, PgDecimal};
