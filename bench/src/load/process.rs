//! The process of a server, and the commands that it gets.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Kind;

/// A server in a process of its own, which ends when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts this program as a server.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let mut program = Command::new(std::env::current_exe()?);
        program.args(["load-server", kind.name()]);
        Self::run(program, |line| {
            Some(SocketAddr::from(([127, 0, 0, 1], line.parse().ok()?)))
        })
    }

    /// Starts the order-book server that lies beside this program.
    pub(crate) fn start_server() -> Result<Self> {
        let own = std::env::current_exe()?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let mut program = Command::new(folder.join("orderbook-server"));
        program
            .args(["--store", "memory", "--listen", "127.0.0.1:0"])
            .env("TICKBOOK__SERVER__MAX_CONNECTIONS", "20000")
            .env("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS", "15000")
            .env("TICKBOOK__WEBSOCKET__MAX_CONNECTIONS_PER_ADDRESS", "0");
        let started = Self::run(program, |line| {
            line.strip_prefix("listening on http://")?.parse().ok()
        });
        started.context(
            "the order-book server: build it with `cargo build --release -p orderbook-server`",
        )
    }

    fn run(mut program: Command, address: impl Fn(&str) -> Option<SocketAddr>) -> Result<Self> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn()?;
        let output = child.stdout.take().context("piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = address(line.trim()).context("no address: it has ended")?;
        Ok(Self { child, address })
    }

    /// Lets the server publish its ticks.
    pub(crate) fn publish(&mut self) -> Result<()> {
        let input = self.child.stdin.as_mut().context("piped")?;
        Ok(input.write_all(b"publish\n")?)
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.context("VmRSS")?.trim().trim_end_matches(" kB");
        Ok(kib.parse::<u64>()? * 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The commands on standard input.
pub(super) struct Commands(UnboundedReceiver<()>);

impl Commands {
    /// Prints the port, and reads commands in a thread.
    pub(super) fn start(port: u16) -> Result<Self> {
        println!("{port}");
        let (sender, receiver) = unbounded_channel();
        std::thread::Builder::new().spawn(move || {
            for _ in std::io::stdin().lines().map_while(Result::ok) {
                let _ = sender.send(());
            }
        })?;
        Ok(Self(receiver))
    }

    /// Waits for the next command; `false` at the end of the input.
    pub(super) async fn next(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}
