//! Venues as feeds of the library: their quotes and trades as ticks and trades of symbols.
//!
//! [`SymbolDirectory`] finds the symbol of each name of a venue, [`Records`] converts what a transport reports, and
//! [`VenueFeed`] is a [`Feed`](tickbook::ingest::feed::Feed) that a
//! [`Pipeline`](tickbook::ingest::feed::Pipeline) runs.

mod directory;
mod fill_error;
mod gap_filler;
mod gap_filling;
mod gap_queue;
#[cfg(test)]
mod gap_queue_tests;
mod gap_signal;
mod gaps;
#[cfg(test)]
mod gaps_tests;
mod last_run;
#[cfg(test)]
mod last_run_tests;
mod listing;
mod message_log;
mod monitor;
mod records;
mod sending;
#[cfg(test)]
mod sending_tests;
#[cfg(feature = "replay")]
mod session_feed;
mod venue_feed;
mod walk;
#[cfg(test)]
mod walk_tests;

pub use directory::{DirectoryError, SymbolDirectory};
pub use fill_error::FillError;
pub use gap_filler::{FilledGap, FilledTrades, GapFiller};
pub use listing::{InstrumentLists, symbol_list};
pub use message_log::{MessageLog, MessageRecorder, RecordedMessages};
pub use monitor::{BookStatus, VenueMonitor, VenueState};
pub use records::{Record, Records};
#[cfg(feature = "replay")]
pub use session_feed::{SessionFeed, SessionSource, line_of};
pub use venue_feed::VenueFeed;
