//! Addresses to listen on, and the servers of URLs.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};

use socket2::{Domain, Socket, Type};

pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

pub(crate) fn listen_anywhere(ip: IpAddr) -> (TcpListener, SocketAddr) {
    anywhere(ip, listen)
}

/// Binds a socket that reserves an address and does not listen.
pub(crate) fn reserve_anywhere(ip: IpAddr) -> (Socket, SocketAddr) {
    anywhere(ip, |address| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        Ok(socket)
    })
}

/// Chooses a port below the ephemeral ports, so that no outgoing connection takes it while the proxy does not
/// listen.
fn anywhere<T>(ip: IpAddr, bind: impl Fn(SocketAddr) -> io::Result<T>) -> (T, SocketAddr) {
    for attempt in 0..100_u8 {
        let [low, high, ..] = RandomState::new().hash_one(attempt).to_be_bytes();
        let port = 15_000 + u16::from_be_bytes([low, high]) % 16_000;
        let address = SocketAddr::from((ip, port));
        if let Ok(bound) = bind(address) {
            return (bound, address);
        }
    }
    panic!("no port from 15000 to 31000 is free");
}

/// The addresses of the server in a URL.
pub(crate) fn servers_of(url: &str) -> Vec<SocketAddr> {
    let (start, end) = server_in(url);
    let server = &url[start..end];
    let found = match server.contains(':') {
        true => server.to_socket_addrs(),
        false => (server, 5432).to_socket_addrs(),
    };
    found.expect("a server and its port").collect()
}

pub(crate) fn with_server(url: &str, server: &str) -> String {
    let (start, end) = server_in(url);
    format!("{}{server}{}", &url[..start], &url[end..])
}

/// The position of host and port in a URL.
fn server_in(url: &str) -> (usize, usize) {
    let start = url.find("://").expect("a URL") + 3;
    let end = url[start..]
        .find(['/', '?'])
        .map_or(url.len(), |at| start + at);
    let credentials = url[start..end].rfind('@');
    (credentials.map_or(start, |at| start + at + 1), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_urls_are_found_and_replaced() {
        for (url, server, replaced) in [
            (
                "postgresql://user:password@127.0.0.1:5433/name?sslmode=disable",
                "127.0.0.1:5433",
                "postgresql://user:password@127.0.0.1:9/name?sslmode=disable",
            ),
            (
                "postgres://127.0.0.1/name",
                "127.0.0.1:5432",
                "postgres://127.0.0.1:9/name",
            ),
            (
                "amqp://u:p@[::1]:5672",
                "[::1]:5672",
                "amqp://u:p@127.0.0.1:9",
            ),
        ] {
            let server: SocketAddr = server.parse().expect("an address");
            assert_eq!(servers_of(url), [server], "{url}");
            assert_eq!(with_server(url, "127.0.0.1:9"), replaced);
        }
    }
}
