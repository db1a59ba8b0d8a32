//! Recorded sessions: the lines of a file, and what a protocol finds in them.
//!
//! A line is one of these; other lines are ignored. `TIME` is in seconds since 1970, with a fraction.
//!
//! | line | meaning |
//! | --- | --- |
//! | `URL <-> TIME` | a connection was opened |
//! | `URL <- TIME: TEXT` | the client sent a message |
//! | `TIME: TEXT` | a message arrived |
//! | `URL -> TIME: BODY` | an HTTP request got this body |
//!
//! A message of FIX has its separators, the bytes with the value 1.

mod file;
mod line;
mod notes;
mod observer;
mod replay;
mod report;
mod venue;

pub(crate) use file::blocks;
pub use file::lines;
pub use line::SessionLine;
pub use observer::{Observer, SessionEvent};
pub use replay::Replay;
pub use report::{
    BookReport, FinalBook, InstrumentCounts, Problem, ReplayReport, SessionReport, book_text,
};
pub use venue::{RecordedVenue, UnknownRecordedVenue};
