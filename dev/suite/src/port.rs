use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports that systems give to no outgoing connection, and that `dev/databases` does not choose.
const PORTS: std::ops::Range<u16> = 10_000..15_000;

/// Places of the range that were taken in this process, from a random one on.
static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port of loopback on which nothing listens: for a program that must be given its port, or for an
/// address that refuses connections.
///
/// The operating system chooses port 0 from the range of outgoing connections, so that a connection of
/// another test may have the port before the program binds it. This function chooses outside of that range,
/// and never the same port twice in a process.
///
/// # Panics
/// When all ports of the range are in use.
#[must_use]
pub fn free_port() -> u16 {
    static FIRST: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    let first = *FIRST.get_or_init(|| fastrand::u16(0..PORTS.end - PORTS.start));
    for _ in PORTS {
        let place = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + place % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port in {PORTS:?}")
}
