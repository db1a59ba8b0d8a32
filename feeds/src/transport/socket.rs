//! An open connection: messages of WebSocket, or bytes.

use std::io::{Error as IoError, ErrorKind};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::connect::Stream;

/// The size of a read.
const CHUNK: usize = 64 << 10;

/// An open connection.
pub(super) enum Socket {
    WebSocket(Box<WebSocketStream<Box<dyn Stream>>>),
    Stream {
        stream: Box<dyn Stream>,
        chunk: Vec<u8>,
    },
}

/// Something to send.
pub(super) enum Outgoing {
    Message(Message),
    Bytes(Vec<u8>),
}

/// Something that arrived.
pub(super) enum Arrived<'a> {
    Text(Utf8Bytes),
    Bytes(&'a [u8]),
    /// A ping.
    Sign,
    /// The answer to a ping, with its payload.
    Pong(Bytes),
    /// The end of the connection, and its description.
    End(String),
}

impl Socket {
    pub(super) fn stream(stream: Box<dyn Stream>) -> Self {
        Self::Stream {
            stream,
            chunk: vec![0; CHUNK],
        }
    }

    /// Waits for the next message or bytes. The future may be dropped at any time.
    pub(super) async fn next(&mut self) -> Result<Arrived<'_>, Error> {
        let socket = match self {
            Self::WebSocket(socket) => socket,
            Self::Stream { stream, chunk } => {
                let length = stream.read(chunk).await.map_err(Error::Io)?;
                return Ok(match length {
                    0 => Arrived::End("end of the stream".to_owned()),
                    length => Arrived::Bytes(&chunk[..length]),
                });
            }
        };
        Ok(match socket.next().await {
            Some(Ok(Message::Text(text))) => Arrived::Text(text),
            Some(Ok(Message::Binary(bytes))) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Arrived::Text(text.into())
            }
            Some(Ok(Message::Close(frame))) => Arrived::End(match frame {
                Some(frame) => frame.to_string(),
                None => "without a reason".to_owned(),
            }),
            Some(Ok(Message::Pong(payload))) => Arrived::Pong(payload),
            Some(Ok(_)) => Arrived::Sign,
            Some(Err(error)) => return Err(error),
            None => Arrived::End("end of the stream".to_owned()),
        })
    }

    pub(super) async fn send(&mut self, outgoing: Outgoing) -> Result<(), Error> {
        match (self, outgoing) {
            (Self::WebSocket(socket), Outgoing::Message(message)) => socket.send(message).await,
            (Self::Stream { stream, .. }, Outgoing::Bytes(bytes)) => {
                stream.write_all(&bytes).await.map_err(Error::Io)?;
                stream.flush().await.map_err(Error::Io)
            }
            // a venue with a session has the address of a stream, and others do not
            _ => Err(Error::Io(IoError::new(
                ErrorKind::InvalidInput,
                "the address does not fit the protocol of the venue",
            ))),
        }
    }

    /// Ends the connection, after `farewell`.
    pub(super) async fn close(&mut self, farewell: Option<Vec<u8>>) -> Result<(), Error> {
        match self {
            Self::WebSocket(socket) => socket.as_mut().close(None).await,
            Self::Stream { stream, .. } => {
                if let Some(bytes) = farewell {
                    stream.write_all(&bytes).await.map_err(Error::Io)?;
                }
                stream.shutdown().await.map_err(Error::Io)
            }
        }
    }
}
