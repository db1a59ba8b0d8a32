//! Tests of the proxy in front of an echo server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fault_proxy::{AcceptMode, FaultProxy, Flow, Loss, Message};
use socket2::{Domain, Socket, Type};

const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than the proxy needs to pass anything.
const SHORT: Duration = Duration::from_millis(100);

fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut from, mut to) = (&client, &client);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    address
}

fn client(proxy: &FaultProxy) -> TcpStream {
    let client = TcpStream::connect(proxy.address()).expect("the proxy listens");
    client.set_nodelay(true).expect("set");
    client.set_read_timeout(Some(PATIENCE)).expect("set");
    client
}

fn say(mut client: &TcpStream, text: &str) -> std::io::Result<String> {
    client.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).expect("what was sent"))
}

/// The result of a read that waits at most [`SHORT`].
fn read_some(mut client: &TcpStream) -> std::io::Result<usize> {
    client.set_read_timeout(Some(SHORT)).expect("set");
    let received = client.read(&mut [0; 16]);
    client.set_read_timeout(Some(PATIENCE)).expect("set");
    received
}

fn is_silent(client: &TcpStream) -> bool {
    matches!(read_some(client), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Whether the connection has ended with FIN.
fn has_ended(mut client: &TcpStream) -> bool {
    matches!(client.read(&mut [0; 16]), Ok(0))
}

/// Whether the connection has ended with RST.
fn is_reset(mut client: &TcpStream) -> bool {
    let error = client.read(&mut [0; 16]).err();
    error.is_some_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never came true");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn proxy_passes_both_ways_and_counts() {
    let proxy = FaultProxy::to(echo());
    let first = client(&proxy);
    assert_eq!(say(&first, "tick").expect("passed"), "tick");
    assert_eq!((proxy.accepted(), proxy.connections()), (1, 1));
    let second = client(&proxy);
    assert_eq!(say(&second, "candle").expect("passed"), "candle");
    assert_eq!((proxy.accepted(), proxy.connections()), (2, 2));
    // the client may have the bytes before they are counted
    eventually(|| (proxy.bytes_to_server(), proxy.bytes_to_client()) == (10, 10));
    drop(first);
    eventually(|| proxy.connections() == 1);
    assert_eq!(proxy.recorded(), b"");
}

#[test]
fn proxy_records_messages_of_clients() {
    let proxy = FaultProxy::builder(echo()).recording().start();
    say(&client(&proxy), "tick").expect("passed");
    say(&client(&proxy), "candle").expect("passed");
    assert_eq!(proxy.recorded(), b"tickcandle");
}

#[test]
fn proxy_stands_in_for_the_server_of_a_url() {
    let url = format!("postgresql://user:password@{}/name", echo());
    let proxy = FaultProxy::builder_of_url(&url).start();
    let through = format!("postgresql://user:password@{}/name", proxy.address());
    assert_eq!(proxy.url(&url), through);
    assert_eq!(say(&client(&proxy), "tick").expect("passed"), "tick");
}

#[test]
fn proxy_listens_on_its_port_again() {
    let proxy = FaultProxy::to(echo());
    proxy.refuse();
    eventually(|| TcpStream::connect(proxy.address()).is_err());
    proxy.open();
    eventually(|| TcpStream::connect(proxy.address()).is_ok());
    assert_eq!(say(&client(&proxy), "tick").expect("passed"), "tick");
}

#[test]
fn proxy_of_a_server_that_is_down_ends_connections() {
    let down = FaultProxy::refusing();
    let proxy = FaultProxy::to(down.address());
    let client = client(&proxy);
    assert!(has_ended(&client));
}

#[test]
fn refusing_port_is_taken_and_refuses() {
    let proxy = FaultProxy::refusing();
    let error = TcpStream::connect(proxy.address()).expect_err("no listener");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let error = TcpListener::bind(proxy.address()).expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn silent_server_accepts_and_never_answers() {
    let silent = FaultProxy::silent();
    let first = client(&silent);
    (&first).write_all(b"tick").expect("accepted");
    assert!(is_silent(&first));
    let proxy = FaultProxy::to(echo());
    proxy.set_accept_mode(AcceptMode::Silent);
    let second = client(&proxy);
    (&second).write_all(b"tick").expect("accepted");
    assert!(is_silent(&second));
    assert_eq!(proxy.bytes_to_server(), 0);
    proxy.open();
    assert_eq!(say(&client(&proxy), "tick").expect("passed"), "tick");
}

#[test]
fn reset_ends_connections_with_an_error() {
    let proxy = FaultProxy::to(echo());
    let existing = client(&proxy);
    say(&existing, "tick").expect("passed");
    proxy.reset_all();
    assert!(is_reset(&existing));
    say(&client(&proxy), "tick").expect("new connections work");
    proxy.set_accept_mode(AcceptMode::Reset);
    let error = say(&client(&proxy), "tick").expect_err("reset");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
}

#[test]
fn cut_ends_connections_without_a_reset() {
    let proxy = FaultProxy::to(echo());
    let existing = client(&proxy);
    say(&existing, "tick").expect("passed");
    proxy.cut_all();
    assert!(has_ended(&existing));
    let existing = client(&proxy);
    say(&existing, "tick").expect("new connections work");
    proxy.close();
    assert!(has_ended(&existing));
    for _ in 0..20 {
        let refused = client(&proxy);
        // unread bytes would turn the end of the connection into a reset
        (&refused).write_all(b"tick").expect("accepted");
        assert!(has_ended(&refused));
    }
    proxy.open();
    assert_eq!(say(&client(&proxy), "tick").expect("passed"), "tick");
}

/// A server with a full queue that accepts no connections until the test does.
fn full_server() -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("a free port");
    socket.listen(0).expect("listening");
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("bound");
    // the system retains queued connections even if the client has ended
    while TcpStream::connect_timeout(&address, SHORT).is_ok() {}
    listener
}

#[test]
fn connection_under_way_at_a_cut_is_ended() {
    let server = full_server();
    let proxy = FaultProxy::to(server.local_addr().expect("bound"));
    let client = client(&proxy);
    eventually(|| proxy.accepted() == 1);
    proxy.close();
    // keeps all connections, so that only the proxy ends them
    thread::spawn(move || server.incoming().flatten().collect::<Vec<_>>());
    assert!(has_ended(&client));
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn frozen_connections_hold_bytes_back() {
    let proxy = FaultProxy::to(echo());
    let frozen = client(&proxy);
    say(&frozen, "first").expect("passed");
    proxy.freeze();
    (&frozen).write_all(b"tick").expect("the kernel takes it");
    assert!(is_silent(&frozen));
    say(&client(&proxy), "other").expect("new connections work");
    proxy.thaw();
    let mut answer = [0; 4];
    (&frozen).read_exact(&mut answer).expect("passed");
    assert_eq!(&answer, b"tick");
}

#[test]
fn frozen_connections_can_be_cut() {
    let proxy = FaultProxy::to(echo());
    let frozen = client(&proxy);
    say(&frozen, "first").expect("passed");
    proxy.freeze();
    (&frozen).write_all(b"tick").expect("the kernel takes it");
    assert!(is_silent(&frozen));
    proxy.cut_all();
    assert!(has_ended(&frozen));
}

#[test]
fn stalled_direction_holds_bytes_back() {
    let proxy = FaultProxy::to(echo());
    let client = client(&proxy);
    say(&client, "first").expect("passed");
    proxy.set_flow_to_client(Flow {
        stalled: true,
        ..Flow::default()
    });
    (&client)
        .write_all(b"tick")
        .expect("the other direction is open");
    assert!(is_silent(&client));
    eventually(|| proxy.bytes_to_server() == 9);
    proxy.set_flow_to_client(Flow::default());
    let mut answer = [0; 4];
    (&client).read_exact(&mut answer).expect("passed");
    assert_eq!(&answer, b"tick");
}

/// A server that sends back what it received when its client has ended, and one connection to it.
fn answers_at_the_end(ends_together: bool) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut builder = FaultProxy::builder(listener.local_addr().expect("bound"));
    if ends_together {
        builder = builder.ends_together();
    }
    let proxy = builder.start();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("the proxy");
        let mut received = Vec::new();
        client.read_to_end(&mut received).expect("until its end");
        // an end of both directions would have to arrive first
        thread::sleep(SHORT);
        let _ = client.write_all(&received);
    });
    let client = client(&proxy);
    (&client).write_all(b"tick").expect("passed");
    client.shutdown(Shutdown::Write).expect("half of it");
    let mut answer = String::new();
    (&client).read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn half_of_a_connection_outlives_the_other() {
    assert_eq!(answers_at_the_end(false).expect("an answer"), "tick");
}

#[test]
fn directions_that_end_together_leave_no_half() {
    let answer = answers_at_the_end(true);
    assert!(answer.as_ref().is_ok_and(String::is_empty), "{answer:?}");
}

#[test]
fn proxy_delay_does_not_add_up_for_later_bytes() {
    let proxy = FaultProxy::builder(echo()).seed(7).start();
    let client = client(&proxy);
    proxy.set_flow_to_server(Flow {
        delay: Duration::from_millis(200),
        jitter: Duration::from_millis(20),
        ..Flow::default()
    });
    // the shortest time is the most reliable on a slow machine
    for _ in 0..5 {
        let begun = Instant::now();
        say(&client, "t").expect("passed");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(180), "{took:?}");
    }
    let begun = suite::Watch::start();
    for _ in 0..10 {
        (&client).write_all(b"t").expect("sent");
        thread::sleep(Duration::from_millis(5));
    }
    (&client).read_exact(&mut [0; 10]).expect("all of them");
    begun.assert_within(Duration::from_millis(600));
}

