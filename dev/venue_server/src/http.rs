//! HTTP requests without bodies.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Answer, Play, Shared};

/// The longest head of a request.
const MAX_HEAD: usize = 16_384;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) path: String,
    pub(crate) is_websocket: bool,
    length: usize,
}

impl Head {
    /// Reads the head, and leaves it in the stream.
    pub(crate) async fn peek(stream: &TcpStream) -> Option<Self> {
        let mut bytes = vec![0; MAX_HEAD];
        let mut known = 0;
        loop {
            let length = stream.peek(&mut bytes).await.ok()?;
            let text = String::from_utf8_lossy(&bytes[..length]);
            if let Some(end) = text.find("\r\n\r\n") {
                let path = text.split(' ').nth(1)?.to_owned();
                let is_websocket = text[..end].to_lowercase().contains("upgrade: websocket");
                return Some(Self {
                    path,
                    is_websocket,
                    length: end + 4,
                });
            }
            if length == 0 || length == MAX_HEAD {
                return None;
            }
            if length == known {
                // readable, but with nothing new: let the client write
                tokio::task::yield_now().await;
            }
            known = length;
        }
    }
}

/// Answers a request, as soon as the play has an answer.
pub(crate) async fn answer<P: Play>(mut stream: TcpStream, head: &Head, shared: &Shared<P>) {
    if read_head(&mut stream, head.length).await.is_err() {
        return;
    }
    let answer = loop {
        let stepped = shared.stepped.notified();
        if let Some(answer) = shared.play().get(&head.path) {
            break answer;
        }
        stepped.await;
    };
    write(&mut stream, &answer).await;
}

/// Answers a request for a WebSocket.
pub(crate) async fn refuse(mut stream: TcpStream, answer: &Answer) {
    let mut bytes = [0; 1_024];
    // the head has to be read, otherwise the end of the connection is a reset
    let _ = stream.read(&mut bytes).await;
    write(&mut stream, answer).await;
}

async fn read_head(stream: &mut TcpStream, length: usize) -> std::io::Result<()> {
    let mut head = vec![0; length];
    stream.read_exact(&mut head).await.map(|_| ())
}

async fn write(stream: &mut TcpStream, answer: &Answer) {
    let Answer {
        status,
        headers,
        body,
    } = answer;
    let mut text = format!(
        "HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        text += header;
        text += "\r\n";
    }
    text += "connection: close\r\n\r\n";
    text += body;
    // the client may be gone
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
