//! From a feed to a repository: numbering and batching. Knows only `Arc<dyn TickRepository>`.

mod sequence;

pub use sequence::SequenceAssigner;
