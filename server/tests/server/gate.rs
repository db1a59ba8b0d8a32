//! A way to a database that can be cut.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to a server until it is closed, and again when it is opened.
pub(crate) struct Gate {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    open: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Gate {
    /// An open gate to the server of `url`, and the URL that leads through it.
    pub(crate) fn before(url: &str) -> (Self, String) {
        let (credentials, rest) = url.split_once('@').expect("a user");
        let (server, path) = rest.split_once('/').expect("a database");
        let gate = Self::to(server);
        let through_gate = format!("{credentials}@{}/{path}", gate.address());
        (gate, through_gate)
    }

    /// An open gate to `server`, such as `127.0.0.1:5433`.
    fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            open: AtomicBool::new(true),
            streams: Mutex::default(),
        });
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        // the thread ends with the process
        thread::spawn(move || {
            for client in listener.incoming() {
                // a client that has gone again is no reason to stop
                let _ = client.and_then(|client| shared.pass(client, &server));
            }
        });
        Self { address, state }
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts all connections and every new one.
    pub(crate) fn close(&self) {
        self.state.open.store(false, Ordering::SeqCst);
        for stream in self.state.streams.lock().expect("no panic").drain(..) {
            // it may have ended by itself
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn open(&self) {
        self.state.open.store(true, Ordering::SeqCst);
    }
}

impl State {
    fn pass(&self, client: TcpStream, server: &str) -> io::Result<()> {
        let mut streams = self.streams.lock().expect("no panic");
        // asked under the lock, so that no connection slips through while the gate is closed
        if !self.open.load(Ordering::SeqCst) {
            return Ok(());
        }
        let server = TcpStream::connect(server)?;
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        streams.extend([client, server]);
        Ok(())
    }
}
