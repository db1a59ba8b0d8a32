//! A way to a database that can be closed, and on which open connections can be frozen.

// each test file uses what it needs
#![allow(dead_code)]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) struct Way {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    open: AtomicBool,
    connections: Mutex<Vec<Connection>>,
}

struct Connection {
    frozen: Arc<AtomicBool>,
    ends: [TcpStream; 2],
}

impl Way {
    /// An open way to the server of `url`.
    pub(crate) fn to(url: &str) -> Self {
        let server = server_of(url);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            open: AtomicBool::new(true),
            connections: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        // the thread ends with the process
        thread::spawn(move || {
            for client in listener.incoming() {
                // a client that has gone again is no reason to stop
                let _ = client.and_then(|client| shared.pass(client, &server));
            }
        });
        Self { address, state }
    }

    /// `url`, leading over this way.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(&server_of(url), &self.address.to_string(), 1)
    }

    /// Cuts all connections and every new one.
    pub(crate) fn close(&self) {
        self.state.open.store(false, Ordering::SeqCst);
        self.cut();
    }

    pub(crate) fn open(&self) {
        self.state.open.store(true, Ordering::SeqCst);
    }

    /// Cuts all connections, while new ones get through.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().expect("no panic").drain(..) {
            for end in connection.ends {
                // it may have ended by itself
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    /// Passes nothing more on the connections that are open, while new ones get through.
    pub(crate) fn freeze(&self) {
        for connection in self.state.connections.lock().expect("no panic").iter() {
            connection.frozen.store(true, Ordering::SeqCst);
        }
    }

    /// Lets frozen connections go on.
    pub(crate) fn thaw(&self) {
        for connection in self.state.connections.lock().expect("no panic").iter() {
            connection.frozen.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Way {
    /// Threads that wait on a frozen connection would keep the runtime of a failed test from ending.
    fn drop(&mut self) {
        self.state.open.store(false, Ordering::SeqCst);
        if let Ok(mut connections) = self.state.connections.lock() {
            for connection in connections.drain(..) {
                connection.frozen.store(false, Ordering::SeqCst);
                for end in connection.ends {
                    // it may have ended by itself
                    let _ = end.shutdown(Shutdown::Both);
                }
            }
        }
    }
}

impl State {
    fn pass(&self, client: TcpStream, server: &str) -> io::Result<()> {
        let mut connections = self.connections.lock().expect("no panic");
        // asked under the lock, so that no connection slips through while the way is closed
        if !self.open.load(Ordering::SeqCst) {
            return Ok(());
        }
        let server = TcpStream::connect(server)?;
        let frozen = Arc::new(AtomicBool::new(false));
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            let frozen = Arc::clone(&frozen);
            thread::spawn(move || copy(from, to, &frozen));
        }
        let ends = [client, server];
        connections.push(Connection { frozen, ends });
        Ok(())
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, frozen: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while frozen.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn server_of(url: &str) -> String {
    let (_, rest) = url.split_once('@').expect("credentials");
    rest.split('/').next().expect("a server").to_owned()
}
