//! A REST server over one of the databases, and its clients.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use orderbook_server::app::AppState;
use orderbook_server::readiness::Readiness;
use orderbook_server::router::router;
use orderbook_server::{metrics, serve};
use tickbook::Repositories;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::cpu;
use crate::http::read_answer;

use super::database::{Pair, Size};

pub(super) struct Server {
    size: Size,
    clients: Vec<Mutex<TcpStream>>,
    /// The server processes of the database, as of the last turn.
    processes: Mutex<Vec<i32>>,
}

impl Server {
    /// Starts a server with a pool of `connections`, and as many clients.
    pub(super) async fn start(pair: &Pair, size: Size, connections: u32) -> Result<Self> {
        let pools = pair.pools(size, connections)?;
        let state = AppState::new(
            Repositories::postgres(&pools),
            Readiness::fixed(Vec::new()),
            metrics::install()?,
        );
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address: SocketAddr = listener.local_addr()?;
        let http = state.http.clone();
        tokio::spawn(serve::run(
            listener,
            router(state),
            http,
            std::future::pending(),
        ));
        let mut clients = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            clients.push(Mutex::new(stream));
        }
        Ok(Self {
            size,
            clients,
            processes: Mutex::new(Vec::new()),
        })
    }

    /// Sends the request once from each client at the same time. Returns the milliseconds of CPU that one
    /// request cost the database server.
    pub(super) async fn turn(&self, pair: &Pair, request: &RequestText) -> Result<f64> {
        let mut processes = self.processes.lock().await;
        let before = cpu::of_running(&processes);
        let answers = self
            .clients
            .iter()
            .enumerate()
            .map(|(number, client)| async move {
                let mut client = client.lock().await;
                let text = request(self.size, number);
                client.write_all(text.as_bytes()).await?;
                let mut answer = Vec::new();
                read_answer(&mut client, &mut answer).await?;
                ensure!(answer.starts_with(b"HTTP/1.1 200"), "{text}");
                anyhow::Ok(())
            });
        futures_util::future::try_join_all(answers).await?;
        // a request may open connections, whose processes had no CPU time before
        let now = pair.processes(self.size)?;
        ensure!(
            !now.is_empty(),
            "no server process is found: the database server must run on this machine"
        );
        let known = now.iter().filter(|pid| processes.contains(pid));
        let known: Vec<_> = known.copied().collect();
        ensure!(known.len() == processes.len(), "a connection was closed");
        let after = cpu::of_running(&now);
        *processes = now;
        Ok((after - before) / self.clients.len() as f64)
    }
}

/// A request as text, which depends on the database and the number of the client.
pub(super) type RequestText = Box<dyn Fn(Size, usize) -> String + Send + Sync>;
