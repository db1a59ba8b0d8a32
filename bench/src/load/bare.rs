//! A loop that writes to each client what it gets from a broadcast: the least that a server in tokio does.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};

use super::process::Commands;
use super::{RATE, SYMBOLS, TICKS, instant};

/// Messages that wait for a client, as in the server.
const QUEUE: usize = 10_000;

type Frame = Arc<[u8]>;

pub(super) async fn serve() -> Result<()> {
    let channels: Vec<_> = (0..SYMBOLS)
        .map(|_| broadcast::channel::<Frame>(QUEUE).0)
        .collect();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut commands = Commands::start(listener.local_addr()?.port())?;
    let senders = channels.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(client(stream, senders.clone()));
        }
    });
    if !commands.next().await {
        return Ok(());
    }
    let mut timer = interval(Duration::from_secs(1) / RATE);
    timer.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for index in 0..TICKS {
        timer.tick().await;
        let symbol = index as usize % SYMBOLS;
        let text = text(index, symbol + 1);
        // nobody follows the symbol of a missing client
        let _ = channels[symbol].send(frame(&text).into());
    }
    commands.next().await;
    Ok(())
}

/// The text of a tick of the server.
fn text(index: u32, symbol: usize) -> String {
    let time = instant().format("%Y-%m-%dT%H:%M:%S%.6fZ");
    let (seq, number) = (index as usize / SYMBOLS + 2, index + 1);
    format!(
        r#"{{"seq":{seq},"type":"tick","symbol_id":{symbol},"tick_time":"{time}","sequence":0,"bid_price":"1.38676","ask_price":"1.38682","bid_volume":null,"ask_volume":null,"received_at":null,"number":{number}}}"#
    )
}

/// An unmasked text frame.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len() as u16;
    let mut frame = vec![0x81, 126];
    frame.extend(length.to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

async fn client(mut stream: TcpStream, channels: Vec<broadcast::Sender<Frame>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut input = vec![0; 4_096];
    let mut length = 0;
    while !input[..length].ends_with(b"\r\n\r\n") {
        length += stream.read(&mut input[length..]).await?;
    }
    stream
        .write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        .await?;
    // the masked subscription, whose mask is 0; it names one symbol
    let length = stream.read(&mut input).await?;
    let request = String::from_utf8_lossy(&input[..length]);
    let symbols = request.split_once('[').context("symbols")?.1;
    let symbol = symbols.split_once(']').context("symbols")?.0;
    let symbol: usize = symbol.parse()?;
    let mut frames = channels[symbol - 1].subscribe();
    drop(channels);
    stream
        .write_all(&frame(r#"{"seq":1,"type":"subscribed"}"#))
        .await?;
    loop {
        match frames.recv().await {
            Ok(frame) => stream.write_all(&frame).await?,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
