//! Metrics of the connections to venues.

use chrono::{DateTime, Utc};
use metrics::{counter, gauge};
use tickbook::domain::book::BookState;
use tickbook_feeds::feed::VenueState;
use tickbook_feeds::transport::EndReason;

use super::families::{
    FEED_BOOKS, FEED_CONNECTED, FEED_CONNECTION_ENDS, FEED_CONNECTIONS, FEED_FAILED_ATTEMPTS,
    FEED_GAPS, FEED_GAPS_FILLED, FEED_MESSAGE_AGE, FEED_MESSAGES, FEED_MESSAGES_REFUSED,
    FEED_OPEN_GAPS, FEED_STALE_BOOKS, FEED_TRADES_FILLED,
};
use crate::feed::Venues;

/// Sets the metrics of all connections to venues at the time `now`.
pub(crate) fn set_venues(venues: &Venues, now: DateTime<Utc>) {
    for (feed, venue) in venues.iter() {
        set_venue(feed, &venue.state(), now);
    }
}

fn set_venue(feed: &str, state: &VenueState, now: DateTime<Utc>) {
    let feed = || feed.to_owned();
    gauge!(FEED_CONNECTED, "feed" => feed()).set(f64::from(u8::from(state.is_connected)));
    if let Some(at) = state.last_message_at {
        // an age of 2^53 microseconds is 285 years
        let age = (now - at).num_microseconds().unwrap_or(0).max(0) as f64 / 1e6;
        gauge!(FEED_MESSAGE_AGE, "feed" => feed()).set(age);
    }
    for (name, number) in [
        (FEED_MESSAGES, state.messages),
        (
            FEED_MESSAGES_REFUSED,
            state.refused + state.failed_snapshots,
        ),
        (FEED_CONNECTIONS, state.connections),
        (FEED_FAILED_ATTEMPTS, state.failed_attempts),
        (FEED_STALE_BOOKS, state.stale_books),
        (FEED_GAPS, state.gaps),
        (FEED_GAPS_FILLED, state.filled_gaps),
        (FEED_TRADES_FILLED, state.filled_trades),
    ] {
        counter!(name, "feed" => feed()).absolute(number);
    }
    // at most one for each symbol and channel
    gauge!(FEED_OPEN_GAPS, "feed" => feed()).set(state.open_gaps as f64);
    for reason in EndReason::ALL {
        let number = state.ends.get(reason).copied().unwrap_or(0);
        counter!(FEED_CONNECTION_ENDS, "feed" => feed(), "reason" => reason.as_str())
            .absolute(number);
    }
    let count = |is_counted: fn(BookState) -> bool| {
        let books = state.books.values().filter(|book| is_counted(book.state));
        // a venue has fewer than 2^53 books
        books.count() as f64
    };
    for (name, is_counted) in [
        (
            "syncing",
            (|state| state == BookState::Syncing) as fn(BookState) -> bool,
        ),
        ("valid", BookState::is_valid),
        ("stale", |state| matches!(state, BookState::Stale(_))),
    ] {
        gauge!(FEED_BOOKS, "feed" => feed(), "state" => name).set(count(is_counted));
    }
}
