//! HTTP requests for snapshots and instruments.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tickbook::domain::excerpt;
use tokio::time::timeout;

use super::connect::{ConnectError, Server, Tls};
use crate::history::HistoryRequest;

/// The longest body. Lists of instruments have several megabytes.
const MAX_BODY: usize = 64 << 20;

/// Why a body was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection was opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server answered with another status than 200.
    #[error("status {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// The beginning of the body.
        body: String,
    },
    /// The answer is not complete, not UTF-8, or too long.
    #[error("{0}")]
    Answer(String),
}

impl FetchError {
    /// How long the server asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Fetches the body of an address within `limit`.
pub(super) async fn get(
    request: &HistoryRequest,
    tls: &Tls,
    limit: Duration,
) -> Result<String, FetchError> {
    let server = Server::of(&request.address)?;
    let answer = timeout(limit, get_from(&server, request, tls, limit)).await;
    answer.unwrap_or_else(|_| Err(server.timed_out(limit).into()))
}

async fn get_from(
    server: &Server,
    request: &HistoryRequest,
    tls: &Tls,
    limit: Duration,
) -> Result<String, FetchError> {
    let address = request.address.as_str();
    let invalid = || ConnectError::InvalidAddress(address.to_owned());
    let uri: Uri = address.parse().map_err(|_| invalid())?;
    let authority = uri.authority().ok_or_else(invalid)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut message = Request::get(path)
        .header(HOST, authority.as_str())
        .header(ACCEPT, "application/json")
        // some venues refuse requests without it
        .header(USER_AGENT, concat!("tickbook/", env!("CARGO_PKG_VERSION")));
    if let Some((name, value)) = request.header {
        message = message.header(name, value);
    }
    let message = message
        .body(Empty::<Bytes>::new())
        .map_err(|error| answer_error(&error))?;
    let stream = server.connect(tls, limit).await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| answer_error(&error))?;
    let exchange = async {
        let response = sender.send_request(message).await;
        let response = response.map_err(|error| answer_error(&error))?;
        read(response).await
    };
    let connection = async {
        // the exchange reports the error of a broken connection
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        body = exchange => body,
        never = connection => match never {},
    }
}

fn answer_error(error: &dyn std::error::Error) -> FetchError {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
    }
    FetchError::Answer(text)
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<String, FetchError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => FetchError::Answer(format!("the body has more than {MAX_BODY} bytes")),
        false => FetchError::Answer(error.to_string()),
    })?;
    let body = String::from_utf8(body.to_bytes().into());
    if head.status == StatusCode::OK {
        return body.map_err(|_| FetchError::Answer("the body is not UTF-8".to_owned()));
    }
    let seconds = head.headers.get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    Err(FetchError::Status {
        status: head.status.as_u16(),
        retry_after: seconds.map(Duration::from_secs),
        body: excerpt(body.unwrap_or_default()),
    })
}
