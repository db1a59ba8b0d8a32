//! Responses of HTTP/2, sent in parts: the client must accept each part in time.
//!
//! A client of HTTP/2 can stop to accept one response while it reads others, and without a full socket. So the time
//! counts for each response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use super::open_connections::{Answering, Connection};

/// Maximum size of a part in bytes. It is the number of bytes that a client must accept within the write timeout.
const PART: usize = 64 * 1024;

/// The body of a response of HTTP/2.
pub(super) struct SentInParts {
    body: Body,
    /// Bytes of the body that were not sent yet.
    rest: Bytes,
    sending: Arc<Sending>,
}

/// A response that is being sent. Its request counts as active until the last part was sent.
#[derive(Debug)]
struct Sending {
    connection: Connection,
    id: u64,
    _answering: Answering,
}

impl Sending {
    fn progress(&self) {
        let at = Instant::now();
        self.connection.response_progress(self.id, Some(at));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.response_progress(self.id, None);
    }
}

/// The bytes of a part, which are dropped when they were sent.
struct Part {
    bytes: Bytes,
    sending: Arc<Sending>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.sending.progress();
    }
}

impl SentInParts {
    pub(super) fn new(body: Body, connection: Connection, answering: Answering) -> Self {
        let id = connection.next_response();
        let sending = Sending {
            connection,
            id,
            _answering: answering,
        };
        sending.progress();
        Self {
            body,
            rest: Bytes::new(),
            sending: Arc::new(sending),
        }
    }
}

impl HttpBody for SentInParts {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return other,
            }
        }
        let length = self.rest.len().min(PART);
        let bytes = self.rest.split_to(length);
        self.sending.progress();
        let sending = Arc::clone(&self.sending);
        let part = Bytes::from_owner(Part { bytes, sending });
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
