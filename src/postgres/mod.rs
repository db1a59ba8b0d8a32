//! The repositories over PostgreSQL and TimescaleDB.

mod audit_refresh;
mod numeric;
mod ohlc;
mod quarantine;
pub(crate) mod schema;
mod stored_time;
mod symbols;
mod ticks;

pub use audit_refresh::PgCandleRefresh;
pub use numeric::{NumericError, PgDecimal};
pub use ohlc::{PgMaterializedCandles, PgOhlcRepository};
pub use quarantine::PgQuarantineRepository;
pub use symbols::PgSymbolRepository;
pub use ticks::PgTickRepository;
