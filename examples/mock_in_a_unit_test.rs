//! A unit test of a part of a server without a database: the test chooses each response.
//!
//! Run it with `cargo run --example mock_in_a_unit_test --features mock`. In your own project the feature
//! belongs in `[dev-dependencies]`, and `main` is a `#[tokio::test]`.

use std::error::Error;
use std::sync::Arc;

use chrono::DateTime;
use rust_decimal::Decimal;
use tickbook::domain::{SymbolId, Tick};
use tickbook::repository::{MockTickRepository, TickRepository};
use tickbook::{Database, RepositoryError};

const SYMBOL: SymbolId = SymbolId::new(7);

/// The code under test: returns ask minus bid of the newest tick if it has both sides.
async fn spread(ticks: Arc<dyn TickRepository>) -> Result<Option<Decimal>, RepositoryError> {
    let newest = ticks.latest(SYMBOL).await?;
    Ok(newest.and_then(|tick| Some(tick.ask_price? - tick.bid_price?)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut ticks = MockTickRepository::new();
    ticks
        .expect_latest()
        .withf(|symbol_id| *symbol_id == SYMBOL)
        .times(1)
        .returning(|symbol_id| {
            let (bid, ask) = (Decimal::new(138_676, 5), Decimal::new(138_686, 5));
            Ok(Some(Tick::quote(symbol_id, DateTime::UNIX_EPOCH, bid, ask)))
        });
    assert_eq!(spread(Arc::new(ticks)).await?, Some(Decimal::new(10, 5)));

    let mut down = MockTickRepository::new();
    down.expect_latest().returning(|_| {
        Err(RepositoryError::Timeout {
            database: Database::Timeseries,
            operation: "latest",
            begun: true,
        })
    });
    let error = spread(Arc::new(down)).await.err().ok_or("it is down")?;
    assert!(error.is_transient());
    println!("the mocks were called as expected");
    Ok(())
}
