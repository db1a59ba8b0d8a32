//! Whole servers in memory, in this process, each on its own socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use orderbook_server::args::Args;
use orderbook_server::bootstrap::{FLUSH, Started, start};
use orderbook_server::long_work::LongWork;
use orderbook_server::serve;
use orderbook_server::settings::ServerSettings;
use serde_json::Value;
use tickbook::domain::NewSymbol;
use tickbook::ingest::book::LiveBooks;
use tickbook::{Clock, Repositories};
use tickbook_ledger::repository::UserRepository;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) const SYNC_EVERY: &str = "TICKBOOK__SYMBOLS__SYNC_EVERY";

/// Names of the server in tests.
pub(crate) const HOSTS: (&str, &str) = ("TICKBOOK__ACCESS__HOSTS", "test");

/// The settings of `default.toml` in a folder, with others. Symbols are not synced by default.
pub(crate) fn configured(folder: &Path, settings: &[(&str, &str)]) -> ServerSettings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let settings = [(SYNC_EVERY, "none"), HOSTS]
        .iter()
        .chain(settings)
        .map(owned);
    ServerSettings::load_from(folder, settings).expect("valid settings")
}

/// Waits until a condition is true.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(DEADLINE, waiting).await;
    assert!(waited.is_ok(), "never: {what}");
}

