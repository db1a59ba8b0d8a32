//! Compression of messages: permessage-deflate of RFC 7692.
//!
//! A compressor takes some 200 KiB, so each thread has one, which all connections share. The last bytes that a client
//! has decompressed are its dictionary for the next message. So a connection holds these bytes only, and small messages
//! that resemble each other become still smaller.

use std::cell::RefCell;

use axum::http::{HeaderMap, HeaderValue, header};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::frames::InvalidFrame;

/// Size of the compression window as a power of two. The client's window has to be at least as large.
const WINDOW_BITS: u8 = 12;

/// Maximum number of bytes that a connection holds for the next message.
const HISTORY: usize = 1_024;

/// Shorter messages are sent as they are.
const MIN_BYTES: usize = 64;

/// The end of every compressed message, which is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

const NAME: &str = "permessage-deflate";

/// Level of compression of zlib, 0 to 9.
const LEVEL: u32 = 3;

thread_local! {
    static COMPRESSOR: RefCell<Compress> =
        RefCell::new(Compress::new_with_window_bits(Compression::new(LEVEL), false, WINDOW_BITS));
}

/// The parameters on which client and server agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Deflate {
    /// Whether a message may refer to earlier ones.
    has_history: bool,
    /// Whether the client asked for a window of limited size.
    names_window: bool,
}

impl Deflate {
    /// Accepts the first offer of a client that the server supports.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        texts
            .flat_map(|text| text.split(','))
            .find_map(Self::accept)
    }

    fn accept(offer: &str) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(NAME) {
            return None;
        }
        let mut accepted = Self {
            has_history: true,
            names_window: false,
        };
        let mut seen = Vec::new();
        for parameter in parts {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (parameter, None),
            };
            let name = name.to_ascii_lowercase();
            let bits = value.map(|value| value.parse::<u8>().ok());
            match (name.as_str(), bits) {
                ("server_no_context_takeover", None) => accepted.has_history = false,
                ("server_max_window_bits", Some(Some(WINDOW_BITS..=15))) => {
                    accepted.names_window = true;
                }
                // a window of any size can be read
                ("client_no_context_takeover" | "client_max_window_bits", None)
                | ("client_max_window_bits", Some(Some(8..=15))) => {}
                _ => return None,
            }
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
        }
        Some(accepted)
    }

    /// The field of the response. Messages of the client refer to no earlier ones, so that the server holds nothing for
    /// them.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match (self.has_history, self.names_window) {
            (true, false) => "permessage-deflate; client_no_context_takeover",
            (true, true) => {
                "permessage-deflate; client_no_context_takeover; server_max_window_bits=12"
            }
            (false, false) => {
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
            }
            (false, true) => {
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover; \
                 server_max_window_bits=12"
            }
        })
    }
}

/// Compresses the messages to one client.
#[derive(Debug)]
pub(super) struct Deflater {
    has_history: bool,
    /// The last bytes that the client has decompressed.
    history: Vec<u8>,
}

impl Deflater {
    pub(super) fn new(deflate: Deflate) -> Self {
        Self {
            has_history: deflate.has_history,
            history: Vec::new(),
        }
    }

    /// Compresses the next message; `None` if it is sent as it is.
    pub(super) fn compress(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() < MIN_BYTES {
            return None;
        }
        let compressed = COMPRESSOR.with_borrow_mut(|compressor| {
            compressor.reset();
            if !self.history.is_empty() {
                compressor.set_dictionary(&self.history).ok()?;
            }
            compress(compressor, message)
        })?;
        if compressed.len() >= message.len() {
            return None;
        }
        if self.has_history {
            let rest = message.len().saturating_sub(HISTORY);
            let added = &message[rest..];
            let surplus = (self.history.len() + added.len()).saturating_sub(HISTORY);
            self.history.drain(..surplus);
            self.history.reserve_exact(added.len());
            self.history.extend_from_slice(added);
        }
        Some(compressed)
    }
}

fn compress(compressor: &mut Compress, message: &[u8]) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(message.len() / 2 + MIN_BYTES);
    loop {
        let read = usize::try_from(compressor.total_in()).ok()?;
        let rest = message.get(read..)?;
        let done = compressor.compress_vec(rest, &mut output, FlushCompress::Sync);
        done.ok()?;
        // a flush is complete when it leaves room
        if output.len() < output.capacity() {
            break;
        }
        output.reserve(message.len() / 2 + MIN_BYTES);
    }
    let length = output.strip_suffix(&TAIL)?.len();
    output.truncate(length);
    Some(output)
}

/// Decompresses a message of a client that has at most `max` bytes then.
///
/// # Errors
/// It is not valid, or has more bytes.
pub(super) fn inflate(message: &[u8], max: usize) -> Result<Vec<u8>, InvalidFrame> {
    const INVALID: InvalidFrame = InvalidFrame::Protocol("its compression is invalid");

    let input = [message, &TAIL].concat();
    let mut decompressor = Decompress::new(false);
    let mut output = Vec::with_capacity((4 * input.len()).min(max + 1));
    loop {
        let (read, length) = (decompressor.total_in(), output.len());
        let rest = usize::try_from(read)
            .ok()
            .and_then(|read| input.get(read..));
        let rest = rest.ok_or(INVALID)?;
        let done = decompressor.decompress_vec(rest, &mut output, FlushDecompress::Sync);
        let status = done.map_err(|_| INVALID)?;
        if output.len() > max {
            return Err(InvalidFrame::TooLong);
        }
        let is_read = decompressor.total_in() == input.len() as u64;
        if status == Status::StreamEnd || (is_read && output.len() < output.capacity()) {
            return Ok(output);
        }
        if output.len() < output.capacity()
            && decompressor.total_in() == read
            && output.len() == length
        {
            return Err(INVALID);
        }
        if output.len() == output.capacity() {
            output.reserve(output.len().min(max + 1 - output.len()).max(1));
        }
    }
}
