//! Sessions that a local server replays to the transport, whole and with faults.

mod damaged;
mod drained;
mod faults;
#[cfg(feature = "ingest")]
mod filled;
mod history;
mod play;
mod recorder;
mod reframed;
#[cfg(feature = "ingest")]
mod renewed;
#[cfg(feature = "ingest")]
mod stored;
mod transport_security;
mod truth;
mod venues;
mod whole;

use std::collections::BTreeMap;
use std::time::Duration;

use tickbook::{Backoff, Clock};
use tickbook_feeds::Venue;
use tickbook_feeds::transport::{Tls, Transport, TransportSettings};
use venue_server::VenueServer;

use self::play::SessionPlay;
use self::recorder::Recorder;
use crate::replay::book_digest;

/// The longest time for a session. It only ends a test that would never end.
const LIMIT: Duration = Duration::from_secs(120);

/// The findings of a client of the server.
pub(crate) struct Served {
    recorder: Recorder,
    /// The digest of each book; `None` if it is not valid.
    books: BTreeMap<String, Option<String>>,
    play: SessionPlay,
}

/// Faults are repaired without the delays that are polite to a real venue.
fn settings() -> TransportSettings {
    let mut settings = TransportSettings::default();
    settings.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    settings
}

/// Runs a server, and a transport until the session is over and all books are valid.
async fn serve(play: SessionPlay) -> Served {
    let recorder = Recorder::new(play.finished(), play.books);
    serve_with(play, recorder).await
}

/// Runs a server, and a transport until the recorder ends it.
async fn serve_with(play: SessionPlay, mut recorder: Recorder) -> Served {
    let make = play.dialect().venue;
    let symbols = play.symbols().to_vec();
    let server = VenueServer::start(play).await;
    let mut venue = make(&symbols, &server.websocket(), &server.http());
    let tls = Tls::of_the_system().expect("TLS");
    let transport = Transport::new(tls, Clock::system()).with_settings(settings());
    let run = transport.run(&mut venue, &mut recorder);
    let in_time = tokio::time::timeout(LIMIT, run).await;
    assert!(
        in_time.is_ok(),
        "the session does not end: {:?} {:?}",
        recorder,
        server.play()
    );
    let digest = |symbol: &String| (symbol.clone(), book_digest(venue.protocol(), symbol));
    let books = symbols.iter().map(digest).collect();
    let play = std::mem::take(&mut *server.play());
    Served {
        recorder,
        books,
        play,
    }
}

/// The protocol of a venue whose addresses are not used.
fn offline(make: venues::Make, symbols: &[String]) -> Box<dyn Venue> {
    make(symbols, "ws://localhost", "http://localhost")
}
