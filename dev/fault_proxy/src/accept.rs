//! Accepts clients according to the rules.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread;

use socket2::Socket;

use crate::address::listen;
use crate::connection::{Connection, close, turn_away};
use crate::observer::Observer;
use crate::rules::{AcceptMode, Rules};
use crate::{PERIOD, lock};

/// State shared by the threads of a proxy.
#[derive(Debug)]
pub(crate) struct State {
    /// The addresses of the server, tried in order.
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) rules: Mutex<Rules>,
    pub(crate) connections: Mutex<Vec<Weak<Connection>>>,
    pub(crate) accepted: AtomicU64,
    pub(crate) bytes_to_server: AtomicU64,
    pub(crate) bytes_to_client: AtomicU64,
    /// Bytes sent by clients, if they are recorded.
    pub(crate) recorded: Option<Mutex<Vec<u8>>>,
    pub(crate) observer: Observer,
    pub(crate) ends_together: bool,
    pub(crate) seed: u64,
}

/// The state of the proxy's address.
#[derive(Debug)]
pub(crate) enum Door {
    Listening(TcpListener),
    /// Not listening. The socket, if any, keeps the address reserved.
    Closed(
        #[expect(dead_code, reason = "it reserves the address until it is dropped")] Option<Socket>,
    ),
}

impl State {
    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    pub(crate) fn accept(self: &Arc<Self>, mut door: Door, address: SocketAddr) {
        loop {
            let (mode, closed) = {
                let rules = self.rules();
                (rules.mode, rules.closed)
            };
            if closed {
                return;
            }
            match (mode, &door) {
                (AcceptMode::Refuse, Door::Listening(_)) => door = Door::Closed(None),
                (AcceptMode::Refuse, Door::Closed(_)) | (_, Door::Listening(_)) => {}
                (_, Door::Closed(_)) => {
                    // release the address first
                    door = Door::Closed(None);
                    if let Ok(listener) = listen(address) {
                        door = Door::Listening(listener);
                    }
                }
            }
            let accepted = match &door {
                Door::Listening(listener) => Some(listener.accept()),
                Door::Closed(_) => None,
            };
            match accepted {
                Some(Ok((client, _))) => self.admit(client),
                Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => return,
                _ => thread::sleep(PERIOD),
            }
        }
    }

    fn admit(self: &Arc<Self>, client: TcpStream) {
        // the mode may have changed while the client waited
        let mode = self.rules().mode;
        let number = self.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let connection = match mode {
            AcceptMode::Refuse | AcceptMode::Reset => return turn_away(client),
            AcceptMode::Close => return close(client),
            AcceptMode::Pass => Connection::open(client, Some(&self.servers)),
            AcceptMode::Silent => Connection::open(client, None),
        };
        // if the server refuses, the client sees the end of its connection
        let Ok(connection) = connection else { return };
        let connection = Arc::new(connection);
        let mut connections = lock(&self.connections);
        // checked under the lock, so that no new connection escapes when all are ended
        match self.rules().mode {
            AcceptMode::Refuse | AcceptMode::Reset => return connection.reset(),
            AcceptMode::Close => return connection.cut(),
            AcceptMode::Pass | AcceptMode::Silent => {}
        }
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
        connection.start(self, number);
    }
}
