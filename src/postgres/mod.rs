//! The repositories over PostgreSQL and TimescaleDB.

mod numeric;
pub(crate) mod schema;
mod ticks;

pub use numeric::{NumericError, PgDecimal};
pub use ticks::PgTickRepository;
