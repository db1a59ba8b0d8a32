//! Responses that are pages of rows.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tickbook::RepositoryError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

use crate::app::AppState;
use crate::http::{Connection, Held};
use crate::problem::Problem;

/// Number of rows between two yields to other requests.
const AT_ONCE: usize = 100;

/// Whether a page of this many rows would delay other requests too much.
pub(super) fn is_long(rows: usize) -> bool {
    rows > AT_ONCE
}

/// Memory for a page, and the permit of an active request.
#[derive(Debug)]
pub(super) struct Room {
    memory: Held,
    working: OwnedSemaphorePermit,
    writing: Arc<Semaphore>,
}

/// Waits until memory for a page of `rows` rows is available, both as read and as sent. The request does not
/// count as active while it waits.
pub(super) async fn room<Row>(
    app: &AppState,
    connection: Option<Extension<Connection>>,
    rows: usize,
    row_bytes: usize,
) -> Result<Room, Problem> {
    let connection = connection.map(|Extension(connection)| connection);
    let bytes = rows * (row_bytes + size_of::<Row>());
    let memory = app.http.memory().for_answer(connection, bytes).await?;
    let working = app.http.begin()?;
    Ok(Room {
        memory,
        working,
        writing: app.http.writing(),
    })
}

/// A body and the memory that it holds until it was sent.
struct Page {
    text: Vec<u8>,
    _memory: Held,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// Writes a page as the JSON body of a response: `data` and `next_cursor`.
///
/// Allocates space for all rows, `row_bytes` bytes each, at once: a growing buffer would be copied several
/// times.
pub(super) async fn page_answer<Row: Serialize + Sync>(
    data: &[Row],
    next_cursor: Option<&str>,
    row_bytes: usize,
    room: Room,
) -> Result<Response, Problem> {
    let failed = |error: serde_json::Error| RepositoryError::Internal {
        operation: "write a page",
        reason: error.to_string(),
    };
    let Room {
        memory,
        working,
        writing,
    } = room;
    // more long pages at once would only take the processors from other requests
    let turn = if is_long(data.len()) {
        // the semaphore is never closed
        writing.acquire().await.ok()
    } else {
        None
    };
    let mut text = Vec::with_capacity((data.len() + 1) * row_bytes);
    text.extend_from_slice(b"{\"data\":[");
    for (index, row) in data.iter().enumerate() {
        if index > 0 {
            text.push(b',');
            if index % AT_ONCE == 0 {
                yield_now().await;
            }
        }
        serde_json::to_writer(&mut text, row).map_err(failed)?;
    }
    text.extend_from_slice(b"],\"next_cursor\":");
    serde_json::to_writer(&mut text, &next_cursor).map_err(failed)?;
    text.push(b'}');
    memory.shrink(text.capacity());
    drop((turn, working));
    let body = Body::from(Bytes::from_owner(Page {
        text,
        _memory: memory,
    }));
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tickbook::Repositories;
    use tokio::time::timeout;

    use super::*;
    use crate::metrics;
    use crate::readiness::Readiness;

    #[tokio::test(start_paused = true)]
    async fn short_pages_wait_for_no_long_ones() {
        let handle = metrics::install().expect("no other recorder");
        let readiness = Readiness::fixed(Vec::new());
        let app = AppState::new(Repositories::in_memory(), readiness, handle);
        let turns = app.http.writing();
        let all = u32::try_from(turns.available_permits()).expect("few");
        let _long = turns.acquire_many(all).await.expect("never closed");
        for (rows, in_time) in [(AT_ONCE, true), (AT_ONCE + 1, false)] {
            let room = room::<u8>(&app, None, rows, 4).await.expect("free");
            let rows = vec![1_u8; rows];
            let answering = page_answer(&rows, None, 4, room);
            let answer = timeout(Duration::from_secs(60), answering).await;
            assert_eq!(answer.is_ok(), in_time, "{}", rows.len());
        }
    }
}
