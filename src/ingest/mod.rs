//! From a feed to a repository: feeds and their pipeline, numbering, batching, and the spool that survives a
//! crash. Depends only on the traits of repositories.

pub mod book;
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
    Ack, AckLevel, BookPersister, DrainTimeout, OnFull, Persister, PersisterClosed,
    PersisterConfig, PersisterHealth, PersisterStats, PushError, SpoolConfig, SpoolMode,
    StopReport, TickPersister, TradePersister,
};
pub use record::{BookRecord, BookRecordKey, Record};
pub use spool::{
    BookSpool, DeadLetter, DeadLetterReason, NumberedDeadLetter, SPOOL_FORMAT, Spool, SpoolContent,
    SpoolError, TickSpool, TradeSpool,
};
pub use store::{RecordConflict, RecordStore, RejectedRecord, RepositoryRecord, StoreReceipt};
