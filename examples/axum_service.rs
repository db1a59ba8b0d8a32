//! A web service whose handlers receive injected repositories.
//!
//! `cargo run --example axum_service` serves a single request that the example itself sends, then exits.

use std::error::Error;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use rust_decimal::Decimal;
use tickbook::domain::{NewSymbol, SymbolReference, Tick};
use tickbook::{Clock, Repositories, RepositoryError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Bid and ask of a symbol, such as `GET /quotes/EURUSD`.
async fn quote(
    State(repositories): State<Repositories>,
    Path(name): Path<String>,
) -> Result<String, StatusCode> {
    let reference: SymbolReference = name.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let symbol = repositories.symbols.get_by_name(&reference).await;
    let symbol = symbol.map_err(status)?.ok_or(StatusCode::NOT_FOUND)?;
    let newest = repositories.ticks.latest(symbol.symbol_id).await;
    let tick = newest.map_err(status)?.ok_or(StatusCode::NOT_FOUND)?;
    let price = |price: Option<Decimal>| price.map_or("none".to_owned(), |price| price.to_string());
    Ok(format!(
        "{} {}\n",
        price(tick.bid_price),
        price(tick.ask_price)
    ))
}

fn status(error: RepositoryError) -> StatusCode {
    if error.is_transient() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

fn service(repositories: Repositories) -> Router {
    Router::new()
        .route("/quotes/{symbol}", get(quote))
        .with_state(repositories)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // a server calls `Repositories::connect` here
    let repositories = Repositories::in_memory();
    let symbol = NewSymbol::named("oanda", "EURUSD");
    let symbol = repositories.symbols.create(symbol).await?;
    let (bid, ask) = (Decimal::new(138_676, 5), Decimal::new(138_686, 5));
    let tick = Tick::quote(symbol.symbol_id, Clock::system().now(), bid, ask);
    repositories.ticks.insert_batch(&[tick]).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move { axum::serve(listener, service(repositories)).await });
    let mut client = TcpStream::connect(address).await?;
    client
        .write_all(b"GET /quotes/EURUSD HTTP/1.0\r\n\r\n")
        .await?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await?;
    server.abort();
    println!("{answer}");
    assert!(answer.ends_with("1.38676 1.38686\n"), "{answer}");
    Ok(())
}
