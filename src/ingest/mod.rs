//! From a feed to a repository: numbering and batching. Knows only `Arc<dyn TickRepository>`.

mod persister;
mod sequence;

pub use persister::{PersisterClosed, PersisterConfig, PersisterStats, StopReport, TickPersister};
pub use sequence::SequenceAssigner;
