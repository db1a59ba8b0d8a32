//! From a feed to a repository: feeds and their pipeline, numbering, batching, and the spool that
//! survives a crash. Knows only `Arc<dyn TickRepository>`.

pub mod fanout;
pub mod feed;
mod persister;
pub mod quality;
mod sequence;
mod spool;

pub use persister::{
    Ack, AckLevel, OnFull, PersisterClosed, PersisterConfig, PersisterHealth, PersisterStats,
    PushError, SpoolConfig, SpoolMode, StopReport, TickPersister, Undrained,
};
pub use sequence::SequenceAssigner;
pub use spool::{DeadLetter, DeadLetterReason, SPOOL_FORMAT, Spool, SpoolContent, SpoolError};
pub(crate) use spool::{is_unfinished, rewrite};
