//! Responses that are pages of rows.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::RepositoryError;
use tickbook::domain::{SortOrder, TimeRange};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

use crate::answers::{CsvColumns, ListAnswer, Representation, Validator, push_row};
use crate::app::AppState;
use crate::buffer::Buffer;
use crate::http::{Connection, Counted, Held};
use crate::problem::Problem;

/// Number of rows between two yields to other requests.
const AT_ONCE: usize = 100;

/// Whether a page of this many rows would delay other requests too much.
pub(super) fn is_long(rows: usize) -> bool {
    rows > AT_ONCE
}

/// Whether a page of `range` contains no row, and lacks no row, for the reason that `now` is too early. `last` is the
/// time of the last row if a further page follows.
pub(super) fn is_closed_page(
    range: TimeRange,
    order: SortOrder,
    last: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> bool {
    let is_full = order == SortOrder::Ascending && last.is_some_and(|last| last < now);
    range.end() <= now || is_full
}

/// Memory for a page, and the permit of an active request.
#[derive(Debug)]
pub(super) struct Room {
    memory: Held,
    working: OwnedSemaphorePermit,
    /// The permit of a long page.
    reading: Option<OwnedSemaphorePermit>,
    writing: Arc<Semaphore>,
}

/// Waits until memory for a page of `rows` rows is available, both as read and as sent, and until a long page
/// has a permit. The request does not count as active while it waits.
pub(super) async fn room<Row>(
    app: &AppState,
    connection: Option<Extension<Connection>>,
    rows: usize,
    row_bytes: usize,
) -> Result<Room, Problem> {
    let connection = connection.map(|Extension(connection)| connection);
    let bytes = rows * (row_bytes + size_of::<Row>());
    let memory = app.http.memory().for_answer(connection, bytes).await?;
    let reading = if is_long(rows) {
        app.http.reading(rows).await
    } else {
        None
    };
    let working = app.http.begin()?;
    Ok(Room {
        memory,
        working,
        reading,
        writing: app.http.writing(),
    })
}

/// A body and the memory that it holds until it was sent.
struct PageText {
    text: Buffer,
    _memory: Held,
}

impl AsRef<[u8]> for PageText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl PageText {
    fn into_response(self, content_type: HeaderValue) -> Response {
        let body = Body::from(Bytes::from_owner(self));
        let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
        response.extensions_mut().insert(Counted);
        response
    }
}

/// Writes a page as the JSON body of a response: `data` and `next_cursor`.
pub(super) async fn page_answer<Row: Serialize + Sync>(
    data: &[Row],
    next_cursor: Option<&str>,
    row_bytes: usize,
    room: Room,
) -> Result<Response, Problem> {
    let text = json_text(data, next_cursor, row_bytes, room).await?;
    let json = HeaderValue::from_static("application/json");
    Ok(text.into_response(json))
}

/// Writes a page in the representation that the client accepts, with its validator.
pub(super) async fn list_answer<Row: Serialize + CsvColumns + Sync>(
    data: &[Row],
    next_cursor: Option<&str>,
    row_bytes: usize,
    room: Room,
    answer: ListAnswer,
) -> Result<Response, Problem> {
    let text = match answer.representation {
        Representation::Json => json_text(data, next_cursor, row_bytes, room).await?,
        Representation::Csv => {
            let mut header = Row::COLUMNS.join(",").into_bytes();
            header.push(b'\n');
            let write = |part: &mut Vec<u8>, _, row: &Row| push_row(part, row.values());
            page_text(data, row_bytes, room, (&header, b""), write).await?
        }
    };
    let validator = Validator::of(&text.text, next_cursor);
    let response = text.into_response(answer.representation.content_type());
    Ok(answer.finish(response, validator, next_cursor))
}

async fn json_text<Row: Serialize + Sync>(
    data: &[Row],
    next_cursor: Option<&str>,
    row_bytes: usize,
    room: Room,
) -> Result<PageText, Problem> {
    let mut end = b"],\"next_cursor\":".to_vec();
    serde_json::to_writer(&mut end, &next_cursor).map_err(failed)?;
    end.push(b'}');
    let write = |part: &mut Vec<u8>, index, row: &Row| {
        if index > 0 {
            part.push(b',');
        }
        serde_json::to_writer(part, row).map_err(io::Error::from)
    };
    page_text(data, row_bytes, room, (b"{\"data\":[", &end), write).await
}

/// Writes the rows of a page between a start and an end.
///
/// Allocates space for all rows, `row_bytes` bytes each, at once: a growing buffer would be copied several
/// times.
async fn page_text<Row: Sync>(
    data: &[Row],
    row_bytes: usize,
    room: Room,
    (start, end): (&[u8], &[u8]),
    write: impl Fn(&mut Vec<u8>, usize, &Row) -> io::Result<()> + Send,
) -> Result<PageText, Problem> {
    let Room {
        memory,
        working,
        reading,
        writing,
    } = room;
    // more long pages at once would only take the processors from other requests
    let turn = if is_long(data.len()) {
        // the semaphore is never closed
        writing.acquire().await.ok()
    } else {
        None
    };
    let mut text = Buffer::with_room((data.len() + 1) * row_bytes);
    // a row is written in many small pieces, which is fastest with a vector
    let mut part = Vec::with_capacity((data.len().min(AT_ONCE) + 1) * row_bytes);
    part.extend_from_slice(start);
    for (index, row) in data.iter().enumerate() {
        if index > 0 && index % AT_ONCE == 0 {
            text.extend(&part).map_err(failed)?;
            part.clear();
            yield_now().await;
        }
        write(&mut part, index, row).map_err(failed)?;
    }
    part.extend_from_slice(end);
    text.extend(&part).map_err(failed)?;
    // the unused rest of the mapping takes no memory
    memory.shrink(text.len());
    drop((turn, reading, working));
    Ok(PageText {
        text,
        _memory: memory,
    })
}

fn failed(error: impl fmt::Display) -> RepositoryError {
    RepositoryError::Internal {
        operation: "write_page",
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::HttpBody as _;
    use tickbook::Repositories;
    use tokio::time::timeout;

    use super::*;
    use crate::http::{FREE, Http};
    use crate::metrics;
    use crate::readiness::Readiness;
    use crate::settings::ServerConfig;

    fn state() -> AppState {
        let handle = metrics::install().expect("no other recorder");
        AppState {
            http: Http::new(ServerConfig::default()),
            ..AppState::new(
                Repositories::in_memory(),
                Readiness::fixed(Vec::new()),
                handle,
            )
        }
    }

    #[tokio::test]
    async fn page_counts_as_long_as_its_text_is() {
        let (app, rows) = (state(), 10_000);
        let http = app.http.clone();
        let room = room::<u64>(&app, None, rows, 240).await.expect("free");
        assert_eq!(http.memory().taken(), rows * (240 + 8) - FREE);
        let rows: Vec<u64> = (0..10_000).collect();
        let answer = page_answer(&rows, Some("next"), 240, room).await;
        let answer = answer.expect("an answer");
        // no other share is counted for it
        assert!(answer.extensions().get::<Counted>().is_some());
        let body = answer.into_body();
        let length = body.size_hint().exact().expect("known");
        assert_eq!(http.memory().taken() as u64, length - FREE as u64);
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("whole");
        let page: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(page["data"], serde_json::json!(rows));
        assert_eq!(page["next_cursor"], "next");
        drop(bytes);
        assert_eq!(http.memory().taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn rows_of_long_pages_are_limited() {
        let app = state();
        let turns = (2 * std::thread::available_parallelism().map_or(1, usize::from)).max(4);
        let patience = Duration::from_secs(60);
        for (rows, pages) in [(10_000, turns), (5_000, 2 * turns), (usize::MAX / 8, turns)] {
            let mut rooms = Vec::new();
            while let Ok(room) = timeout(patience, room::<()>(&app, None, rows, 0)).await {
                rooms.push(room.expect("free"));
            }
            assert_eq!(rooms.len(), pages, "{rows} rows");
            let short = timeout(patience, room::<u8>(&app, None, AT_ONCE, 4)).await;
            short.expect("at once").expect("free");
            let answer = page_answer(&[1_u8], None, 4, rooms.pop().expect("one")).await;
            let waits = timeout(patience, room::<()>(&app, None, rows, 0)).await;
            waits.expect("its turn").expect("free");
            drop(answer);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_pages_wait_for_no_long_ones() {
        let app = state();
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
