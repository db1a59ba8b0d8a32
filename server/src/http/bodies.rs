//! The stream below HTTP/1.1, with or without TLS: it bounds reads, and adds bodies to the error responses of hyper.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::memory::FREE;
use super::refused;

/// Maximum number of bytes of one read. hyper doubles the read buffer of a connection whenever a read fills
/// it. With this limit the buffer stays within [`FREE`] bytes, except for longer heads.
const READ_AT_ONCE: usize = FREE - 1;

/// The stream of a connection.
#[derive(Debug)]
pub(super) struct WithBodies<S> {
    stream: S,
    refusal: Option<Refusal>,
}

/// An error response of hyper that is being sent with a body added.
#[derive(Debug)]
struct Refusal {
    text: Vec<u8>,
    sent: usize,
    /// The length of hyper's response, which the longer response with a body replaces.
    stands_for: usize,
}

impl<S: AsyncWrite + Unpin> WithBodies<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            refusal: None,
        }
    }

    /// Takes the stream out, when its connection leaves HTTP.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    fn send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
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
}

impl<S: AsyncRead + Unpin> AsyncRead for WithBodies<S> {
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
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WithBodies<S> {
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
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::http::OpenConnections;
    use crate::http::io::Socket;

    #[tokio::test]
    async fn reads_are_bounded_and_lose_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("a client");
        let socket = Socket::new(stream, OpenConnections::new(1).take().expect("free"));
        let mut socket = WithBodies::new(socket);
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
