//! The repositories over PostgreSQL and TimescaleDB.

mod numeric;
mod ohlc;
pub(crate) mod schema;
mod stored_time;
mod symbols;
mod ticks;

pub use numeric::{NumericError, PgDecimal};
pub use ohlc::PgOhlcRepository;
pub use symbols::PgSymbolRepository;
pub use ticks::PgTickRepository;
