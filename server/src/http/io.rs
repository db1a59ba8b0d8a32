//! The socket of a connection. It reports the activity of its client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::open_connections::{Connection, ConnectionSlot};
use super::refused;

/// A socket and the slot of its connection. The slot is released when the socket is closed, even if a
/// WebSocket has taken the socket over.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    connection: Connection,
    refusal: Option<Refusal>,
    _place: ConnectionSlot,
}

/// An error response of hyper that is being sent with a body added.
#[derive(Debug)]
struct Refusal {
    text: Vec<u8>,
    sent: usize,
    /// Bytes of the response without the body.
    stands_for: usize,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, place: ConnectionSlot) -> Self {
        Self {
            stream,
            connection: place.connection().clone(),
            refusal: None,
            _place: place,
        }
    }

    fn send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn send_refusal(
        &mut self,
        context: &mut Context<'_>,
        mut refusal: Refusal,
    ) -> Poll<io::Result<usize>> {
        while let Some(rest @ [_, ..]) = refusal.text.get(refusal.sent..) {
            match self.send(context, rest) {
                Poll::Ready(Ok(bytes @ 1..)) => refusal.sent += bytes,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.refusal = Some(refusal);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(refusal.stands_for))
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.connection.write_waits(),
            Poll::Ready(Ok(bytes)) => self.connection.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.connection.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(refusal) = self.refusal.take() {
            return self.send_refusal(context, refusal);
        }
        match refused::find(bytes) {
            None => self.send(context, bytes),
            Some(0) => match refused::with_body(bytes) {
                None => self.send(context, bytes),
                Some(text) => {
                    let stands_for = bytes.len();
                    let refusal = Refusal {
                        text,
                        sent: 0,
                        stands_for,
                    };
                    self.send_refusal(context, refusal)
                }
            },
            // bytes before the response are sent first
            Some(place) => self.send(context, &bytes[..place]),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = bytes.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next()) {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes after it has written everything
        self.connection.all_written();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
