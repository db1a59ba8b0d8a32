//! The socket of a connection. It reports the activity of its client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::memory::FREE;
use super::open_connections::{Connection, ConnectionSlot};
use super::refused;

/// Maximum number of bytes of one read. hyper doubles the read buffer of a connection whenever a read fills
/// it. With this limit the buffer stays within [`FREE`] bytes, except for longer heads.
const READ_AT_ONCE: usize = FREE - 1;

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
    /// The length of hyper's response, which the longer response with a body replaces.
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

    /// Waits until the client has sent something or has disconnected.
    ///
    /// # Errors
    /// The socket failed.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.stream.readable().await
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
        let room = buffer.remaining().min(READ_AT_ONCE);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let bytes = part.filled().len();
        buffer.advance(bytes);
        if bytes > 0 {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::OpenConnections;

    #[tokio::test]
    async fn reads_are_bounded_and_lose_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = Socket::new(stream, OpenConnections::new(1).take().expect("free"));
        let sent: Vec<u8> = (0..1_000_000_u32)
            .map(|index| (index % 251) as u8)
            .collect();
        let bytes = sent.clone();
        let sending = tokio::spawn(async move { client.write_all(&bytes).await });
        let (mut came, mut some) = (Vec::new(), vec![0; 4 * FREE]);
        loop {
            let read = socket.read(&mut some).await.expect("it is there");
            assert!(read < FREE, "{read}");
            came.extend_from_slice(&some[..read]);
            if read == 0 {
                break;
            }
        }
        assert!(came == sent, "{} of {}", came.len(), sent.len());
        sending.await.expect("no panic").expect("sent");
    }
}
