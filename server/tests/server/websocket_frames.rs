//! Tests of the frames of `/ws`: control frames, invalid frames, and compression.

use std::net::SocketAddr;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::hostile::attacks::frame;
use crate::websocket::tick;
use crate::whole_server::{DEADLINE, Server};

/// A client that sends and reads bytes.
struct RawClient {
    stream: TcpStream,
    /// The head of the response to the handshake.
    head: String,
    /// The client's window; messages are compressed if it is there.
    window: Option<Decompress>,
    /// Whether messages refer to earlier ones.
    has_history: bool,
}

impl RawClient {
    async fn connect(address: SocketAddr, offer: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let offer = offer.map_or(String::new(), |offer| {
            format!("Sec-WebSocket-Extensions: {offer}\r\n")
        });
        let handshake = format!(
            "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        stream.write_all(handshake.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(DEADLINE, stream.read_u8()).await.expect("in time");
            head.push(byte.expect("a head"));
        }
        let head = String::from_utf8(head).expect("UTF-8").to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        let window = head
            .contains("permessage-deflate")
            .then(|| Decompress::new(false));
        let has_history = !head.contains("server_no_context_takeover");
        Self {
            stream,
            head,
            window,
            has_history,
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    /// The first byte and the payload of the next frame.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let reading = async {
            let first = self.stream.read_u8().await?;
            let length = match self.stream.read_u8().await? {
                126 => self.stream.read_u16().await?.into(),
                127 => self.stream.read_u64().await?,
                length => length.into(),
            };
            let mut payload = vec![0; usize::try_from(length).expect("short")];
            self.stream.read_exact(&mut payload).await?;
            std::io::Result::Ok((first, payload))
        };
        let read = timeout(DEADLINE, reading).await.expect("in time");
        read.expect("a frame")
    }

    /// The next message that is not a heartbeat, and whether it was compressed.
    async fn message(&mut self) -> (Value, bool) {
        loop {
            let (first, payload) = self.frame().await;
            let text = match (first, &mut self.window) {
                (0x81, _) => payload,
                (0xc1, Some(window)) => {
                    if !self.has_history {
                        window.reset(false);
                    }
                    let input = [&payload[..], &[0, 0, 0xff, 0xff]].concat();
                    let mut text = Vec::with_capacity(1 << 20);
                    let read = window.decompress_vec(&input, &mut text, FlushDecompress::Sync);
                    read.expect("valid");
                    text
                }
                other => panic!("{other:?}"),
            };
            let message: Value = serde_json::from_slice(&text).expect("JSON");
            if message["type"] != "heartbeat" {
                return (message, first == 0xc1);
            }
        }
    }

    /// The code and the reason of the close frame that ends the connection.
    async fn close(&mut self) -> (u16, String) {
        loop {
            let (first, payload) = self.frame().await;
            if first != 0x88 {
                continue;
            }
            let (code, reason) = payload.split_at(2);
            let code = u16::from_be_bytes([code[0], code[1]]);
            let mut rest = Vec::new();
            let ended = timeout(DEADLINE, self.stream.read_to_end(&mut rest)).await;
            ended.expect("in time").expect("no reset");
            assert_eq!(rest, b"");
            return (code, String::from_utf8(reason.to_vec()).expect("UTF-8"));
        }
    }
}

/// A compressed message.
fn compressed(text: &str) -> Vec<u8> {
    let mut output = Vec::with_capacity(1_000);
    let mut compressor = Compress::new(Compression::best(), false);
    let done = compressor.compress_vec(text.as_bytes(), &mut output, FlushCompress::Sync);
    done.expect("compressed");
    assert!(output.ends_with(&[0, 0, 0xff, 0xff]));
    output.truncate(output.len() - 4);
    frame(0xc1, &output)
}

fn subscription() -> String {
    let request = json!({"op": "subscribe", "channel": "ticks", "symbols": [1], "snapshot": false});
    request.to_string()
}

