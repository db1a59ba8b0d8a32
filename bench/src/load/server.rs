//! The WebSocket of the order-book server, with ticks that are published and not stored.

use std::time::Duration;

use anyhow::Result;
use orderbook_server::app::AppState;
use orderbook_server::http::Http;
use orderbook_server::long_work::LongWork;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::settings::{ServerConfig, WebSocketConfig};
use orderbook_server::websocket::WebSockets;
use orderbook_server::{metrics, serve};
use rust_decimal::Decimal;
use tickbook::Repositories;
use tickbook::domain::{NewSymbol, SymbolId, Tick};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::process::Commands;
use super::{RATE, SYMBOLS, TICKS, instant};

pub(super) async fn serve() -> Result<()> {
    let repositories = Repositories::in_memory();
    for index in 1..=SYMBOLS {
        let symbol = NewSymbol::named("bench", format!("S{index}"));
        repositories.symbols.create(symbol).await?;
    }
    let config = WebSocketConfig {
        max_connections: 100_000,
        max_connections_per_address: 0,
        ..WebSocketConfig::default()
    };
    let server = ServerConfig {
        max_connections: 100_000,
        ..ServerConfig::default()
    };
    let state = AppState {
        websockets: WebSockets::new(config, CancellationToken::new()),
        http: Http::new(server),
        long_work: LongWork::start()?,
        ..AppState::new(
            repositories,
            Readiness::fixed(Vec::new()),
            metrics::install()?,
        )
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut commands = Commands::start(listener.local_addr()?.port())?;
    let (fan_out, http) = (state.fan_out.clone(), state.http.clone());
    tokio::spawn(serve::run(
        listener,
        router(state),
        http,
        std::future::pending(),
    ));
    if !commands.next().await {
        return Ok(());
    }
    let mut timer = interval(Duration::from_secs(1) / RATE);
    timer.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (bid, ask) = (Decimal::new(138_676, 5), Decimal::new(138_682, 5));
    for index in 0..TICKS {
        timer.tick().await;
        let symbol = i64::from(index) % SYMBOLS as i64 + 1;
        let tick = Tick::quote(SymbolId::new(symbol), instant(), bid, ask);
        fan_out.publish(&[tick]).await?;
    }
    commands.next().await;
    Ok(())
}
