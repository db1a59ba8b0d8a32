//! Order books: from feeds to readers and to a repository.
//!
//! A feed sends [`BookEvent`]s. [`LiveBooks`] has the present books, and a [`BookWatch`] says which of them have
//! changed. A [`BookRecorder`] makes [`BookRecord`](super::BookRecord)s of a live book, and a
//! [`BookPersister`](super::BookPersister) stores them through its spool, in their order. [`BookRecording`] does
//! that for all books of a [`Pipeline`](super::feed::Pipeline).

mod desks;
mod event;
mod live;
mod message;
mod recorder;
mod recording;
mod recovery;
mod store;
mod taken;
mod top_levels;
mod watch;

pub(crate) use desks::Desks;
pub use event::{BookContent, BookEvent};
pub(crate) use live::{Applied, BookSource};
pub use live::{LiveBook, LiveBooks, LiveState};
pub use message::BookMessage;
pub use recorder::{BookRecorder, RecorderConfig};
pub use recording::BookRecording;
pub(crate) use recording::{RecordingMonitor, RunningRecording};
pub use recovery::end_interrupted;
pub use watch::BookWatch;
