//! One connection through the proxy: two threads copy bytes, and each checks the rules of its direction
//! before every step.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::accept::State;
use crate::frames::{ClientFrames, ends_ready};
use crate::{Direction, Flow, Loss, PERIOD, lock};

#[derive(Debug)]
pub(crate) struct Connection {
    client: TcpStream,
    server: Option<TcpStream>,
    dead: AtomicBool,
    frozen: AtomicBool,
    /// If set, the next response of the server is discarded, and then the connection is reset.
    swallows_answer: AtomicBool,
}

/// Ends a connection with RST.
pub(crate) fn turn_away(client: TcpStream) {
    // without the option the connection is closed normally
    let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
}

/// Ends a connection with FIN, even if bytes of the client are unread: closing the socket then would send RST
/// instead.
pub(crate) fn close(client: TcpStream) {
    // the connection may already have ended
    let _ = client.shutdown(Shutdown::Write);
}

/// Whether a read timed out.
fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

impl Connection {
    /// Connects to the first reachable address of `servers`; without servers, the connection is never
    /// answered.
    pub(crate) fn open(client: TcpStream, servers: Option<&[SocketAddr]>) -> std::io::Result<Self> {
        // on some systems the socket inherits the mode of the listener
        client.set_nonblocking(false)?;
        let server = match servers {
            Some(servers) => Some(TcpStream::connect(servers)?),
            None => None,
        };
        for stream in [Some(&client), server.as_ref()].into_iter().flatten() {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PERIOD))?;
        }
        Ok(Self {
            client,
            server,
            dead: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            swallows_answer: AtomicBool::new(false),
        })
    }

    fn streams(&self) -> impl Iterator<Item = &TcpStream> {
        [Some(&self.client), self.server.as_ref()]
            .into_iter()
            .flatten()
    }

    /// Marks both sides to be reset as soon as the threads release them.
    pub(crate) fn reset(&self) {
        for stream in self.streams() {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Ends both sides immediately.
    pub(crate) fn cut(&self) {
        self.dead.store(true, Ordering::SeqCst);
        for stream in self.streams() {
            // the connection may already have ended
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }

    fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub(crate) fn start(self: Arc<Self>, state: &Arc<State>, number: u64) {
        if self.server.is_none() {
            thread::spawn(move || {
                while !self.is_dead() {
                    thread::sleep(PERIOD);
                }
            });
            return;
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            let (connection, state) = (Arc::clone(&self), Arc::clone(state));
            let seed = state.seed ^ (number << 1) ^ u64::from(direction == Direction::ToClient);
            thread::spawn(move || {
                let mut carrier = Carrier {
                    connection: &connection,
                    state: &state,
                    direction,
                    number,
                    frames: ClientFrames::default(),
                    on_the_way: VecDeque::new(),
                    passed: 0,
                    random: seed,
                };
                // an error ends the connection, as an end of stream does
                if carrier.carry().is_err() && state.ends_together {
                    connection.cut();
                }
            });
        }
    }
}

struct Carrier<'a> {
    connection: &'a Connection,
    state: &'a State,
    direction: Direction,
    /// The number of the connection.
    number: u64,
    frames: ClientFrames,
    /// Bytes that were read, and when they are due.
    on_the_way: VecDeque<(Instant, Vec<u8>)>,
    passed: u64,
    random: u64,
}

impl Carrier<'_> {
    fn flow(&self) -> Flow {
        let rules = self.state.rules();
        match self.direction {
            Direction::ToServer => rules.to_server,
            Direction::ToClient => rules.to_client,
        }
    }

    /// The streams to read from and to write to.
    fn streams(&self) -> (&TcpStream, &TcpStream) {
        let (client, server) = (&self.connection.client, self.connection.server.as_ref());
        let server = server.expect("started with a server");
        match self.direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }

    fn carry(&mut self) -> std::io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if self.connection.is_dead() {
                return Ok(());
            }
            let is_held = self.connection.is_frozen() && !self.on_the_way.is_empty();
            if self.flow().stalled || is_held {
                thread::sleep(PERIOD);
                continue;
            }
            match self.streams().0.read(&mut buffer) {
                Ok(0) => return self.end(),
                Ok(count) => self.take(&buffer[..count])?,
                Err(error) if is_timeout(&error) => {}
                Err(_) => return self.end(),
            }
            let flow = self.flow();
            if !flow.stalled && !self.connection.is_frozen() {
                self.deliver(flow)?;
            }
        }
    }

    /// After the end of one side: delivers the remaining bytes to the other, and then ends it.
    fn end(&mut self) -> std::io::Result<()> {
        while !self.on_the_way.is_empty() && !self.connection.is_dead() {
            if !self.connection.is_frozen() {
                self.deliver(self.flow())?;
            }
            thread::sleep(PERIOD);
        }
        if !self.connection.is_dead() {
            let how = match self.state.ends_together {
                true => Shutdown::Both,
                false => Shutdown::Write,
            };
            self.streams().1.shutdown(how)?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        // the rules may have changed while it waited for bytes
        let flow = self.flow();
        self.state.observer.see(self.number, self.direction, bytes);
        let bytes = match self.direction {
            Direction::ToServer => {
                if let Some(recorded) = &self.state.recorded {
                    lock(recorded).extend_from_slice(bytes);
                }
                self.without_lost_request(bytes)
            }
            Direction::ToClient => self.without_lost_answer(bytes),
        };
        let jitter = flow.jitter.as_micros() as u64;
        let wait = match jitter {
            0 => flow.delay,
            _ => (flow.delay + Duration::from_micros(self.next_random() % (2 * jitter)))
                .saturating_sub(flow.jitter),
        };
        let last = self.on_the_way.back().map(|(due, _)| *due);
        // bytes are delivered in order
        let due = (Instant::now() + wait).max(last.unwrap_or_else(Instant::now));
        if !bytes.is_empty() {
            self.on_the_way.push_back((due, bytes.to_vec()));
        }
        Ok(())
    }

    fn without_lost_request<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let loss = self.state.rules().loss;
        let message = match loss {
            Some(Loss::Request(message) | Loss::Answer(message)) => Some(message),
            None => None,
        };
        let Some(at) = self.frames.find(bytes, message) else {
            return bytes;
        };
        // another connection may have taken the loss
        if self.state.rules().loss.take().is_none() {
            return bytes;
        }
        if matches!(loss, Some(Loss::Answer(_))) {
            self.connection
                .swallows_answer
                .store(true, Ordering::SeqCst);
            return bytes;
        }
        self.connection.reset();
        &bytes[..at]
    }

    fn without_lost_answer<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if !self.connection.swallows_answer.load(Ordering::SeqCst) {
            return bytes;
        }
        if ends_ready(bytes) {
            self.connection.reset();
        }
        &[]
    }

    /// Writes the bytes that are due.
    fn deliver(&mut self, flow: Flow) -> std::io::Result<()> {
        while let Some((due, _)) = self.on_the_way.front() {
            if *due > Instant::now() || self.connection.is_dead() {
                return Ok(());
            }
            let (_, bytes) = self.on_the_way.pop_front().expect("just seen");
            self.write(&bytes, flow)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], mut flow: Flow) -> std::io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = match (flow.sliced, flow.bytes_per_second) {
                (true, _) => 1,
                // twenty writes a second
                (false, Some(rate)) => (rate as usize / 20).max(1),
                (false, None) => rest.len(),
            };
            let (part, after) = rest.split_at(part.min(rest.len()));
            rest = after;
            let left = match flow.reset_after {
                Some(limit) => limit.saturating_sub(self.passed) as usize,
                None => part.len(),
            };
            let part = &part[..part.len().min(left)];
            if let Some(rate) = flow.bytes_per_second {
                thread::sleep(Duration::from_secs_f64(part.len() as f64 / f64::from(rate)));
                // the limit may have been lifted meanwhile
                flow.bytes_per_second = self.flow().bytes_per_second;
            }
            let mut to = self.streams().1;
            to.write_all(part)?;
            self.passed += part.len() as u64;
            let counted = match self.direction {
                Direction::ToServer => &self.state.bytes_to_server,
                Direction::ToClient => &self.state.bytes_to_client,
            };
            counted.fetch_add(part.len() as u64, Ordering::SeqCst);
            if flow.reset_after.is_some_and(|limit| self.passed >= limit) {
                self.connection.reset();
                return Ok(());
            }
            if self.connection.is_dead() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// xorshift; a seed of zero would remain zero.
    fn next_random(&mut self) -> u64 {
        let mut x = self.random.max(1);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        x
    }
}
