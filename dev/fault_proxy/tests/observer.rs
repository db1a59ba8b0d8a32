//! The observer sees the bytes of both directions before they arrive.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fault_proxy::{Direction, FaultProxy};

type Seen = BTreeMap<(u64, Direction), Vec<u8>>;

#[test]
fn bytes_of_each_connection_are_observed() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let seen = Arc::new(Mutex::new(Seen::new()));
    let shared = Arc::clone(&seen);
    let proxy = FaultProxy::builder(server.local_addr().expect("bound"))
        .observed_by(move |connection, direction, bytes| {
            let mut seen = shared.lock().expect("no panic");
            let of = seen.entry((connection, direction)).or_default();
            of.extend_from_slice(bytes);
        })
        .start();
    let mut expected = Seen::new();
    for (number, word) in [(1, b"one"), (2, b"two")] {
        let mut client = TcpStream::connect(proxy.address()).expect("it listens");
        let (mut connection, _) = server.accept().expect("passed on");
        let mut read = [0; 3];
        client.write_all(word).expect("sent");
        connection.read_exact(&mut read).expect("received");
        connection.write_all(b"yes").expect("sent");
        client.read_exact(&mut read).expect("received");
        expected.insert((number, Direction::ToServer), word.to_vec());
        expected.insert((number, Direction::ToClient), b"yes".to_vec());
        assert_eq!(*seen.lock().expect("no panic"), expected);
    }
}