#[test]
fn bandwidth_is_limited_and_slices_arrive_whole() {
    let proxy = FaultProxy::to(echo());
    let client = client(&proxy);
    proxy.set_flow_to_server(Flow {
        bytes_per_second: Some(4_000),
        ..Flow::default()
    });
    let begun = Instant::now();
    let text = "0123456789".repeat(200);
    assert_eq!(say(&client, &text).expect("passed"), text);
    assert!(begun.elapsed() >= Duration::from_millis(450));
    proxy.set_both_flows(Flow {
        sliced: true,
        ..Flow::default()
    });
    assert_eq!(say(&client, &text).expect("passed"), text);
}

#[test]
fn connection_is_reset_after_a_byte_count() {
    let proxy = FaultProxy::to(echo());
    proxy.set_flow_to_client(Flow {
        reset_after: Some(6),
        ..Flow::default()
    });
    let client = client(&proxy);
    assert_eq!(say(&client, "tick").expect("passed"), "tick");
    assert!(say(&client, "tick").is_err());
    eventually(|| proxy.connections() == 0);
    eventually(|| proxy.bytes_to_client() == 6);
}

/// The startup message of a PostgreSQL session, which precedes other messages.
const STARTED: &[u8] = &[0, 0, 0, 9, 0, 3, 0, 0, 0];
const COPY_DONE: &[u8] = b"c\0\0\0\x04";

