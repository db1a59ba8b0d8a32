//! From a feed to a repository: feeds and their pipeline, numbering, batching, and the spool that survives a
//! crash. Depends only on `Arc<dyn TickRepository>`.

pub mod fanout;
pub mod feed;
mod occurrences;
mod persister;
pub mod quality;
pub mod record;
mod spool;
mod store;

pub use occurrences::OccurrenceCounter;
pub use persister::{
    Ack, AckLevel, DrainTimeout, OnFull, Persister, PersisterClosed, PersisterConfig,
    PersisterHealth, PersisterStats, PushError, SpoolConfig, SpoolMode, StopReport, TickPersister,
};
pub use record::Record;
pub use spool::{
    DeadLetter, DeadLetterReason, NumberedDeadLetter, SPOOL_FORMAT, Spool, SpoolContent,
    SpoolError, TickSpool,
};
pub use store::{RecordConflict, RecordStore, RejectedRecord, StoreReceipt};
