//! The connection of a client: reads its messages, and writes those of the server.

use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::{Deflate, Deflater};
use super::frames::{FrameReader, Incoming, InvalidFrame};

/// Maximum number of bytes of one read.
const READ: usize = 4 * 1024;

/// The number of unsent bytes above which they have to be flushed first. A client that reads nothing makes the server
/// hold this many bytes and one message.
const WRITE: usize = 16 * 1024;

/// Maximum length of the reason in a close frame in bytes.
const MAX_REASON: usize = 123;

/// A WebSocket connection.
#[derive(Debug)]
pub(in super::super) struct ClientSocket<S> {
    stream: S,
    reader: FrameReader,
    /// Frames of which the first `written` bytes are sent.
    output: Vec<u8>,
    written: usize,
    deflater: Option<Deflater>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ClientSocket<S> {
    /// A connection whose handshake is complete. `read` are the bytes that followed it.
    pub(in super::super) fn new(stream: S, read: &[u8], deflate: Option<Deflate>) -> Self {
        let mut reader = FrameReader::new(deflate.is_some());
        reader.push(read);
        Self {
            stream,
            reader,
            output: Vec::new(),
            written: 0,
            deflater: deflate.map(Deflater::new),
        }
    }

    /// The next message; `None` if the connection has ended. Cancel safe. After an error nothing more can be read.
    pub(in super::super) async fn next(&mut self) -> Option<Result<Incoming, InvalidFrame>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Incoming, InvalidFrame>>> {
        loop {
            if let Some(next) = self.reader.next().transpose() {
                return Poll::Ready(Some(next));
            }
            let mut bytes = [const { MaybeUninit::uninit() }; READ];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(None);
            }
            self.reader.push(buffer.filled());
        }
    }

    /// Whether a [`flush`](Self::flush) has to precede the next message.
    pub(in super::super) fn is_full(&self) -> bool {
        self.output.len() - self.written > WRITE
    }

    /// Adds a message. Its text is that of `message`, a JSON object with fields, with the field `seq` before them.
    pub(in super::super) fn add_message(&mut self, seq: u64, message: &[u8]) {
        let begin = MessageBegin::new(seq);
        let fields = message.get(1..).unwrap_or_default();
        let parts = [begin.bytes(), fields];
        let opcode = OpCode::Data(Data::Text);
        if let Some(deflater) = &mut self.deflater
            && let Some(compressed) = deflater.compress(&parts.concat())
        {
            return self.add_frame(opcode, true, &[&compressed]);
        }
        self.add_frame(opcode, false, &parts);
    }

    /// Adds the answer to a ping.
    pub(in super::super) fn add_pong(&mut self, payload: &[u8]) {
        self.add_frame(OpCode::Control(Control::Pong), false, &[payload]);
    }

    /// Adds a close frame, the last frame. A reason that is too long is cut.
    pub(in super::super) fn add_close(&mut self, code: Option<u16>, reason: &str) {
        let code = code.map(u16::to_be_bytes);
        let payload: [&[u8]; 2] = match &code {
            Some(code) => {
                let mut end = reason.len().min(MAX_REASON);
                while !reason.is_char_boundary(end) {
                    end -= 1;
                }
                [code, &reason.as_bytes()[..end]]
            }
            None => [&[], &[]],
        };
        self.add_frame(OpCode::Control(Control::Close), false, &payload);
    }

    fn add_frame(&mut self, opcode: OpCode, is_compressed: bool, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let header = FrameHeader {
            is_final: true,
            rsv1: is_compressed,
            rsv2: false,
            rsv3: false,
            opcode,
            mask: None,
        };
        self.output.reserve(header.len(length as u64) + length);
        // a vector takes everything
        let _ = header.format(length as u64, &mut self.output);
        for part in parts {
            self.output.extend_from_slice(part);
        }
    }

    /// Sends what the connection takes at once; `None` if that is not everything.
    pub(in super::super) async fn try_flush(&mut self) -> Option<io::Result<()>> {
        std::future::poll_fn(|context| match self.poll_flush(context) {
            Poll::Ready(flushed) => Poll::Ready(Some(flushed)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Sends everything that was added. If cancelled, it has sent a part, and the next call continues.
    ///
    /// # Errors
    /// The connection failed.
    pub(in super::super) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while let Some(rest @ [_, ..]) = self.output.get(self.written..) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // an idle client holds no memory
        self.output = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Ends the connection after the close frame was sent: waits until the client has closed it, too.
    pub(in super::super) async fn end(&mut self) -> io::Result<()> {
        self.flush().await?;
        std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await?;
        // unread bytes would reset the connection, and the client might not see the close frame
        let mut bytes = [MaybeUninit::uninit(); 256];
        loop {
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let stream = &mut self.stream;
            let reading =
                |context: &mut Context<'_>| Pin::new(&mut *stream).poll_read(context, &mut buffer);
            std::future::poll_fn(reading).await?;
            if buffer.filled().is_empty() {
                return Ok(());
            }
        }
    }
}

/// The beginning of a message: `{"seq":7,`.
struct MessageBegin {
    bytes: [u8; 32],
    length: usize,
}

impl MessageBegin {
    fn new(seq: u64) -> Self {
        let mut bytes = [0; 32];
        let mut rest = &mut bytes[..];
        // at most 28 bytes
        let _ = write!(rest, "{{\"seq\":{seq},");
        let length = 32 - rest.len();
        Self { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
