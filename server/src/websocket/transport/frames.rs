//! Decodes the frames of a client into messages.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::inflate;

/// Maximum size of a message in bytes, before and after decompression; valid requests are much shorter. Each client can
/// make the server buffer this many bytes of an incomplete message.
pub(super) const MAX_BYTES: usize = 128 * 1024;

/// Maximum size of the payload of a control frame in bytes.
const MAX_CONTROL: u64 = 125;

/// A message of a client, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Incoming {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong,
    /// The client closes the connection, with this code if it gave one.
    Close(Option<u16>),
}

/// Why the bytes of a client are not valid. Nothing after them can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum InvalidFrame {
    #[error("invalid WebSocket frame: {0}")]
    Protocol(&'static str),
    #[error("the message is not valid UTF-8: send JSON text")]
    NotUtf8,
    #[error("the message has more than {MAX_BYTES} bytes: send less")]
    TooLong,
}

/// Decodes frames. A message is decoded when its last byte has arrived.
#[derive(Debug)]
pub(super) struct FrameReader {
    /// Bytes that have arrived. Those before `start` are decoded.
    input: Vec<u8>,
    start: usize,
    /// The first fragments of a message.
    partial: Option<Fragments>,
    /// Whether messages may be compressed.
    is_deflating: bool,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
}

impl FrameReader {
    pub(super) fn new(is_deflating: bool) -> Self {
        Self {
            input: Vec::new(),
            start: 0,
            partial: None,
            is_deflating,
        }
    }

    /// Adds bytes that have arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.start);
        self.start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// Decodes the next message; `None` if more bytes have to arrive first.
    ///
    /// # Errors
    /// The bytes are not valid.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, InvalidFrame> {
        while let Some((header, payload)) = self.frame()? {
            let incoming = match header.opcode {
                OpCode::Control(Control::Ping) => Some(Incoming::Ping(payload)),
                OpCode::Control(Control::Close) => Some(Incoming::Close(close_code(&payload)?)),
                OpCode::Control(_) => Some(Incoming::Pong),
                OpCode::Data(_) => self.append(&header, payload)?,
            };
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
        if self.start == self.input.len() {
            // a client that sends nothing holds no memory
            self.input = Vec::new();
            self.start = 0;
        }
        Ok(None)
    }

    /// The bytes that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let partial = self.partial.as_ref();
        self.input.capacity() + partial.map_or(0, |partial| partial.payload.capacity())
    }

    /// The next complete frame, with its payload unmasked.
    fn frame(&mut self) -> Result<Option<(FrameHeader, Vec<u8>)>, InvalidFrame> {
        let rest = &self.input[self.start..];
        let mut cursor = Cursor::new(rest);
        let parsed = FrameHeader::parse(&mut cursor);
        let parsed = parsed.map_err(|_| InvalidFrame::Protocol("unknown opcode"))?;
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        let mask = self.check(&header, length)?;
        // both are bounded by now
        let head = usize::try_from(cursor.position()).map_err(|_| InvalidFrame::TooLong)?;
        let length = usize::try_from(length).map_err(|_| InvalidFrame::TooLong)?;
        let Some(masked) = rest.get(head..head + length) else {
            return Ok(None);
        };
        let unmasked = masked.iter().zip(mask.iter().cycle());
        let payload = unmasked.map(|(byte, mask)| byte ^ mask).collect();
        self.start += head + length;
        Ok(Some((header, payload)))
    }

    /// Checks a header before its payload arrives, and returns the mask.
    fn check(&self, header: &FrameHeader, length: u64) -> Result<[u8; 4], InvalidFrame> {
        let invalid = |what| Err(InvalidFrame::Protocol(what));
        if header.rsv2 || header.rsv3 || (header.rsv1 && !self.is_deflating) {
            return invalid("a reserved bit is set");
        }
        let Some(mask) = header.mask else {
            return invalid("it is not masked");
        };
        match (header.opcode, &self.partial) {
            (OpCode::Control(_), _) if !header.is_final || length > MAX_CONTROL => {
                return invalid("a control frame is fragmented or has more than 125 bytes");
            }
            (OpCode::Control(_) | OpCode::Data(Data::Continue), _) if header.rsv1 => {
                return invalid("only the first frame of a message says that it is compressed");
            }
            (OpCode::Control(_), _) => return Ok(mask),
            (OpCode::Data(Data::Continue), None) => {
                return invalid("it continues a message that has not begun");
            }
            (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                return invalid("a message begins within another one");
            }
            _ => {}
        }
        let before = self.partial.as_ref().map_or(0, |it| it.payload.len());
        if length > (MAX_BYTES - before) as u64 {
            return Err(InvalidFrame::TooLong);
        }
        Ok(mask)
    }

    /// Adds a frame to its message; returns the message if it is complete.
    fn append(
        &mut self,
        header: &FrameHeader,
        payload: Vec<u8>,
    ) -> Result<Option<Incoming>, InvalidFrame> {
        let message = match self.partial.take() {
            Some(mut begun) => {
                begun.payload.extend(payload);
                begun
            }
            None => Fragments {
                is_text: header.opcode == OpCode::Data(Data::Text),
                is_compressed: header.rsv1,
                payload,
            },
        };
        if !header.is_final {
            self.partial = Some(message);
            return Ok(None);
        }
        if !message.is_text {
            return Ok(Some(Incoming::Binary));
        }
        let bytes = if message.is_compressed {
            inflate(&message.payload, MAX_BYTES)?
        } else {
            message.payload
        };
        let text = String::from_utf8(bytes).map_err(|_| InvalidFrame::NotUtf8)?;
        Ok(Some(Incoming::Text(text)))
    }
}

/// The code of a close frame, if it has one.
fn close_code(payload: &[u8]) -> Result<Option<u16>, InvalidFrame> {
    let invalid = |what| Err(InvalidFrame::Protocol(what));
    let [high, low, reason @ ..] = payload else {
        return match payload {
            [] => Ok(None),
            _ => invalid("the code of a close frame has two bytes"),
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    // RFC 6455 and its registry; 3000 and above are of libraries and applications
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return invalid("unknown close code");
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(InvalidFrame::NotUtf8);
    }
    Ok(Some(code))
}