#[tokio::test]
async fn messages_are_compressed_on_request() {
    let server = Server::with_symbols(&[], 1).await;
    for (offer, has_history) in [
        ("permessage-deflate; client_max_window_bits", true),
        ("permessage-deflate; server_max_window_bits=12", true),
        ("permessage-deflate; server_no_context_takeover", false),
    ] {
        let mut client = RawClient::connect(server.address, Some(offer)).await;
        assert_eq!(client.has_history, has_history);
        let field = "\r\nsec-websocket-extensions: permessage-deflate; client_no_context_takeover";
        assert!(client.head.contains(field), "{}", client.head);
        client.send(&compressed(&subscription())).await;
        let (answer, is_compressed) = client.message().await;
        assert_eq!(
            (&answer["type"], &answer["seq"], is_compressed),
            (&json!("subscribed"), &json!(1), true)
        );
        for index in 0..50 {
            let time = suite::now();
            let receipt = server.post(&json!([tick(1, time, index, 5 + index)])).await;
            assert_eq!(receipt["inserted"], 1, "{receipt}");
            let (message, is_compressed) = client.message().await;
            assert_eq!(
                (&message["bid_price"], &message["seq"], is_compressed),
                (&json!((5 + index).to_string()), &json!(index + 2), true)
            );
        }
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn clients_without_compression_get_texts() {
    let server = Server::with_symbols(&[], 1).await;
    for offer in [None, Some("permessage-deflate; server_max_window_bits=9")] {
        let mut client = RawClient::connect(server.address, offer).await;
        assert!(!client.head.contains("extensions"), "{}", client.head);
        client.send(&frame(0x81, subscription().as_bytes())).await;
        assert_eq!(client.message().await.0["type"], "subscribed");
        client.send(&compressed(&subscription())).await;
        let (code, reason) = client.close().await;
        assert_eq!(code, 1002);
        assert!(reason.contains("a reserved bit is set"), "{reason}");
    }
    assert!(server.stop().await);
}

#[tokio::test]
async fn invalid_frames_close_with_a_code() {
    let server = Server::with_symbols(&[], 1).await;
    let unmasked = [&[0x81, 2][..], b"{}"].concat();
    let too_long = [&[0x81, 0xff][..], &200_000_u64.to_be_bytes(), &[0; 4]].concat();
    let bomb = compressed(&" ".repeat(200_000));
    let offer = Some("permessage-deflate");
    for (bytes, offer, expected, words) in [
        (unmasked, None, 1002, "not masked"),
        (frame(0x83, b""), None, 1002, "unknown opcode"),
        (frame(0x81, &[0xff]), None, 1007, "not valid UTF-8"),
        (too_long, None, 1008, "more than 131072 bytes"),
        (frame(0xc1, &[0xff; 9]), offer, 1002, "its compression"),
        (bomb, offer, 1008, "more than 131072 bytes"),
    ] {
        let mut client = RawClient::connect(server.address, offer).await;
        client.send(&bytes).await;
        // unread bytes do not reset the connection before the client has read the reason
        client.send(&frame(0x81, b"more")).await;
        let (code, reason) = client.close().await;
        assert_eq!(code, expected, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
    // other tests of this process count them, too
    let line = "websocket_closed_total{code=\"1007\"} ";
    let metrics = server.get_text("/metrics").await;
    assert!(metrics.contains(line), "{metrics}");
    assert!(server.stop().await);
}

#[tokio::test]
async fn control_frames_are_answered() {
    let server = Server::with_symbols(&[], 1).await;
    for code in [Some(1000_u16), Some(4321), None] {
        let mut client = RawClient::connect(server.address, None).await;
        client.send(&frame(0x89, b"are you there")).await;
        assert_eq!(client.frame().await, (0x8a, b"are you there".to_vec()));
        // the answer to a ping within a message precedes that to the message
        let request = subscription();
        let (begin, end) = request.as_bytes().split_at(10);
        let parts = [frame(0x01, begin), frame(0x89, b""), frame(0x80, end)];
        client.send(&parts.concat()).await;
        assert_eq!(client.frame().await, (0x8a, Vec::new()));
        assert_eq!(client.message().await.0["type"], "subscribed");
        let payload = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
        client.send(&frame(0x88, &payload)).await;
        assert_eq!(client.frame().await, (0x88, payload));
        let mut rest = Vec::new();
        let ended = timeout(DEADLINE, client.stream.read_to_end(&mut rest)).await;
        ended.expect("in time").expect("no reset");
    }
    assert!(server.stop().await);
}
