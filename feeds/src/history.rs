//! Trades of the past, which a venue offers over HTTP.

use chrono::{DateTime, Utc};

use crate::error::ProtocolError;
use crate::protocol::{EventSink, Frame};
use crate::venue::Rate;

/// The order in which a venue gives pages of trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryOrder {
    /// A page has the first trades at or after [`HistoryPage::start`].
    Forward,
    /// A page has the last trades before the number [`HistoryPage::before`].
    Backward,
}

/// A page of the history of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage<'a> {
    /// The symbol, as the venue names it.
    pub symbol: &'a str,
    /// The time from which trades are wanted, inclusive.
    pub start: DateTime<Utc>,
    /// The number up to which trades are wanted, exclusive.
    pub before: i64,
}

/// An HTTP request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryRequest {
    /// The address.
    pub address: String,
    /// A header of the request: its name in lower case, and its value.
    pub header: Option<(&'static str, &'static str)>,
}

impl HistoryRequest {
    /// A request without further headers.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self {
            address,
            header: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }
}

/// Passes the trades of the body of a page to the sink, as [`FeedEvent::Trade`](crate::FeedEvent::Trade), in any
/// order. The arguments are the symbol as the venue names it, the body, and the sink.
pub type ReadHistory = fn(&str, Frame<'_>, &mut EventSink<'_>) -> Result<(), ProtocolError>;

/// The history of trades of a venue. Its trades have the numbers that the venue sends on its stream.
#[derive(Debug, Clone)]
pub struct TradeHistory {
    http: String,
    request: fn(&str, &HistoryPage<'_>) -> HistoryRequest,
    read: ReadHistory,
    order: HistoryOrder,
    is_consecutive: bool,
    rate: Rate,
}

impl TradeHistory {
    /// The history at the address `http`, which is passed to `request`. Pages are requested at `rate`.
    #[must_use]
    pub fn new(
        http: impl Into<String>,
        order: HistoryOrder,
        rate: Rate,
        request: fn(&str, &HistoryPage<'_>) -> HistoryRequest,
        read: ReadHistory,
    ) -> Self {
        Self {
            http: http.into(),
            request,
            read,
            order,
            is_consecutive: false,
            rate,
        }
    }

    /// The numbers of the trades of a symbol have no holes, so that a missing trade is noticed.
    #[must_use]
    pub fn with_consecutive_numbers(mut self) -> Self {
        self.is_consecutive = true;
        self
    }

    /// The order of pages.
    #[must_use]
    pub fn order(&self) -> HistoryOrder {
        self.order
    }

    /// Whether the numbers of the trades of a symbol have no holes.
    #[must_use]
    pub fn is_consecutive(&self) -> bool {
        self.is_consecutive
    }

    /// The largest rate of requests.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The request for a page.
    #[must_use]
    pub fn request(&self, page: &HistoryPage<'_>) -> HistoryRequest {
        (self.request)(&self.http, page)
    }

    /// Passes the trades of the body of a page to the sink.
    ///
    /// # Errors
    /// A body that cannot be read, or that is an error of the venue.
    pub fn read(
        &self,
        symbol: &str,
        body: Frame<'_>,
        sink: &mut EventSink<'_>,
    ) -> Result<(), ProtocolError> {
        (self.read)(symbol, body, sink)
    }
}