#[test]
fn lost_request_never_reaches_the_server() {
    let proxy = FaultProxy::to(echo());
    proxy.lose_next(Loss::Request(Message::CopyDone));
    let client = client(&proxy);
    (&client).write_all(STARTED).expect("passed");
    (&client).read_exact(&mut [0; 9]).expect("echoed");
    assert!(!proxy.has_lost());
    (&client).write_all(COPY_DONE).expect("taken");
    assert!(is_reset(&client));
    assert!(proxy.has_lost());
    eventually(|| proxy.bytes_to_server() == 9);
}

#[test]
fn lost_answer_was_made_by_the_server() {
    let proxy = FaultProxy::to(echo());
    proxy.lose_next(Loss::Answer(Message::CopyDone));
    let client = client(&proxy);
    (&client).write_all(STARTED).expect("passed");
    (&client).read_exact(&mut [0; 9]).expect("echoed");
    // the second echo contains the server's ReadyForQuery
    let ready = [COPY_DONE, b"Z\0\0\0\x05I"].concat();
    (&client).write_all(&ready).expect("passed");
    assert!(is_reset(&client));
    assert!(proxy.has_lost());
    eventually(|| (proxy.bytes_to_server(), proxy.bytes_to_client()) == (20, 9));
}

#[test]
fn dropped_proxy_ends_its_connections() {
    let proxy = FaultProxy::to(echo());
    let (address, client) = (proxy.address(), client(&proxy));
    say(&client, "tick").expect("passed");
    drop(proxy);
    assert!(is_reset(&client));
    eventually(|| TcpStream::connect(address).is_err());
}
