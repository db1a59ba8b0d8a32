//! The clients, which follow one symbol each, or none.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{SYMBOLS, TICKS, instant};

/// Maximum time without anything from the server.
const PATIENCE: Duration = Duration::from_secs(30);

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Connected clients.
pub(crate) struct Clients(Vec<Client>);

/// Everything that the clients got.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Microseconds from the publication of each tick to its client.
    pub(crate) micros: Vec<u32>,
    /// Ticks of which a gap told a client that it missed them.
    pub(crate) missed: u64,
    /// Ticks that clients neither got nor were told of.
    pub(crate) lost: u64,
}

struct Client {
    stream: TcpStream,
    /// Bytes that were read and belong to the next frames.
    buffer: Vec<u8>,
}

impl Clients {
    /// Connects clients that follow nothing.
    pub(crate) async fn connect(address: SocketAddr, count: usize) -> Result<Self> {
        let mut connecting = JoinSet::new();
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            connecting.spawn(Client::connect(address));
            // no more at once than the listener accepts
            if connecting.len() >= 64
                && let Some(client) = connecting.join_next().await
            {
                clients.push(client??);
            }
        }
        while let Some(client) = connecting.join_next().await {
            clients.push(client??);
        }
        Ok(Self(clients))
    }

    /// Lets each client follow one symbol.
    pub(crate) async fn subscribe(&mut self) -> Result<()> {
        for (index, client) in self.0.iter_mut().enumerate() {
            client.subscribe(index % SYMBOLS + 1).await?;
        }
        Ok(())
    }

    /// Reads until each client has all ticks of its symbol or was told that it missed them.
    pub(crate) async fn receive(self) -> Result<Received> {
        let mut reading = JoinSet::new();
        for client in self.0 {
            reading.spawn(client.receive(u64::from(TICKS) / SYMBOLS as u64));
        }
        let mut all = Received::default();
        while let Some(received) = reading.join_next().await {
            let received = received??;
            all.micros.extend(received.micros);
            all.missed += received.missed;
            all.lost += received.lost;
        }
        Ok(all)
    }
}

impl Client {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(HANDSHAKE.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await??);
        }
        ensure!(
            head.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&head)
        );
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    async fn subscribe(&mut self, symbol: usize) -> Result<()> {
        let request = format!(
            r#"{{"op":"subscribe","channel":"ticks","snapshot":false,"symbols":[{symbol}]}}"#
        );
        // masked with 0
        let mut frame = vec![0x81, 0x80 | request.len() as u8, 0, 0, 0, 0];
        frame.extend(request.as_bytes());
        self.stream.write_all(&frame).await?;
        loop {
            let text = self.next().await?.context("the connection was closed")?;
            if is_of(&text, "subscribed") {
                return Ok(());
            }
        }
    }

    async fn receive(mut self, expected: u64) -> Result<Received> {
        let mut received = Received::default();
        while received.micros.len() as u64 + received.missed < expected {
            let Ok(next) = timeout(PATIENCE, self.next()).await else {
                break;
            };
            // a server that closes the connection says why, which is a notice
            let Some(text) = next? else {
                received.missed = expected - received.micros.len() as u64;
                break;
            };
            if is_of(&text, "tick") {
                let sent = field(&text, "\"tick_time\":\"").context("a time")?;
                let sent: DateTime<Utc> = sent.parse()?;
                let micros = (instant() - sent).num_microseconds().unwrap_or(0);
                received
                    .micros
                    .push(u32::try_from(micros).unwrap_or(u32::MAX));
            } else if is_of(&text, "gap") {
                let missed = text.split_once("\"missed\":").context("missed")?.1;
                let digits: String = missed.chars().take_while(char::is_ascii_digit).collect();
                received.missed += digits.parse::<u64>()?;
            }
        }
        let known = received.micros.len() as u64 + received.missed;
        received.lost = expected.saturating_sub(known);
        Ok(received)
    }

    /// The next text; `None` if the server closes the connection.
    async fn next(&mut self) -> Result<Option<String>> {
        loop {
            if let Some((head, length)) = self.frame() {
                let payload: Vec<u8> = self.buffer.drain(..head + length).skip(head).collect();
                return Ok(Some(String::from_utf8(payload)?));
            }
            if self.buffer.first().is_some_and(|first| *first == 0x88) {
                return Ok(None);
            }
            let mut some = [0; 2_048];
            let bytes = self.stream.read(&mut some).await?;
            if bytes == 0 {
                return Ok(None);
            }
            self.buffer.extend_from_slice(&some[..bytes]);
        }
    }

    /// The lengths of the head and the payload of a complete text frame.
    fn frame(&self) -> Option<(usize, usize)> {
        let [0x81, short, rest @ ..] = &self.buffer[..] else {
            return None;
        };
        let (head, length) = match (*short, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (126, _) => return None,
            (short, _) => (2, usize::from(short)),
        };
        (self.buffer.len() >= head + length).then_some((head, length))
    }
}

fn is_of(text: &str, kind: &str) -> bool {
    field(text, "\"type\":\"") == Some(kind)
}

/// The text of a field up to its quotation mark.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    Some(rest.split_once('"')?.0)
}
