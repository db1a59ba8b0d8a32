//! The gate itself, before a server that echoes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::frames::ClientFrames;
use super::{Door, Flow, Gate, Message};

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

fn client(gate: &Gate) -> TcpStream {
    let client = TcpStream::connect(gate.address).expect("the gate listens");
    client.set_nodelay(true).expect("set");
    let patience = Some(Duration::from_secs(5));
    client.set_read_timeout(patience).expect("set");
    client
}

fn say(mut client: &TcpStream, text: &str) -> std::io::Result<String> {
    client.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).expect("what was sent"))
}

#[test]
fn an_open_gate_passes_both_ways_and_counts() {
    let gate = Gate::to(echo(), 1);
    let client = client(&gate);
    assert_eq!(say(&client, "tick").expect("passed"), "tick");
    assert_eq!((gate.accepted(), gate.connections()), (1, 1));
}

#[test]
fn a_refusing_gate_listens_on_its_port_again_when_it_opens() {
    let gate = Gate::to(echo(), 1);
    gate.close();
    eventually(|| TcpStream::connect(gate.address).is_err());
    gate.open();
    eventually(|| TcpStream::connect(gate.address).is_ok());
    assert_eq!(say(&client(&gate), "tick").expect("passed"), "tick");
}

#[test]
fn a_reset_is_a_reset() {
    let gate = Gate::to(echo(), 1);
    let existing = client(&gate);
    say(&existing, "tick").expect("passed");
    gate.reset_all();
    let error = (&existing).read(&mut [0]).expect_err("not a proper end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    gate.set_door(Door::Reset);
    let error = say(&client(&gate), "tick").expect_err("reset");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
}

#[test]
fn a_stalled_direction_holds_bytes_back_and_loses_none() {
    let gate = Gate::to(echo(), 1);
    let mut client = client(&gate);
    say(&client, "first").expect("passed");
    gate.set_flow_to_client(Flow {
        stalled: true,
        ..Flow::default()
    });
    client.write_all(b"tick").expect("the other way is open");
    let short = Some(Duration::from_millis(100));
    client.set_read_timeout(short).expect("set");
    let error = client.read(&mut [0; 4]).expect_err("held back");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    gate.set_flow_to_client(Flow::default());
    let mut answer = [0; 4];
    let patience = Some(Duration::from_secs(5));
    client.set_read_timeout(patience).expect("set");
    client.read_exact(&mut answer).expect("let go");
    assert_eq!(&answer, b"tick");
}

#[test]
fn a_hanging_gate_accepts_and_never_answers() {
    let gate = Gate::to(echo(), 1);
    gate.set_door(Door::Hang);
    let client = client(&gate);
    let short = Some(Duration::from_millis(100));
    client.set_read_timeout(short).expect("set");
    let error = say(&client, "tick").expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_delay_is_a_delay_and_does_not_slow_what_follows() {
    let gate = Gate::to(echo(), 1);
    let mut client = client(&gate);
    gate.set_flow_to_server(Flow {
        delay: Duration::from_millis(100),
        jitter: Duration::from_millis(20),
        ..Flow::default()
    });
    let begun = suite::Watch::start();
    for _ in 0..10 {
        client.write_all(b"t").expect("sent");
        thread::sleep(Duration::from_millis(5));
    }
    client.read_exact(&mut [0; 10]).expect("all of them");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(80), "{took:?}");
    begun.assert_within(Duration::from_millis(500));
}

#[test]
fn bandwidth_is_limited_and_slices_arrive_whole() {
    let gate = Gate::to(echo(), 1);
    let client = client(&gate);
    gate.set_flow_to_server(Flow {
        bytes_per_second: Some(10_000),
        ..Flow::default()
    });
    let begun = Instant::now();
    let text = "0123456789".repeat(200);
    assert_eq!(say(&client, &text).expect("passed"), text);
    assert!(begun.elapsed() >= Duration::from_millis(180));
    gate.set_both_flows(Flow {
        sliced: true,
        ..Flow::default()
    });
    assert_eq!(say(&client, &text).expect("passed"), text);
}

#[test]
fn a_connection_is_cut_after_so_many_bytes() {
    let gate = Gate::to(echo(), 1);
    gate.set_flow_to_client(Flow {
        reset_after: Some(6),
        ..Flow::default()
    });
    let client = client(&gate);
    assert_eq!(say(&client, "tick").expect("passed"), "tick");
    assert!(say(&client, "tick").is_err());
    eventually(|| gate.connections() == 0);
}

#[test]
fn messages_are_found_however_they_are_cut() {
    let mut bytes = vec![0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
    bytes.extend([0, 0, 0, 9, 0, 3, 0, 0, 0]);
    bytes.extend(b"Q\0\0\0\x0bCOMMIT\0");
    let message = bytes.len();
    bytes.extend(b"c\0\0\0\x04");
    for size in 1..bytes.len() {
        let mut frames = ClientFrames::default();
        let (mut seen, mut found) = (0, None);
        for part in bytes.chunks(size) {
            if let Some(at) = frames.find(part, Some(Message::CopyDone)) {
                found = Some(seen + at);
            }
            seen += part.len();
        }
        let found = found.expect("it is there");
        assert!((message..message + 5).contains(&found), "{size}: {found}");
    }
    let found = ClientFrames::default().find(&bytes, Some(Message::Query("COMMIT")));
    assert_eq!(found, Some(17));
}

fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never came true");
        thread::sleep(Duration::from_millis(5));
    }
}
