//! Memory of responses, from their creation until the client has received them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse as _, Response};
use hyper::body::{Frame, SizeHint};

use super::memory::{Held, Memory};
use super::open_connections::Connection;

/// Responses up to this size in bytes are not counted. The limit of connections bounds their total memory.
const SHORT: usize = 64 * 1024;

/// Extension of a response that already holds its memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted;

/// What happens to a response if no memory is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutMemory {
    /// A problem is sent instead.
    Refuse,
    /// It is sent and exceeds the budget.
    Exceed,
}

/// Counts the memory of a response until it was sent. This prevents clients that read nothing from making
/// the server hold any number of long responses. Returns a problem instead of the response if the memory is
/// not available and `without_memory` says so.
pub(super) fn counted(
    memory: &Memory,
    connection: Option<&Connection>,
    without_memory: WithoutMemory,
    response: Response,
) -> Response {
    let hint = response.body().size_hint();
    // every response has a known length
    let bytes = hint.upper().unwrap_or(hint.lower());
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if bytes <= SHORT || response.extensions().get::<Counted>().is_some() {
        return response;
    }
    let held = match without_memory {
        WithoutMemory::Refuse => memory.for_made_answer(connection.cloned(), bytes),
        WithoutMemory::Exceed => Ok(memory.for_operation(connection.cloned(), bytes)),
    };
    match held {
        Ok(held) => response.map(|body| {
            let held = Arc::new(held);
            Body::new(Holding { body, held })
        }),
        Err(problem) => problem.into_response(),
    }
}

struct Holding {
    body: Body,
    held: Arc<Held>,
}

/// The bytes of a response. They outlive its body, which is dropped before the last bytes are sent.
struct Part {
    bytes: Bytes,
    _held: Arc<Held>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Holding {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map_ok(|frame| {
            frame.map_data(|bytes| {
                let _held = Arc::clone(&self.held);
                Bytes::from_owner(Part { bytes, _held })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::WithoutMemory::{Exceed, Refuse};
    use super::*;
    use crate::http::FREE;

    #[tokio::test]
    async fn long_answers_count_until_they_were_sent() {
        let memory = Memory::new(100_000);
        let answer = |bytes: usize| Response::new(Body::from(vec![b'x'; bytes]));
        let short = counted(&memory, None, Refuse, answer(SHORT));
        assert_eq!(memory.taken(), 0);
        let mut counts_itself = answer(SHORT + 1);
        counts_itself.extensions_mut().insert(Counted);
        let counts_itself = counted(&memory, None, Refuse, counts_itself);
        assert_eq!(memory.taken(), 0);
        let mut long = counted(&memory, None, Refuse, answer(FREE + 60_000)).into_body();
        assert_eq!(memory.taken(), 60_000);
        let second = counted(&memory, None, Refuse, answer(FREE + 60_000));
        assert_eq!(second.status(), 503);
        let frame = long.frame().await.expect("one").expect("bytes");
        let bytes = frame.into_data().expect("bytes");
        assert!(long.frame().await.is_none());
        drop((short, counts_itself, second, long));
        assert_eq!((bytes.len(), memory.taken()), (FREE + 60_000, 60_000));
        drop(bytes);
        assert_eq!(memory.taken(), 0);
    }

    #[tokio::test]
    async fn answers_that_exceed_the_memory_count() {
        let memory = Memory::new(100_000);
        let answer = || Response::new(Body::from(vec![b'x'; FREE + 60_000]));
        let answers = [(); 3].map(|()| counted(&memory, None, Exceed, answer()));
        assert!(answers.iter().all(|answer| answer.status() == 200));
        assert_eq!(memory.taken(), 180_000);
        let refused = counted(&memory, None, Refuse, answer());
        assert_eq!(refused.status(), 503);
        drop((answers, refused));
        assert_eq!(memory.taken(), 0);
    }
}