/// A server in memory.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    running: JoinHandle<bool>,
    pub(crate) repositories: Repositories,
    pub(crate) books: LiveBooks,
    pub(crate) users: Arc<dyn UserRepository>,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    /// Starts a server without a feed, with the symbols 1 to `symbols` of the exchange oanda, named S1
    /// and so on.
    pub(crate) async fn with_symbols(settings: &[(&str, &str)], symbols: i64) -> Self {
        let server = Self::start_with(&[], settings).await;
        server.create_symbols(symbols).await;
        server
    }

    /// Starts a server with the symbol 1 and with socket buffers of a few kilobytes.
    pub(crate) async fn with_small_buffers(settings: &[(&str, &str)]) -> Self {
        let config = configured(Path::new(""), settings);
        let server = Self::start_sized(&[], config, Some(4_096)).await;
        server.create_symbols(1).await;
        server
    }

    async fn create_symbols(&self, symbols: i64) {
        for id in 1..=symbols {
            let new = NewSymbol::named("oanda", format!("S{id}"));
            let symbol = self.repositories.symbols.create(new).await;
            assert_eq!(symbol.expect("memory").symbol_id.get(), id);
        }
    }

    pub(crate) async fn start_with(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let config = configured(Path::new(""), settings);
        Self::start_sized(arguments, config, None).await
    }

    /// Replays `quotes` for oanda:EURUSD as fast as they are stored, from the file `name`, which is
    /// written to `folder`. The settings are `default.toml` in `folder` and `settings`.
    pub(crate) async fn replaying(
        folder: &Path,
        (name, quotes): (&str, &str),
        settings: &[(&str, &str)],
    ) -> Self {
        let file = folder.join(name);
        std::fs::write(&file, quotes).expect("written");
        let file = file.to_str().expect("UTF-8");
        let feed = ["--feed", "replay", "--symbol", "oanda:EURUSD"];
        let arguments = [&feed[..], &["--speed", "max", "--replay", file]].concat();
        Self::start_sized(&arguments, configured(folder, settings), None).await
    }

    /// Starts a server with the settings of `default.toml` in `folder`.
    pub(crate) async fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_sized(arguments, configured(folder, &[]), None).await
    }

    /// Starts a server with feeds and the given clock.
    pub(crate) async fn feeding_at(
        arguments: &[&str],
        settings: &[(&str, &str)],
        clock: &Clock,
    ) -> Self {
        let config = configured(Path::new(""), settings);
        Self::start_by(arguments, config, None, clock).await
    }

    /// Starts a server with the symbol 1 and the given clock.
    pub(crate) async fn start_at(settings: &[(&str, &str)], clock: &Clock) -> Self {
        let server = Self::feeding_at(&[], settings, clock).await;
        server.create_symbols(1).await;
        server
    }

    async fn start_sized(
        arguments: &[&str],
        config: ServerSettings,
        send_buffer: Option<usize>,
    ) -> Self {
        Self::start_by(arguments, config, send_buffer, &Clock::system()).await
    }

    async fn start_by(
        arguments: &[&str],
        config: ServerSettings,
        send_buffer: Option<usize>,
        clock: &Clock,
    ) -> Self {
        let fixed = [
            "orderbook-server",
            "--listen",
            "127.0.0.1:0",
            "--store",
            "memory",
        ];
        let args = Args::parse_from(fixed.iter().chain(arguments));
        let stop = CancellationToken::new();
        let long_work = LongWork::start().expect("threads");
        let started = start(&args, &config, &long_work, clock, &stop).await;
        let Started {
            listener,
            app,
            pipeline,
            http,
            sinks,
            repositories,
            books,
            oversight,
        } = started.expect("it starts");
        if let Some(bytes) = send_buffer {
            // accepted connections inherit it from the listener
            let socket = socket2::SockRef::from(&listener);
            socket.set_send_buffer_size(bytes).expect("a small buffer");
        }
        let address = listener.local_addr().expect("bound");
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let served = serve::run(listener, app, http, stopped.cancelled_owned()).await;
            served.expect("the listener works");
            let stored = match pipeline {
                Some(pipeline) => pipeline.stop(FLUSH).await.is_complete(),
                None => true,
            };
            sinks.finish().await;
            stored
        });
        Self {
            address,
            stop,
            running,
            repositories,
            books,
            users: oversight.users,
        }
    }

    /// A GET over a new connection.
    pub(crate) async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.get_text(path).await).expect("JSON")
    }

    pub(crate) async fn get_text(&self, path: &str) -> String {
        let (status, body) = self.request("GET", path, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A GET that may return a problem.
    pub(crate) async fn get_any(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.request("GET", path, "").await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// Stores ticks; returns the receipt.
    pub(crate) async fn post(&self, ticks: &Value) -> Value {
        self.post_to("/api/v1/ticks", ticks).await
    }

    pub(crate) async fn post_to(&self, path: &str, elements: &Value) -> Value {
        let (status, body) = self.request("POST", path, &elements.to_string()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    pub(crate) async fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let chunked = head.contains("transfer-encoding");
        assert!(!chunked, "the body has a length");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }

    /// All items of a listing, page by page.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}&limit={limit}{cursor}")).await;
            let data = page["data"].as_array().expect("a list");
            assert!(data.len() <= limit);
            items.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Waits until the feed has ended and all its ticks are stored.
    pub(crate) async fn feed_ended(&self) -> Value {
        let waiting = async {
            loop {
                let feed = self.get("/health/ready").await["feed"].clone();
                if feed["running"] == false && feed["waiting"] == 0 {
                    return feed;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, waiting).await.expect("the feed ends")
    }

    pub(crate) async fn stop(self) -> bool {
        self.stop.cancel();
        let stopped = timeout(DEADLINE, self.running).await;
        stopped.expect("it stops").expect("no panic")
    }
}

#[tokio::test]
async fn simulated_feed_stops_with_every_tick_stored() {
    let server = Server::start(&["--feed", "simulated", "--seed", "7"]).await;
    let ticks = async {
        loop {
            let latest = server.get("/api/v1/ticks/latest?symbols=1,2,3,4").await;
            if latest["data"].as_array().map(Vec::len) == Some(4) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, ticks)
        .await
        .expect("each symbol is quoted");
    let symbols = server.get("/api/v1/symbols?exchange=simulated").await;
    assert_eq!(
        symbols["data"][3]["instrument"]["instrument_type"],
        "crypto"
    );
    assert!(server.stop().await);
}

#[tokio::test]
async fn started_request_is_answered_during_a_stop() {
    let server = Server::start(&[]).await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let head = "POST /api/v1/ticks HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\
                Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut go_on = [0; 25];
    // the server asks for the body, so the request has begun
    stream.read_exact(&mut go_on).await.expect("an answer");
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    server.stop.cancel();
    let refused = async {
        while TcpStream::connect(server.address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, refused)
        .await
        .expect("no new connection is accepted");
    stream.write_all(b"[]").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(server.stop().await);
}
