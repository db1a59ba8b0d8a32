//! The list of instruments of a venue.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::timeout;

use super::event::{Receiver, TransportEvent};
use super::http::FetchError;
use super::run::Transport;
use crate::error::ProtocolError;
use crate::event::FeedEvent;
use crate::venue::{InstrumentResult, InstrumentSource, Venue};

/// Why a venue gave no list of instruments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListingError {
    /// The list cannot be fetched.
    #[error("{address}: {source}")]
    Fetch {
        /// The address.
        address: String,
        /// The reason.
        source: FetchError,
    },
    /// The list cannot be read.
    #[error("{address}: {source}")]
    Unreadable {
        /// The address.
        address: String,
        /// The reason.
        source: ProtocolError,
    },
    /// No connection was opened.
    #[error("{address}: {reason}")]
    Connect {
        /// The address.
        address: String,
        /// The reason.
        reason: String,
    },
    /// The connection brought no list in time.
    #[error("{address} listed no instruments within {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The address.
        address: String,
        /// The longest time.
        limit: Duration,
    },
}

/// Collects instruments until a message has brought some.
#[derive(Debug, Default)]
struct Listing {
    found: Vec<InstrumentResult>,
    failure: Option<String>,
}

impl Receiver for Listing {
    fn event(&mut self, event: TransportEvent<'_>) {
        match event {
            TransportEvent::Feed(FeedEvent::Instrument(listed)) => self.found.push(Ok(listed)),
            TransportEvent::Feed(FeedEvent::InstrumentRefused(refused)) => {
                self.found.push(Err(refused));
            }
            TransportEvent::ConnectFailed { error, .. } => self.failure = Some(error.to_string()),
            _ => {}
        }
    }

    async fn ready(&mut self) -> ControlFlow<()> {
        match self.found.is_empty() && self.failure.is_none() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

impl Transport {
    /// The instruments that a venue lists. If the venue lists them over WebSocket
    /// ([`InstrumentSource::Channel`]), it must be subscribed to
    /// [`Channel::Instruments`](crate::Channel::Instruments).
    ///
    /// # Errors
    /// The venue cannot be reached, or gives no list in time.
    pub async fn instruments(
        &self,
        venue: &mut Box<dyn Venue>,
    ) -> Result<Vec<InstrumentResult>, ListingError> {
        match venue.instruments() {
            InstrumentSource::Http { address, read } => match self.get(&address).await {
                Ok(body) => {
                    read(&body).map_err(|source| ListingError::Unreadable { address, source })
                }
                Err(source) => Err(ListingError::Fetch { address, source }),
            },
            InstrumentSource::Channel => self.subscribed_instruments(venue).await,
        }
    }

    async fn subscribed_instruments(
        &self,
        venue: &mut Box<dyn Venue>,
    ) -> Result<Vec<InstrumentResult>, ListingError> {
        let address = venue.address();
        let limit = self.settings().request_timeout;
        let mut listing = Listing::default();
        let run = timeout(limit, self.run(venue, &mut listing)).await;
        match (listing.failure, run) {
            (Some(reason), _) => Err(ListingError::Connect { address, reason }),
            (None, Ok(())) => Ok(listing.found),
            (None, Err(_)) => Err(ListingError::TimedOut { address, limit }),
        }
    }
}
